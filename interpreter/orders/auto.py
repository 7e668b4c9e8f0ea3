"""What `order="auto"` means: the cheapest of all orders that can be had at once."""

from interpreter.counting import count_multiplications
from interpreter.graph import ComputationalGraph
from interpreter.order import EliminationOrder
from interpreter.orders.moves_last import moves_last_orders
from interpreter.orders.portfolio import portfolio


def auto_order(
    graph: ComputationalGraph, wanted: frozenset[tuple[int, int]] | None = None
) -> EliminationOrder:
    """The cheapest order of the portfolio, and of the same with moving vertices last.

    Args:
        graph: The graph.
        wanted: Blocks of the Jacobian that are wanted, as (input node, output node); None for all.

    Returns:
        The order with the fewest nontrivial multiplications, which are those that are executed;
        among equals the one with the fewest of all.
    """
    candidates = [*portfolio(graph).values(), *moves_last_orders(graph)]

    def cost(order: EliminationOrder) -> tuple[int, int]:
        counts = count_multiplications(graph, order, wanted)
        return counts.nontrivial, counts.all

    return min(candidates, key=cost)
