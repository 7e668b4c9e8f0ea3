"""Two greedy rules that look one step further: what an elimination does to the other vertices.

The damage of v is the sum, over all other vertices, of the Markowitz degree after v is eliminated
minus the degree before. It can be negative.

- LMMD, lowest Markowitz minimal damage, takes the vertex with the lowest degree + damage.
- MOMR, maximal overall Markowitz-degree reduction, takes the one that lowers the sum of all degrees
  most, its own included: the one with the highest degree - damage.

Source: Albrecht, Gottschling & Naumann, Markowitz-type heuristics for computing Jacobian matrices
efficiently (ICCS 2003, LNCS 2658). LMMD has a weight for the damage; here it is 1, the default in
the same authors' library, Angel.
"""

from collections.abc import Iterable
from functools import partial

from elimax.interpreter.orders.greedy.degrees import Change
from elimax.interpreter.orders.greedy.heap import (
    GreedyRule,
    greedy_order,
    nodes_between,
)


class _DamageRule(GreedyRule):
    def changed(self, change: Change) -> Iterable[int]:
        """The nodes whose damage depends on an edge or a weight that has changed.

        Those are the neighbours; the nodes after a successor and before a predecessor, because
        edges joined at that neighbour now have other weights; and the nodes between two nodes whose
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


class LowestDegreeAndDamage(_DamageRule):
    """Takes the vertex with the lowest sum of Markowitz degree and damage."""

    name = "lmmd"

    def priority(self, node: int) -> int:
        """Damage plus degree."""
        return self.elimination.damage(node) + self.elimination.degrees[node]


class LargestReduction(_DamageRule):
    """Takes the vertex that lowers the sum of all Markowitz degrees most."""

    name = "momr"

    def priority(self, node: int) -> int:
        """Damage minus degree."""
        return self.elimination.damage(node) - self.elimination.degrees[node]


lmmd_order = partial(greedy_order, LowestDegreeAndDamage)
"""The order of LMMD; takes graph, `ties`, `count` and `late` like `markowitz_order`."""

momr_order = partial(greedy_order, LargestReduction)
"""The order of MOMR, likewise."""
