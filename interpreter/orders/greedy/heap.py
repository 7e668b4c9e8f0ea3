"""Greedy elimination: one heap for all rules that take the vertex with the lowest priority.

A rule tells the priority of a vertex and which priorities an elimination can change; only those are
computed again. How ties are broken matters a great deal, and the literature often does not say.
"""

import abc
import heapq
from collections.abc import Iterable, Iterator
from typing import ClassVar, Literal

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.order import EliminationOrder
from elimax.interpreter.graph.structure import Objective
from elimax.interpreter.orders.greedy.degrees import Change, DegreeElimination

Ties = Literal["low", "high"]


class GreedyRule(abc.ABC):
    """What a greedy order minimises at every step.

    Attributes:
        name: Name of the rule; variants append their count and tie-break.
        elimination: The elimination in progress.
    """

    name: ClassVar[str]

    def __init__(self, elimination: DegreeElimination) -> None:
        """Starts with the whole graph.

        Args:
            elimination: An elimination that has not begun.
        """
        self.elimination = elimination

    @abc.abstractmethod
    def priority(self, node: int) -> int:
        """The present priority of a vertex.

        Args:
            node: Its node.

        Returns:
            The priority; the vertex with the lowest is eliminated first.
        """

    def changed(self, change: Change) -> Iterable[int]:
        """Nodes whose priority an elimination may have changed.

        Args:
            change: What the elimination changed.

        Returns:
            The nodes, in any order, possibly repeated; by default the neighbours.
        """
        return change.predecessors + change.successors


def greedy_order(
    rule_class: type[GreedyRule],
    graph: ComputationalGraph,
    ties: Ties = "low",
    count: Objective = "all",
    *,
    late: frozenset[int] = frozenset(),
) -> EliminationOrder:
    """Eliminates the vertex with the lowest priority, again and again.

    Args:
        rule_class: The rule that sets the priorities.
        graph: The graph.
        ties: Among equals take the "low"est or the "high"est vertex number.
        count: What the cost is: "all" or "nontrivial" multiplications, or the "price".
        late: Vertices that wait until all others are eliminated.

    Returns:
        The order.

    Raises:
        ValueError: If `ties` or `count` is none of its values.
    """
    if ties not in ("low", "high") or count not in ("all", "nontrivial", "price"):
        raise ValueError(
            f"ties={ties!r}, count={count!r}: ties must be 'low' or 'high', and count must be "
            "'all', 'nontrivial' or 'price'"
        )
    sign = 1 if ties == "low" else -1
    elimination = DegreeElimination(graph, count)
    rule = rule_class(elimination)
    waiting = {graph.node(vertex) for vertex in late}
    priorities = {node: rule.priority(node) for node in map(graph.node, graph.eliminable)}
    # Entries whose priority has changed since they were pushed are skipped when they surface.
    heap = [(node in waiting, priority, sign * node) for node, priority in priorities.items()]
    heapq.heapify(heap)
    order = []
    while heap:
        _, priority, key = heapq.heappop(heap)
        node = sign * key
        if priorities.get(node) != priority:
            continue
        del priorities[node]
        order.append(graph.vertex(node))
        for other in rule.changed(elimination.eliminate(node)):
            if other in priorities:
                priority = rule.priority(other)
                if priority != priorities[other]:
                    priorities[other] = priority
                    heapq.heappush(heap, (other in waiting, priority, sign * other))
    name = variant_name(rule_class.name, ties, count) + ("_moves_last" if late else "")
    return EliminationOrder(tuple(order), graph.fingerprint, name)


def nodes_between(
    elimination: DegreeElimination, pairs: Iterable[tuple[int, int]]
) -> Iterator[int]:
    """Nodes between the two nodes of a pair.

    Args:
        elimination: The elimination whose edges are looked at.
        pairs: Pairs of a node and a later one.

    Yields:
        The successors of the first that are predecessors of the second, for every pair.
    """
    for pred, succ in pairs:
        after, before = elimination.successors[pred], elimination.predecessors[succ]
        # Looks along the shorter side: inputs may have many successors and outputs many
        # predecessors, but a pair seldom has both.
        if len(after) > len(before):
            after, before = before, after
        for node in after:
            if node in before:
                yield node


def variant_name(rule_name: str, ties: Ties, count: Objective) -> str:
    """The name of a rule with a tie-break and a count.

    Args:
        rule_name: Name of the rule.
        ties: How ties are broken.
        count: What the cost is.

    Returns:
        For example "markowitz_nontrivial_high"; "low" and "all" are left out.
    """
    return rule_name + ("" if count == "all" else f"_{count}") + ("_high" if ties == "high" else "")
