"""What `order="auto"` means: the cheapest of all orders that can be had in some tenths of a second.

It is the same for the same graph, apart from one thing: the first time on a machine annealing has
to be compiled, and until that is done in the background, auto does without.
"""

from interpreter.counting import count_multiplications
from interpreter.errors import StructureLimitError
from interpreter.graph import ComputationalGraph
from interpreter.order import EliminationOrder
from interpreter.orders.annealing import anneal
from interpreter.orders.compilation import is_compiled
from interpreter.orders.moves_last import moves_last_orders
from interpreter.orders.portfolio import portfolio

SMALL, LARGE = 200, 2000
"""Vertices below which annealing gets its full budget, and above which it gets none."""

EVALUATIONS = 100_000
"""Orders that annealing evaluates, a tenth of them above SMALL: about 0.3 s on two cores."""

PATIENCE = 1.5
"""Seconds that auto waits for compiled code to be loaded, once in a process."""


def auto_order(
    graph: ComputationalGraph, wanted: frozenset[tuple[int, int]] | None = None
) -> EliminationOrder:
    """The cheapest order of the portfolio, of the same with moves last, and of a short annealing.

    Args:
        graph: The graph.
        wanted: Blocks of the Jacobian that are wanted, as (input node, output node); None for all.

    Returns:
        The order with the fewest nontrivial multiplications, which are those that are executed;
        among equals the one with the fewest of all.
    """

    def cost(order: EliminationOrder) -> tuple[int, int]:
        counts = count_multiplications(graph, order, wanted)
        return counts.nontrivial, counts.all

    candidates = sorted([*portfolio(graph).values(), *moves_last_orders(graph)], key=cost)
    best = candidates[0]
    size = len(best.vertices)
    if size > LARGE or cost(best)[0] == 0 or not is_compiled(PATIENCE):
        return best
    evaluations = EVALUATIONS if size < SMALL else EVALUATIONS // 10
    try:
        return anneal(
            graph, candidates[:2], "nontrivial", evaluations=evaluations, wanted=wanted
        ).order
    except StructureLimitError:
        return best
