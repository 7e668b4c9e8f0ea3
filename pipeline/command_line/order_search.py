"""Command search with a method: one search for an order of a task, without policy and stages."""

import time
from collections.abc import Mapping
from typing import Any

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.independent_count import verified_count
from elimax.interpreter.graph.order import EliminationOrder
from elimax.interpreter.orders import (
    PORTFOLIO,
    best_classic,
    certify,
    optimal_order,
    portfolio,
)
from elimax.interpreter.orders.annealing.anneal import anneal
from elimax.interpreter.orders.moves_last import moves_last_orders
from elimax.interpreter.tracing.call import trace
from elimax.pipeline.checkout.context import Count, two_counts
from elimax.pipeline.command_line.arguments import SearchMethod
from elimax.pipeline.tasks import load_task


def search_order(
    name: str, method: SearchMethod, count: Count = "all", seconds: float = 10.0, seed: int = 0
) -> dict[str, Any]:
    """Searches an order of one task; reads and writes no file.

    Args:
        name: Name of a task, or module:function.
        method: "annealing", "exact" (best-first search up to a number of states) or "portfolio".
        count: Which multiplications to save.
        seconds: Time that annealing takes.
        seed: Seed of annealing.

    Returns:
        `task`, `method`; `all` and `nontrivial` multiplications of the best order; `bound`: no
        order has fewer of the chosen count; `optimal`: whether the order is proven to be the best;
        `evaluations`: orders, or states, that were looked at; `seconds` that it took without
        compiling and proving; the `order`.

    Raises:
        UnknownTaskError: If there is no such task.
        TracingError: If the function cannot be traced.
        CountMismatchError: If the two counters disagree about the order.
    """
    task = load_task(name)
    graph = trace(task.function, *task.example_inputs(), argnums=task.argnums, allow_int=True)
    began = time.perf_counter()
    order, evaluations, spent = _SEARCHES[method](graph, count, seconds, seed)
    spent = time.perf_counter() - began if spent is None else spent
    counts = two_counts(verified_count(graph, order))
    certificate = certify(graph, count, counts[count])
    return {
        "task": name,
        "method": method,
        **counts,
        "bound": certificate.bound,
        "optimal": certificate.optimal,
        "evaluations": evaluations,
        "seconds": round(spent, 3),
        "order": list(order.vertices),
    }


def summary_rows(result: Mapping[str, Any]) -> list[list[Any]]:
    """Returns the rows figure, value, for a table; the order itself is left out."""
    shown = ("all", "nontrivial", "bound", "optimal", "evaluations", "seconds")
    return [[key, result[key]] for key in shown]


_Found = tuple[EliminationOrder, int, float | None]


def _anneal(graph: ComputationalGraph, count: Count, seconds: float, seed: int) -> _Found:
    starts = [*portfolio(graph).values(), *moves_last_orders(graph)]
    result = anneal(graph, starts, count, seconds=seconds, seed=seed)
    return result.order, result.evaluations, result.seconds


def _exact(graph: ComputationalGraph, count: Count, seconds: float, seed: int) -> _Found:
    result = optimal_order(graph, count)
    return result.order, result.states, None


def _portfolio(graph: ComputationalGraph, count: Count, seconds: float, seed: int) -> _Found:
    return best_classic(graph, count), len(PORTFOLIO), None


_SEARCHES = {"annealing": _anneal, "exact": _exact, "portfolio": _portfolio}
