"""Stage extract: the graph and the classical counts."""

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.orders import PORTFOLIO
from elimax.interpreter.tracing.call import trace
from elimax.pipeline.checkout.context import StageContext, read_graph
from elimax.pipeline.checkout.files import Layout, read_json
from elimax.pipeline.checkout.params import load_params
from elimax.pipeline.console import Console
from elimax.pipeline.stages import extract
from elimax.pipeline.stages.extract import extract_graph, run_stage
from elimax.pipeline.tasks import load_task


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
    graph = trace(task.function, *task.example_inputs(), argnums=task.argnums)
    assert read_graph(layout, toy).fingerprint == graph.fingerprint
    assert ComputationalGraph.from_dict(read_json(path, "")["graph"]) == graph
    before = path.read_bytes()
    run_stage(context, toy)
    assert path.read_bytes() == before


def test_the_graph_is_tracked(layout: Layout, toy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """W&B gets the graph as an artifact, and the counts that every later run is compared with."""
    artifacts, summaries = [], []

    class Recorder:
        """A tracker that remembers what it is given."""

        def artifact(self, path: Path, name: str, kind: str) -> None:
            """Remembers a file that is complete."""
            artifacts.append((read_json(path, "")["task"], name, kind))

        def summary(self, values: Mapping[str, Any]) -> None:
            """Remembers final figures."""
            summaries.append(values)

    monkeypatch.setattr(extract, "track", lambda *arguments: contextlib.nullcontext(Recorder()))
    content = run_stage(StageContext(layout, load_params(layout.params), Console()), toy)
    assert artifacts == [(toy, "graph-toy_functions.toy", "graph")]
    assert summaries[0]["best_classic"] == content["best_classic"]
