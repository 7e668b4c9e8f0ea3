"""Greedy elimination by lowest relative Markowitz degree.

Every vertex must be eliminated at some time. Eliminated last, it has n inputs that lead to it as
predecessors and m outputs that it leads to as successors, so on a scalar graph it costs n m. The
relative degree is the Markowitz degree minus that. So a vertex that many inputs and outputs see is
not put off because of a cost that putting it off does not lower.

Sources: Naumann, Efficient Calculation of Jacobian Matrices by Optimized Application of the Chain
Rule to Computational Graphs (1999); Albrecht, Gottschling & Naumann, Markowitz-type heuristics for
computing Jacobian matrices efficiently (ICCS 2003, LNCS 2658); Griewank & Walther, Evaluating
Derivatives (2nd ed., 2008), section 9.2. The definition used is the difference Markowitz degree -
n m, not the quotient, with n and m counted once, on the whole graph.
"""

from collections.abc import Iterable, Mapping
from functools import partial

from elimax.interpreter.graph.rule_table import RULE, NumberTable
from elimax.interpreter.orders.greedy.degrees import DegreeElimination
from elimax.interpreter.orders.greedy.heap import GreedyRule, greedy_order

# The ends (inputs or outputs) that a node sees, by the structure of the Jacobian between them:
# {structure number: ends as a bit set}. The sets are disjoint.
Seen = dict[int, int]


class LowestRelativeDegree(GreedyRule):
    """Takes the vertex with the lowest relative Markowitz degree."""

    name = "relative_markowitz"

    def __init__(self, elimination: DegreeElimination) -> None:
        """Starts with the whole graph.

        Args:
            elimination: An elimination that has not begun.
        """
        super().__init__(elimination)
        self._last = costs_when_last(elimination)

    def priority(self, node: int) -> int:
        """The present Markowitz degree minus the degree of the vertex as the last of all."""
        return self.elimination.degrees[node] - self._last[node]


relative_markowitz_order = partial(greedy_order, LowestRelativeDegree)
"""The order of the rule; takes graph, `ties`, `count` and `late` like `markowitz_order`."""


def costs_when_last(elimination: DegreeElimination) -> list[int]:
    """What every vertex would cost if it were eliminated after all others.

    Its in-edges are then the Jacobians from the inputs that lead to it, its out-edges those to the
    outputs. Forward elimination determines the structures of the first, reverse elimination those
    of the second; on scalar graphs any order gives the same.

    Args:
        elimination: An elimination that has not begun.

    Returns:
        Scalar multiplications for every node, by the count of the elimination.
    """
    graph, costs = elimination.graph, elimination.costs
    nodes = range(graph.num_nodes)
    inputs = {node: 1 << k for k, node in enumerate(range(graph.num_inputs))}
    outputs = {node: 1 << k for k, node in enumerate(sorted(graph.output_nodes))}
    before = _seen_counts(nodes, elimination.predecessors, inputs, RULE.product)
    after = _seen_counts(reversed(nodes), elimination.successors, outputs, RULE.product_by_earlier)
    return [
        sum(
            n * m * costs[later][earlier]
            for later, m in after[node].items()
            for earlier, n in before[node].items()
        )
        for node in nodes
    ]


def _seen_counts(
    nodes: Iterable[int],
    edges: list[dict[int, int]],
    ends: Mapping[int, int],
    products: NumberTable,
) -> list[dict[int, int]]:
    """How many ends every node sees through each structure, {structure number: count}.

    `products` is indexed by the edge that is nearer to the node. Bit sets are dropped after their
    last use: with many ends they are long, and few are needed at a time.
    """
    uses = [0] * len(edges)
    for near in edges:
        for far in near:
            uses[far] += 1
    seen: dict[int, Seen] = {}
    counts: list[dict[int, int]] = [{} for _ in edges]
    for node in nodes:
        here: Seen = {}
        for far, edge in edges[node].items():
            if far in ends:
                _add_ends(here, edge, ends[far])
            row = products[edge]
            for number, those in seen.get(far, {}).items():
                _add_ends(here, row[number], those)
            uses[far] -= 1
            if not uses[far]:
                seen.pop(far, None)
        counts[node] = {number: those.bit_count() for number, those in here.items()}
        if uses[node]:
            seen[node] = here
    return counts


def _add_ends(seen: Seen, number: int, ends: int) -> None:
    """Adds Jacobians of one structure to some ends; where there is one already, they are summed."""
    summed = []
    for other, those in seen.items():
        if both := those & ends:
            summed.append((other, both))
            ends &= ~both
    for other, both in summed:
        seen[other] &= ~both
        if not seen[other]:
            del seen[other]
    for other, both in summed:
        total = RULE.total[other][number]
        seen[total] = seen.get(total, 0) | both
    if ends:
        seen[number] = seen.get(number, 0) | ends
