"""The committed orders belong to the graphs that this version of JAX traces.

Run under every supported version: orders, counts and fingerprints must not depend on it.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from elimax.interpreter.graph.counting import count_multiplications
from elimax.interpreter.orders import PORTFOLIO
from elimax.pipeline.tasks import task_names
from support.traced_tasks import task_graph

ORDERS = Path(__file__).parents[1] / "data" / "orders"
CHECKED = ("forward", "reverse", "markowitz", "markowitz_nontrivial_high")


def committed(task: str) -> dict[str, Any]:
    """What the search stage found for a task."""
    return json.loads((ORDERS / f"{task}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("task", task_names())
def test_graphs_have_the_committed_fingerprints(task: str) -> None:
    """Same vertices, same edges, same structures."""
    assert task_graph(task).fingerprint == committed(task)["fingerprint"]


@pytest.mark.parametrize("task", task_names())
def test_orders_have_the_committed_counts(task: str) -> None:
    """The best orders by each count, and classical orders, found anew."""
    graph, stored = task_graph(task), committed(task)
    for best in (stored, *stored["by_count"].values()):
        count = count_multiplications(graph, best["order"])
        assert (count.all, count.nontrivial) == (best["all"], best["nontrivial"])
    for name in CHECKED:
        count = count_multiplications(graph, PORTFOLIO[name](graph))
        expected = stored["candidates"][name]
        assert (count.all, count.nontrivial) == (expected["all"], expected["nontrivial"]), name
