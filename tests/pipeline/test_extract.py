"""Stage extract: the graph and the classical counts."""

from interpreter.graph import ComputationalGraph
from interpreter.orders import PORTFOLIO
from interpreter.tracing import trace
from pipeline.console import Console
from pipeline.extract import extract_graph, run_stage
from pipeline.files import Layout, read_json
from pipeline.params import load_params
from pipeline.stage import StageContext, read_graph
from pipeline.tasks import load_task


def test_counts_of_the_published_graph() -> None:
    """Propane combustion costs what the paper says, in every order of the portfolio."""
    content = extract_graph(load_task("propane_combustion"))
    assert set(content["counts"]) == set(PORTFOLIO)
    assert content["counts"]["forward"]["all"] == 151
    assert content["counts"]["reverse"]["all"] == 90
    assert content["counts"]["markowitz"]["all"] == 111
    assert content["best_classic"] == {"all": 88, "nontrivial": 24}
    assert set(content["counts"]["reverse"]) == {"all", "nontrivial", "additions"}


def test_the_stored_graph_is_the_traced_one(layout: Layout, toy: str) -> None:
    """What is read back has the fingerprint of the function's graph."""
    context = StageContext(layout, load_params(layout.params), Console())
    run_stage(context, toy)
    path = layout.graph(toy)
    assert path.name == "toy_functions.toy.json"
    task = load_task(toy)
    graph = trace(task.function, *task.example_inputs())
    assert read_graph(layout, toy).fingerprint == graph.fingerprint
    assert ComputationalGraph.from_dict(read_json(path, "")["graph"]) == graph
    before = path.read_bytes()
    run_stage(context, toy)
    assert path.read_bytes() == before
