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
from functools import partial

from elimax.interpreter.orders.greedy.degrees import Change
from elimax.interpreter.orders.greedy.heap import (
    GreedyRule,
    greedy_order,
    nodes_between,
)


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
"""The order of LMMD, by graph, `ties`, `count` and `late`, as `markowitz_order` takes them."""

momr_order = partial(greedy_order, LargestReduction)
"""The order of MOMR, likewise."""
