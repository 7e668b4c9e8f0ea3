"""Greedy elimination by lowest Markowitz degree.

Source: Griewank & Walther, Evaluating Derivatives (2nd ed., 2008), section 9.2; the name is from
Markowitz's pivoting rule (1957).
"""

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.order import EliminationOrder
from elimax.interpreter.graph.structure import Objective
from elimax.interpreter.orders.greedy.heap import GreedyRule, Ties, greedy_order


def markowitz_order(
    graph: ComputationalGraph,
    ties: Ties = "low",
    count: Objective = "all",
    *,
    late: frozenset[int] = frozenset(),
) -> EliminationOrder:
    """Eliminates, at every step, a vertex that costs least at that time.

    Args:
        graph: The graph.
        ties: Among the cheapest take the "low"est or the "high"est vertex number.
        count: What the cost is: "all" or "nontrivial" multiplications, or the "price".
        late: Vertices that wait until all others are eliminated.

    Returns:
        The order.

    Raises:
        ValueError: If `ties` or `count` is none of its values.
    """
    return greedy_order(LowestDegree, graph, ties, count, late=late)


class LowestDegree(GreedyRule):
    """Takes a vertex that costs least at that time."""

    name = "markowitz"

    def priority(self, node: int) -> int:
        """Its Markowitz degree."""
        return self.elimination.degrees[node]
