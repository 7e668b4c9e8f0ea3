"""Measures what `jacve` does to choose an order by itself, and to choose it again."""

import contextlib
import dataclasses
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.counting import count_multiplications
from elimax.interpreter.graph.order import check_order
from elimax.interpreter.jacobian import resolve_order
from elimax.interpreter.orders.order_cache import FOLDER_VARIABLE, forget_orders


def measure_auto(graph: ComputationalGraph) -> dict[str, Any]:
    """Measures what `jacve` does to choose an order by itself.

    Args:
        graph: The graph.

    Returns:
        `seconds` of the search; both counts; who `found_by`; `memory_ms` and `file_ms`: to find it
        again in this process, and in another one.
    """
    with tempfile.TemporaryDirectory() as folder, _environment(FOLDER_VARIABLE, folder):
        forget_orders()
        seconds, order = _timed(lambda: resolve_order(graph, "auto"))
        memory_seconds, _ = _timed(lambda: resolve_order(graph, "auto"))
        forget_orders()
        # The fingerprint is computed anew as well, as for a graph that has just been traced.
        fresh = dataclasses.replace(graph)
        file_seconds, again = _timed(lambda: resolve_order(fresh, "auto"))
    if again != order:
        raise AssertionError("the cache holds another order than was found")
    counts = count_multiplications(graph, check_order(graph, order))
    return {
        "seconds": round(seconds, 3),
        "all": counts.all,
        "nontrivial": counts.nontrivial,
        "found_by": getattr(order, "name", ""),
        "memory_ms": round(1e3 * memory_seconds, 2),
        "file_ms": round(1e3 * file_seconds, 2),
    }


@contextlib.contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    """Sets a variable for a while."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def _timed(call: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds that a call takes, and what it returns."""
    began = time.perf_counter()
    result = call()
    return time.perf_counter() - began, result
