"""What `order="auto"` means: the order with the lowest price that a bounded search finds.

It depends only on the graph and the wanted blocks: the work of the search is counted, never timed,
so the result is the same on a busy and an idle machine, in a first and a later run.
"""

from collections.abc import Iterable

from elimax.interpreter.errors import GraphTooLargeError, StructureLimitError
from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.order import EliminationOrder
from elimax.interpreter.graph.price import OrderPrice, computes_numbers, order_price
from elimax.interpreter.graph.wanted import Blocks
from elimax.interpreter.orders.annealing.anneal import anneal
from elimax.interpreter.orders.annealing.compilation import can_anneal
from elimax.interpreter.orders.moves_last import moves_last_orders
from elimax.interpreter.orders.portfolio import named_order, portfolio

SMALL, LARGE = 200, 1000
"""Vertices below which annealing gets its full budget, and above which it gets none."""

MEDIUM = 300
"""Vertices above which only the quick orders of the portfolio are tried: the whole portfolio takes
two seconds at 350 vertices, and nine at 700."""

OF_VERTEX, EVALUATIONS = 1000, 100_000
"""Orders that annealing evaluates for every vertex, and at most, which takes about 0.3 s on two
cores; from SMALL vertices on a tenth of the most. On 124 random programs and six tasks of fewer
than SMALL vertices the most always found nothing better, half as many per vertex did less well."""

FEW = 6
"""Vertices up to which annealing would save too little to be worth its time; of single numbers all
of the portfolio is tried."""

WORTH = 1_000_000
"""Price, about 0.1 ms, from which annealing an elimination of arrays is worth its time, most of
which goes into loading it. It does not apply to single numbers: functions of them run in batches,
so the price of one evaluation says little."""

QUICK = ("forward", "reverse", "markowitz_nontrivial", "lmmd")
"""The orders that are tried on a graph of more than MEDIUM vertices."""

NUMBERS = (
    "forward",
    "reverse",
    "single_use_forward",
    "lmmd_nontrivial",
    "lowest_fill_in_high",
    "relative_markowitz_nontrivial",
)
"""The orders from which a graph of single numbers is annealed, as they are and with moves last;
starting from all of the portfolio takes longer and finds nothing better."""

ARRAYS = (
    "forward",
    "reverse",
    "single_use_forward",
    "single_use_reverse",
    "lmmd",
    "lmmd_high",
    "lmmd_nontrivial",
    "lmmd_nontrivial_high",
    "lowest_fill_in",
    "lowest_fill_in_high",
    "relative_markowitz",
    "relative_markowitz_high",
    "relative_markowitz_nontrivial",
    "relative_markowitz_nontrivial_high",
)
ARRAYS_MOVES_LAST = ("single_use_forward", "lmmd", "lmmd_high", "lmmd_nontrivial_high")
"""The orders that are tried on a graph of arrays: half of the portfolio, and some with moves
last. The cheapest of them costs 0.2 % more, in the geometric mean, than the cheapest of all, on 168
functions of textbooks and on 577 random programs.

Greedy rules that minimise the price at every step get 9 % below, but not by the right means: to
save products of small arrays, which matter for one point only, they multiply up to five times as
much, and some functions then take several times as long in a batch."""


def auto_order(graph: ComputationalGraph, wanted: Blocks | None = None) -> EliminationOrder:
    """The cheapest of some orders of the portfolio and of a short annealing.

    Args:
        graph: The graph.
        wanted: Blocks of the Jacobian that are wanted, as (input node, output node); None for all.

    Returns:
        The order with the lowest price; among equals the one with the fewest nontrivial
        multiplications, then the one with the fewest of all.
    """
    if len(graph.eliminable) <= 1:
        return named_order(graph, "reverse")
    prices = _known(graph, wanted)
    if not _is_annealed(graph, prices[0][0].price) or not can_anneal():
        return prices[0][1]
    num = len(graph.eliminable)
    evaluations = min(EVALUATIONS, OF_VERTEX * num) if num < SMALL else EVALUATIONS // 10
    return _annealed(graph, wanted, prices, evaluations=evaluations)


def long_order(
    graph: ComputationalGraph, wanted: Blocks | None, seconds: float
) -> EliminationOrder:
    """What `auto_order` looks for, within a given time instead of a counted amount of work.

    Args:
        graph: The graph.
        wanted: As for `auto_order`.
        seconds: How long to anneal.

    Returns:
        As `auto_order`, but it may differ from machine to machine.
    """
    prices = _known(graph, wanted)
    if prices[0][0].price == 0 or not can_anneal():
        return prices[0][1]
    return _annealed(graph, wanted, prices, seconds=seconds)


_Priced = list[tuple[OrderPrice, EliminationOrder]]


def _known(graph: ComputationalGraph, wanted: Blocks | None) -> _Priced:
    """The orders that need no search, cheapest first; equals in the sequence of their tables."""
    different: dict[tuple[int, ...], EliminationOrder] = {}
    for order in _tried(graph):
        different.setdefault(order.vertices, order)
    prices = [(order_price(graph, order, wanted), order) for order in different.values()]
    return sorted(prices, key=lambda pair: pair[0])


def _tried(graph: ComputationalGraph) -> Iterable[EliminationOrder]:
    if len(graph.eliminable) > MEDIUM:
        return portfolio(graph, QUICK).values()
    if not computes_numbers(graph):
        last = moves_last_orders(graph, ARRAYS_MOVES_LAST)
        return (*portfolio(graph, ARRAYS).values(), *last)
    if len(graph.eliminable) > FEW:
        last = moves_last_orders(graph, NUMBERS)
        return (*portfolio(graph, NUMBERS).values(), *last)
    return (*portfolio(graph).values(), *moves_last_orders(graph))


def _is_annealed(graph: ComputationalGraph, price: int) -> bool:
    """Whether annealing can save more time than it takes."""
    if not FEW < len(graph.eliminable) <= LARGE:
        return False
    return price > 0 if computes_numbers(graph) else price >= WORTH


def _annealed(
    graph: ComputationalGraph,
    wanted: Blocks | None,
    prices: _Priced,
    *,
    seconds: float | None = None,
    evaluations: int | None = None,
) -> EliminationOrder:
    """Anneals from the two cheapest orders; returns the cheapest as it is if that is impossible."""
    starts = [order for _, order in prices[:2]]
    try:
        return anneal(
            graph, starts, "price", seconds=seconds, evaluations=evaluations, wanted=wanted
        ).order
    except (StructureLimitError, GraphTooLargeError):
        return starts[0]
