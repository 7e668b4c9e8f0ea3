"""The portfolio: every classical order under its name, and the best of them."""

import difflib
from collections.abc import Callable

from interpreter.counting import count_multiplications
from interpreter.errors import InvalidOrderError
from interpreter.graph import ComputationalGraph
from interpreter.order import EliminationOrder
from interpreter.orders.fixed import forward_order, reverse_order
from interpreter.orders.markowitz import Count, markowitz_order
from interpreter.wanted import Blocks

PORTFOLIO: dict[str, Callable[[ComputationalGraph], EliminationOrder]] = {
    "forward": forward_order,
    "reverse": reverse_order,
    "markowitz": markowitz_order,
    "markowitz_high": lambda graph: markowitz_order(graph, ties="high"),
    "markowitz_nontrivial": lambda graph: markowitz_order(graph, count="nontrivial"),
    "markowitz_nontrivial_high": lambda graph: markowitz_order(
        graph, ties="high", count="nontrivial"
    ),
}


def named_order(graph: ComputationalGraph, name: str) -> EliminationOrder:
    """An order of the portfolio by its name.

    Args:
        graph: The graph.
        name: A key of `PORTFOLIO`.

    Returns:
        The order.

    Raises:
        InvalidOrderError: If there is no such name.
    """
    if name not in PORTFOLIO:
        near = difflib.get_close_matches(name, PORTFOLIO, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else "."
        raise InvalidOrderError(
            f"there is no order {name!r}{hint} Choose 'auto', one of {', '.join(PORTFOLIO)}, an "
            "EliminationOrder, or a sequence of vertex numbers"
        )
    return PORTFOLIO[name](graph)


def portfolio(graph: ComputationalGraph) -> dict[str, EliminationOrder]:
    """All orders of the portfolio, by name.

    Args:
        graph: The graph.

    Returns:
        The orders.
    """
    return {name: make(graph) for name, make in PORTFOLIO.items()}


def best_classic(
    graph: ComputationalGraph, count: Count = "all", wanted: Blocks | None = None
) -> EliminationOrder:
    """The order of the portfolio with the fewest multiplications.

    Args:
        graph: The graph.
        count: Which count decides; the other one breaks ties.
        wanted: Blocks of the Jacobian that are wanted; None for all.

    Returns:
        The order; among equals the one named first in `PORTFOLIO`.
    """
    other = "nontrivial" if count == "all" else "all"

    def cost(order: EliminationOrder) -> tuple[int, int]:
        counts = count_multiplications(graph, order, wanted)
        return getattr(counts, count), getattr(counts, other)

    return min(portfolio(graph).values(), key=cost)
