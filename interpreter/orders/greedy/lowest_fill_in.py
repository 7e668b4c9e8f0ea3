"""Greedy elimination by lowest fill-in.

Source: Albrecht, Gottschling & Naumann, Markowitz-type heuristics for computing Jacobian matrices
efficiently (ICCS 2003, LNCS 2658), where the fill-in of v is the number of edges that eliminating
it creates. Here a new edge counts as much as the product that creates it costs, which is the same
where every product costs one multiplication.
"""

from collections.abc import Iterable
from functools import partial

from elimax.interpreter.orders.greedy.degrees import Change
from elimax.interpreter.orders.greedy.heap import (
    GreedyRule,
    greedy_order,
    nodes_between,
)


class LowestFillIn(GreedyRule):
    """Takes the vertex whose new edges cost least."""

    name = "lowest_fill_in"

    def priority(self, node: int) -> int:
        """Cost of the products that create new edges."""
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


lowest_fill_in_order = partial(greedy_order, LowestFillIn)
"""The order of the rule; takes graph, `ties`, `count` and `late` like `markowitz_order`."""
