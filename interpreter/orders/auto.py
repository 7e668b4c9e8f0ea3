"""What `order="auto"` means: the cheapest of all orders that can be had in some tenths of a second.

It is the same for the same graph, apart from one thing: the first time on a machine annealing has
to be compiled, and until that is done in the background, auto does without.
"""

from interpreter.counting import count_work
from interpreter.errors import GraphTooLargeError, StructureLimitError
from interpreter.graph import ComputationalGraph
from interpreter.order import EliminationOrder
from interpreter.orders.annealing import anneal
from interpreter.orders.compilation import is_compiled
from interpreter.orders.moves_last import moves_last_orders
from interpreter.orders.portfolio import portfolio
from interpreter.orders.reachable import is_scalar

SMALL, LARGE = 200, 2000
"""Vertices below which annealing gets its full budget, and above which it gets none."""

EVALUATIONS = 100_000
"""Orders that annealing evaluates, a tenth of them from SMALL on: about 0.3 s on two cores."""

SECONDS = 0.3
"""What annealing with that budget counts as where budgets are compared."""

PATIENCE = 1.5
"""Seconds that auto waits for compiled code, from when it is first asked for in a process."""


def full_seconds(graph: ComputationalGraph) -> float:
    """The budget of `auto_order` for a graph once annealing is compiled.

    Args:
        graph: The graph.

    Returns:
        `SECONDS`, or 0 for a large graph.
    """
    return SECONDS if len(graph.eliminable) <= LARGE else 0.0


def auto_seconds(graph: ComputationalGraph) -> float:
    """The budget of `auto_order` for a graph at the moment.

    Args:
        graph: The graph.

    Returns:
        `full_seconds`, or 0 while annealing is not compiled.
    """
    seconds = full_seconds(graph)
    return seconds if seconds > 0 and is_compiled(PATIENCE) else 0.0


def auto_order(
    graph: ComputationalGraph, wanted: frozenset[tuple[int, int]] | None = None
) -> EliminationOrder:
    """The cheapest order of the portfolio, of the same with moves last, and of a short annealing.

    Args:
        graph: The graph.
        wanted: Blocks of the Jacobian that are wanted, as (input node, output node); None for all.

    Returns:
        The order with the fewest nontrivial multiplications, which are those that are executed;
        among equals the one with the fewest of all, then the one whose products have the fewest
        entries.
    """
    evaluations = EVALUATIONS if len(graph.eliminable) < SMALL else EVALUATIONS // 10
    is_annealed = auto_seconds(graph) > 0
    return _cheapest(graph, wanted, evaluations=evaluations if is_annealed else 0)


def long_order(
    graph: ComputationalGraph, wanted: frozenset[tuple[int, int]] | None, seconds: float
) -> EliminationOrder:
    """What `auto_order` looks for, with as much time as is given; compiles first if need be.

    Args:
        graph: The graph.
        wanted: As for `auto_order`.
        seconds: Time of annealing.

    Returns:
        As `auto_order`; not the same on every machine.
    """
    return _cheapest(graph, wanted, seconds=seconds)


def _cheapest(
    graph: ComputationalGraph,
    wanted: frozenset[tuple[int, int]] | None,
    *,
    seconds: float | None = None,
    evaluations: int | None = None,
) -> EliminationOrder:
    """The cheapest order that is known at once, or that annealing makes of those."""

    def cost(order: EliminationOrder) -> tuple[int, int, int]:
        counts, entries = count_work(graph, order, wanted)
        # Where all edges are of single numbers, there is nothing large to move.
        return counts.nontrivial, counts.all, 0 if is_scalar(graph) else entries

    candidates = sorted([*portfolio(graph).values(), *moves_last_orders(graph)], key=cost)
    best = candidates[0]
    if evaluations == 0 or cost(best)[0] == 0:
        return best
    try:
        return anneal(
            graph,
            candidates[:2],
            "nontrivial",
            seconds=seconds,
            evaluations=evaluations,
            wanted=wanted,
        ).order
    except (StructureLimitError, GraphTooLargeError):
        return best
