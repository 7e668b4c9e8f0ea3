"""The portfolio: every classical order under its name, and the best of them."""

import difflib
from collections.abc import Callable, Collection
from functools import partial

from elimax.interpreter.errors import InvalidOrderError
from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.counting import count_multiplications
from elimax.interpreter.graph.order import EliminationOrder
from elimax.interpreter.graph.structure import Count, check_count
from elimax.interpreter.graph.wanted import Blocks
from elimax.interpreter.orders.fixed import forward_order, reverse_order
from elimax.interpreter.orders.greedy.variants import GREEDY
from elimax.interpreter.orders.single_use import single_use_order

Maker = Callable[[ComputationalGraph], EliminationOrder]

PORTFOLIO: dict[str, Maker] = {
    "forward": forward_order,
    "reverse": reverse_order,
    **{name: variant.order for name, variant in GREEDY.items()},
    "single_use_forward": single_use_order,
    "single_use_reverse": partial(single_use_order, then="reverse"),
}

OTHERS = ("auto", "best_classic", "policy")
"""What `jacve` takes in addition to the names of the portfolio."""

CLASSIC = (
    "forward",
    "reverse",
    "markowitz",
    "markowitz_high",
    "markowitz_nontrivial",
    "markowitz_nontrivial_high",
)
"""Names that stay the same when rules are added, so that measurements against them stay
comparable."""


def named_order(graph: ComputationalGraph, name: str) -> EliminationOrder:
    """An order of the portfolio by its name.

    Args:
        graph: The graph.
        name: A key of `PORTFOLIO`.

    Returns:
        The order.

    Raises:
        InvalidOrderError: If there is no order of that name.
    """
    if name not in PORTFOLIO:
        near = difflib.get_close_matches(name, (*OTHERS, *PORTFOLIO), n=1)
        hint = f"; did you mean {near[0]!r}?" if near else "."
        if name.endswith(".json"):
            hint = ": to read a plan, pass Plan.load of that file."
        raise InvalidOrderError(
            f"there is no order {name!r}{hint} Choose one of {', '.join((*OTHERS, *PORTFOLIO))}, "
            "an EliminationOrder, or a sequence of vertex numbers"
        )
    return PORTFOLIO[name](graph)


def portfolio(
    graph: ComputationalGraph, names: Collection[str] = tuple(PORTFOLIO)
) -> dict[str, EliminationOrder]:
    """Orders of the portfolio, by name.

    Args:
        graph: The graph.
        names: Keys of `PORTFOLIO`; by default all.

    Returns:
        The orders.

    Raises:
        InvalidOrderError: If one of the names is unknown.
    """
    return {name: named_order(graph, name) for name in names}


def best_classic(
    graph: ComputationalGraph,
    count: Count = "all",
    wanted: Blocks | None = None,
    *,
    names: Collection[str] = tuple(PORTFOLIO),
) -> EliminationOrder:
    """The order of the portfolio with the fewest multiplications.

    Args:
        graph: The graph.
        count: Which count decides; the other one breaks ties.
        wanted: Blocks of the Jacobian that are wanted; None for all.
        names: Keys of `PORTFOLIO` to choose from; by default all.

    Returns:
        The order; among equals the one named first.

    Raises:
        InvalidOrderError: If one of the names is unknown.
        ValueError: If `count` is neither of its two values.
    """
    check_count(count)
    other = "nontrivial" if count == "all" else "all"

    def cost(order: EliminationOrder) -> tuple[int, int]:
        counts = count_multiplications(graph, order, wanted)
        return getattr(counts, count), getattr(counts, other)

    return min(portfolio(graph, names).values(), key=cost)
