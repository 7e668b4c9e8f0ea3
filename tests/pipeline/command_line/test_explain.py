"""Command explain: which order is meant, its JSON."""

import json
from pathlib import Path

import pytest

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.counting import count_multiplications
from elimax.interpreter.orders import (
    forward_order,
    markowitz_order,
    portfolio,
    reverse_order,
)
from elimax.interpreter.orders.auto import auto_order
from elimax.interpreter.plan import Plan
from elimax.interpreter.tracing.call import trace
from elimax.pipeline.checkout.files import Layout, write_json
from elimax.pipeline.command_line.explain import (
    as_json,
    choose_order,
    explain_order,
    explain_task,
)
from elimax.pipeline.errors import PipelineError
from elimax.pipeline.tasks import load_task


@pytest.fixture
def graph(layout: Layout, toy: str) -> ComputationalGraph:
    """The graph of the toy task."""
    del layout
    task = load_task(toy)
    return trace(task.function, *task.example_inputs(), argnums=task.argnums)


def store(layout: Layout, toy: str, graph: ComputationalGraph, order: list[int]) -> Path:
    """Writes an order as search does."""
    content = {"fingerprint": graph.fingerprint, "order": order, "found_by": "finetuned"}
    write_json(layout.order(toy), content)
    return layout.order(toy)


def test_names_mean_orders(layout: Layout, toy: str, graph: ComputationalGraph) -> None:
    """Those of the portfolio, and auto."""
    for name, order in portfolio(graph).items():
        assert choose_order(layout, toy, graph, name) == order
    assert choose_order(layout, toy, graph, "auto") == auto_order(graph)


def test_the_stored_order_is_the_default(
    layout: Layout, toy: str, graph: ComputationalGraph
) -> None:
    """Without one, or with one of another graph, it is auto."""
    assert choose_order(layout, toy, graph, None) == auto_order(graph)
    path = store(layout, toy, graph, [1])
    write_json(path, {**json.loads(path.read_text()), "fingerprint": "0"})
    assert choose_order(layout, toy, graph, None) == auto_order(graph)
    order = list(forward_order(graph).vertices)
    store(layout, toy, graph, order)
    for choice in (None, "best"):
        found = choose_order(layout, toy, graph, choice)
        assert (list(found.vertices), found.name) == (order, "finetuned")


def test_files_of_all_sorts(
    layout: Layout, toy: str, graph: ComputationalGraph, tmp_path: Path
) -> None:
    """Of search, of an order, of a plan."""
    order = markowitz_order(graph)
    path = store(layout, toy, graph, list(order.vertices))
    assert choose_order(layout, toy, graph, str(path)).vertices == order.vertices
    (tmp_path / "order.json").write_text(json.dumps(order.to_dict()))
    Plan.of_graph(graph, order).save(tmp_path / "plan.json")
    for name in ("order.json", "plan.json"):
        assert choose_order(layout, toy, graph, str(tmp_path / name)) == order


@pytest.mark.parametrize(
    ("choice", "content", "message"),
    [
        ("revers", None, "no order and no file is called 'revers', did you mean reverse"),
        (
            "nothing.json",
            None,
            "no file is called 'nothing.json'; choose one of best, auto, forward",
        ),
        ("best", None, "does not exist; write it with: elimax search"),
        ("best", {"fingerprint": "0", "order": [1]}, "is for the graph 0, expected"),
        ("best", {"order": [1]}, "lacks the key 'fingerprint'"),
        ("best", {"order": {"schema": 1}}, "holds no order of this graph: cannot read the elim"),
    ],
)
def test_faults_are_one_line(
    layout: Layout,
    toy: str,
    graph: ComputationalGraph,
    choice: str,
    content: dict | None,
    message: str,
) -> None:
    """What is wrong, and what to do."""
    if content is not None:
        write_json(layout.order(toy), content)
    with pytest.raises(PipelineError, match=message) as caught:
        choose_order(layout, toy, graph, choice)
    assert "\n" not in str(caught.value)


def test_a_plan_of_another_graph_is_refused(
    layout: Layout, toy: str, graph: ComputationalGraph, tmp_path: Path
) -> None:
    """The message has both fingerprints."""
    other = trace(lambda x: x * x * x, 1.0)
    Plan.of_graph(other, reverse_order(other)).save(tmp_path / "plan.json")
    with pytest.raises(PipelineError, match=f"graph {other.fingerprint}.*{graph.fingerprint}"):
        choose_order(layout, toy, graph, str(tmp_path / "plan.json"))


@pytest.mark.parametrize("count", ["all", "nontrivial"])
def test_json_adds_up(layout: Layout, toy: str, graph: ComputationalGraph, count: str) -> None:
    """Steps to counts, also in the orders of the portfolio; savings to differences."""
    content = as_json(explain_task(layout, toy, "forward", count))  # pyright: ignore
    assert json.loads(json.dumps(content)) == content
    counts = content["counts"]
    for name, order in portfolio(graph).items():
        expected = count_multiplications(graph, order)
        assert counts[name] == {"all": expected.all, "nontrivial": expected.nontrivial}
        assert sum(step["portfolio"][name] for step in content["steps"]) == counts[name][count]
    assert sum(step[count] for step in content["steps"]) == counts["order"][count]
    assert content["steps"][-1]["total"][count] == counts["order"][count]
    for rival, listed in content["savings"].items():
        difference = counts[rival][count] - counts["order"][count]
        assert sum(entry["saved"] for entry in listed) == difference
    assert (content["order"], content["vertices"]) == ("forward", graph.num_vertices)


def test_an_order_is_not_its_own_rival(graph: ComputationalGraph) -> None:
    """The best classic order is compared with reverse alone, reverse perhaps with none."""
    forward = explain_order("toy", graph, forward_order(graph))
    best = portfolio(graph)[forward.best_classic]
    explained = explain_order("toy", graph, best)
    assert explained.is_best_classic
    assert forward.best_classic not in explained.rivals
    assert "reverse" not in explain_order("toy", graph, reverse_order(graph)).rivals


def test_a_function_without_anything_to_eliminate() -> None:
    """No steps, no costs, no rivals."""
    graph = trace(lambda x: x * 2.0, 1.0)
    explained = explain_order("twice", graph, reverse_order(graph))
    assert explained.cost() == explained.cost("forward") == 0
    assert explained.rivals == [] and as_json(explained)["steps"] == []
