"""All greedy orders in one table: every rule with both tie-breaks and both counts."""

import dataclasses

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.order import EliminationOrder
from elimax.interpreter.graph.structure import Count
from elimax.interpreter.orders.greedy.damage import LargestReduction, LowestDegreeAndDamage
from elimax.interpreter.orders.greedy.heap import GreedyRule, Ties, greedy_order, variant_name
from elimax.interpreter.orders.greedy.lowest_fill_in import LowestFillIn
from elimax.interpreter.orders.greedy.markowitz import LowestDegree
from elimax.interpreter.orders.greedy.relative_markowitz import LowestRelativeDegree


@dataclasses.dataclass(frozen=True)
class GreedyVariant:
    """A rule, how it breaks ties and what it counts.

    Attributes:
        rule: The rule.
        ties: Which of equal vertices it takes, the "low"est or the "high"est number.
        count: Which multiplications it counts, "all" or "nontrivial".
    """

    rule: type[GreedyRule]
    ties: Ties
    count: Count

    def order(
        self, graph: ComputationalGraph, *, late: frozenset[int] = frozenset()
    ) -> EliminationOrder:
        """The order of a graph.

        Args:
            graph: The graph.
            late: Vertices that wait until all others are eliminated.

        Returns:
            The order, named like the variant, with "_moves_last" appended if any vertex waits.
        """
        return greedy_order(self.rule, graph, self.ties, self.count, late=late)


RULES: tuple[type[GreedyRule], ...] = (
    LowestDegree,
    LowestRelativeDegree,
    LowestFillIn,
    LowestDegreeAndDamage,
    LargestReduction,
)

_COUNTS: tuple[Count, ...] = ("all", "nontrivial")
_TIES: tuple[Ties, ...] = ("low", "high")

GREEDY: dict[str, GreedyVariant] = {
    variant_name(rule.name, ties, count): GreedyVariant(rule, ties, count)
    for rule in RULES
    for count in _COUNTS
    for ties in _TIES
}
"""Every greedy order by its name; the variants of a rule stand together."""
