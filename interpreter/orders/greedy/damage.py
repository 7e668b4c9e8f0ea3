"""Two greedy rules that look one step further: what an elimination does to the other vertices.

The damage of v is the sum, over all other vertices, of the Markowitz degree that they have after v
is eliminated minus the one that they have before. It can be negative.

- LMMD, lowest Markowitz minimal damage, takes the vertex with the lowest degree + damage.
- MOMR, maximal overall Markowitz-degree reduction, takes the one that lowers the sum of all degrees
  most, its own included: the highest degree - damage.

Source: Albrecht, Gottschling & Naumann, Markowitz-type heuristics for computing Jacobian matrices
efficiently (ICCS 2003, LNCS 2658). LMMD has a weight for the damage; it is 1 here, which is what
the library of the same authors, Angel, takes when nothing is said.
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


def lmmd_order(
    graph: ComputationalGraph,
    ties: Ties = "low",
    count: Count = "all",
    *,
    late: frozenset[int] = frozenset(),
) -> EliminationOrder:
    """Eliminates the vertex with the lowest sum of Markowitz degree and damage, again and again.

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
    return greedy_order(graph, _LowestDegreeAndDamage, "lmmd", ties, count, late)


def momr_order(
    graph: ComputationalGraph,
    ties: Ties = "low",
    count: Count = "all",
    *,
    late: frozenset[int] = frozenset(),
) -> EliminationOrder:
    """Eliminates the vertex that lowers the sum of all Markowitz degrees most, again and again.

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
    return greedy_order(graph, _LargestReduction, "momr", ties, count, late)


class _DamageRule(GreedyRule):
    def changed(self, change: Change) -> Iterable[int]:
        """The nodes whose damage some other edge, or some other degree's weight, enters.

        Those are the neighbours; the nodes after a successor and before a predecessor, for which
        a joined edge of that neighbour now weighs another number; and those between two nodes whose
        edge is new or different.
        """
        elimination = self.elimination
        nodes = {*change.predecessors, *change.successors}
        for succ in change.successors:
            nodes.update(elimination.successors[succ])
        for pred in change.predecessors:
            nodes.update(elimination.predecessors[pred])
        nodes.update(nodes_between(elimination, change.edges))
        return nodes


class _LowestDegreeAndDamage(_DamageRule):
    def priority(self, node: int) -> int:
        return self.elimination.damage(node) + self.elimination.degrees[node]


class _LargestReduction(_DamageRule):
    def priority(self, node: int) -> int:
        return self.elimination.damage(node) - self.elimination.degrees[node]
