"""Command search with a method: one search for an order of a task, without the stages."""

import time
from collections.abc import Callable, Mapping
from typing import Any, Literal

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.independent_count import verified_count
from elimax.interpreter.graph.order import EliminationOrder
from elimax.interpreter.graph.price import order_price, summable_objective
from elimax.interpreter.graph.structure import Count, Objective
from elimax.interpreter.orders import (
    PORTFOLIO,
    best_classic,
    certify,
    optimal_order,
    portfolio,
)
from elimax.interpreter.orders.annealing.anneal import anneal
from elimax.interpreter.orders.moves_last import moves_last_orders
from elimax.interpreter.plan import Plan
from elimax.interpreter.tracing.call import trace
from elimax.pipeline.checkout.context import order_costs
from elimax.pipeline.command_line.arguments import SearchMethod
from elimax.pipeline.errors import ParamsError
from elimax.pipeline.extras import require_package
from elimax.pipeline.tasks import load_task
from elimax.pipeline.tasks.task import Task

Method = Literal["policy", "both", "beam"]
"""Searches with a policy, the same as in `models.policy_search`, which is loaded when needed."""


def search_order(
    name: str, method: SearchMethod, count: Objective = "all", seconds: float = 10.0, seed: int = 0
) -> dict[str, Any]:
    """Searches for an order of one task; reads and writes no file.

    Args:
        name: Name of a task, or module:function.
        method: "annealing"; "policy" (games of the learned policy), "both" (annealing from its
            orders and the rules') or "beam"; "exact" (best-first search up to a number of states)
            or "portfolio".
        count: What to save: "all" or "nontrivial" multiplications, or the "price".
        seconds: Time limit of a search that does not end by itself.
        seed: Seed of what is random.

    Returns:
        `task`, `method`, `count`; `all` and `nontrivial` multiplications of the best order, and
        its `price` if that was saved;
        `bound`: no order has fewer of the chosen count; `optimal`: whether this is proven;
        `evaluations`: orders, games or states examined; `seconds` it took without compiling and
        proving; the `order`.

    Raises:
        UnknownTaskError: If there is no such task.
        MissingPackageError: If a method needs the policy, and the extra `learn` is not installed.
        ParamsError: If a search with the policy has no time, or the exact search is asked for the
            price of a graph with arrays.
        TracingError: If the function cannot be traced.
        CountMismatchError: If the two counters disagree about the order.
    """
    task = load_task(name)
    return search_graph(name, traced_graph(task), method, count, seconds, seed)


def traced_graph(task: Task) -> ComputationalGraph:
    """The graph of a task at its example inputs."""
    return trace(task.function, *task.example_inputs(), argnums=task.argnums, allow_int=True)


def search_graph(
    name: str,
    graph: ComputationalGraph,
    method: SearchMethod,
    count: Objective,
    seconds: float,
    seed: int,
) -> dict[str, Any]:
    """Searches for an order of a graph as `search_order` does; `name` only goes into the result."""
    began = time.perf_counter()
    order, evaluations, spent = _SEARCHES[method](graph, count, seconds, seed)
    spent = time.perf_counter() - began if spent is None else spent
    counts = order_costs(graph, order, count, verified_count)
    certificate = certify(graph, count, counts[count])
    return {
        "task": name,
        "method": method,
        "count": count,
        **counts,
        "bound": certificate.bound,
        "optimal": certificate.optimal,
        "evaluations": evaluations,
        "seconds": round(spent, 3),
        "order": list(order.vertices),
    }


def found_order(graph: ComputationalGraph, result: Mapping[str, Any]) -> EliminationOrder:
    """The order in a result of `search_order` or of stage search, named after what found it."""
    found_by = str(result.get("method") or result["found_by"])
    return EliminationOrder(tuple(result["order"]), graph.fingerprint, found_by)


def found_plan(result: Mapping[str, Any]) -> Plan:
    """Makes a plan for `jacve` from a result of `search_order` or of stage search.

    Args:
        result: What one of them returned.

    Returns:
        The plan.
    """
    graph = traced_graph(load_task(result["task"]))
    is_bounded = result.get("count") == "nontrivial"  # Of the two bounds, a plan has this one.
    bound, optimal = (result["bound"], result["optimal"]) if is_bounded else (None, None)
    return Plan.of_graph(graph, found_order(graph, result), bound, optimal)


def summary_rows(result: Mapping[str, Any]) -> list[list[Any]]:
    """Returns the rows figure, value, for a table; the order itself is left out."""
    shown = ("all", "nontrivial", "price", "bound", "optimal", "evaluations", "seconds")
    return [[key, result[key]] for key in shown if key in result]


_Found = tuple[EliminationOrder, int, float | None]


def _anneal(graph: ComputationalGraph, count: Objective, seconds: float, seed: int) -> _Found:
    starts = [*portfolio(graph).values(), *moves_last_orders(graph)]
    result = anneal(graph, starts, count, seconds=seconds, seed=seed)
    return result.order, result.evaluations, result.seconds


def _with_policy(method: Method) -> Callable[..., _Found]:
    """A search with the policy that comes with elimax."""

    def search(graph: ComputationalGraph, count: Objective, seconds: float, seed: int) -> _Found:
        if seconds <= 0.0:
            raise ParamsError(f"--seconds {seconds:g} must be positive for --method {method}")
        require_package("equinox", f"--method {method}")
        require_package("optax", f"--method {method}")
        from elimax.models import policy_search
        from elimax.models.checkpoint import pretrained_policy

        policy = pretrained_policy()
        policy_search.greedy_order(policy, graph, count)  # compiles
        began = time.perf_counter()
        found = policy_search.search_order(
            policy, graph, seconds=seconds, seed=seed, count=count, method=method
        )
        spent = time.perf_counter() - began
        return found.order, found.games + found.evaluations, spent

    return search


def _multiplications(graph: ComputationalGraph, count: Objective) -> Count:
    """The count that the exact search takes."""
    counted = summable_objective(graph, count)
    if counted == "price":
        raise ParamsError(
            "--method exact counts multiplications, only a part of the price of arrays: give "
            "--count all or nontrivial, or another method"
        )
    return counted


def _exact(graph: ComputationalGraph, count: Objective, seconds: float, seed: int) -> _Found:
    result = optimal_order(graph, _multiplications(graph, count))
    return result.order, result.states, None


def _portfolio(graph: ComputationalGraph, count: Objective, seconds: float, seed: int) -> _Found:
    if count != "price":
        return best_classic(graph, count), len(PORTFOLIO), None
    order = min(portfolio(graph).values(), key=lambda order: order_price(graph, order))
    return order, len(PORTFOLIO), None


_SEARCHES = {
    "annealing": _anneal,
    "policy": _with_policy("policy"),
    "both": _with_policy("both"),
    "beam": _with_policy("beam"),
    "exact": _exact,
    "portfolio": _portfolio,
}
