"""Greedy elimination by lowest fill-in.

Source: Albrecht, Gottschling & Naumann, Markowitz-type heuristics for computing Jacobian matrices
efficiently (ICCS 2003, LNCS 2658), where the fill-in of v is the number of edges that eliminating
it creates. Here a new edge counts as much as the product that makes it costs, which is the same
where every product costs one multiplication.
"""

from collections.abc import Iterable

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.order import EliminationOrder
from elimax.interpreter.graph.structure import Count
from elimax.interpreter.orders.greedy.degrees import Change
from elimax.interpreter.orders.greedy.heap import (
    GreedyRule,
    Ties,
    greedy_order,
    nodes_between,
)


def lowest_fill_in_order(
    graph: ComputationalGraph,
    ties: Ties = "low",
    count: Count = "all",
    *,
    late: frozenset[int] = frozenset(),
) -> EliminationOrder:
    """Eliminates the vertex whose new edges cost least, again and again.

    Args:
        graph: The graph.
        ties: Among equals take the "low"est or the "high"est vertex number.
        count: Which multiplications are the cost, "all" or "nontrivial".
        late: Vertices that wait until all others are eliminated.

    Returns:
        The order.

    Raises:
        ValueError: If `ties` or `count` is neither of its two values.
    """
    return greedy_order(graph, _LowestFillIn, "lowest_fill_in", ties, count, late)


class _LowestFillIn(GreedyRule):
    def priority(self, node: int) -> int:
        elimination = self.elimination
        preds = elimination.predecessors[node].items()
        fill_in = 0
        for succ, later in elimination.successors[node].items():
            into, costs = elimination.predecessors[succ], elimination.costs[later]
            fill_in += sum(costs[earlier] for pred, earlier in preds if pred not in into)
        return fill_in

    def changed(self, change: Change) -> Iterable[int]:
        """The neighbours, and the vertices between two nodes that have a new edge."""
        return {
            *change.predecessors,
            *change.successors,
            *nodes_between(self.elimination, change.edges),
        }
