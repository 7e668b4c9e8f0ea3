"""Command compare: what the classical orders of one function cost, next to the best known one."""

from typing import Any

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.counting import count_multiplications
from elimax.interpreter.graph.order import EliminationOrder
from elimax.interpreter.graph.structure import Count
from elimax.interpreter.orders import portfolio
from elimax.interpreter.tracing.call import trace
from elimax.pipeline.checkout.context import (
    SHOWN,
    cheapest,
    two_counts,
)
from elimax.pipeline.checkout.files import Layout
from elimax.pipeline.command_line.order_choice import choose_order, stored_order
from elimax.pipeline.tasks import load_task


def compare_orders(
    name: str, graph: ComputationalGraph, found: tuple[str, EliminationOrder] | None, count: Count
) -> dict[str, Any]:
    """Counts the classical orders of a graph and the best order.

    Args:
        name: Name of the task.
        graph: Its graph.
        found: Who found the best order, and that order; None takes the best of the portfolio.
        count: Which count decides between the orders of the portfolio.

    Returns:
        `task`, `vertices`, and `orders`: both counts by name, `best` also with `found_by`.
    """
    counts = {
        key: two_counts(count_multiplications(graph, order))
        for key, order in portfolio(graph).items()
    }
    if found is None:
        found_by = cheapest(counts, count)
        best = counts[found_by]
    else:
        found_by, order = found
        best = two_counts(count_multiplications(graph, order))
    orders: dict[str, Any] = {key: counts[key] for key in SHOWN}
    orders["best"] = {**best, "found_by": found_by}
    return {"task": name, "vertices": graph.num_vertices, "orders": orders}


def compare_task(
    layout: Layout, name: str, choice: str | None = None, count: Count = "all"
) -> dict[str, Any]:
    """Compares the orders of one task; needs no file, and uses the order of search if it fits.

    Args:
        layout: Where data/orders may lie.
        name: Name of a task, or module:function.
        choice: An order to compare as the best one, see `order_choice.choose_order`.
        count: Which count decides between classical orders.

    Returns:
        See `compare_orders`.

    Raises:
        UnknownTaskError: If there is no such task.
        TracingError: If the function cannot be traced.
        FileError: If a file is truncated, or its order does not fit the graph.
    """
    task = load_task(name)
    graph = trace(task.function, *task.example_inputs(), argnums=task.argnums, allow_int=True)
    if choice is None:
        found = stored_order(layout, name, graph)
    else:
        order = choose_order(layout, name, graph, choice)
        found = (order.name, order)
    return compare_orders(name, graph, found, count)


def table_rows(result: dict[str, Any]) -> list[list[Any]]:
    """Returns the rows order, all, nontrivial, found by, for a table."""
    return [
        [name, entry["all"], entry["nontrivial"], entry.get("found_by", "")]
        for name, entry in result["orders"].items()
    ]
