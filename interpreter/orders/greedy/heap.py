"""Greedy elimination: one heap for all rules that take the vertex with the lowest priority.

A rule says what the priority of a vertex is and which priorities an elimination can change; those
alone are looked at again. How ties are broken matters a great deal and is often not said.
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
        name: What the rule is called; a variant of it adds its tie-break and its count.
        elimination: The elimination that the rule looks at.
    """

    name: ClassVar[str]

    def __init__(self, elimination: DegreeElimination) -> None:
        """Starts with the whole graph.

        Args:
            elimination: The elimination that the rule looks at.
        """
        self.elimination = elimination

    @abc.abstractmethod
    def priority(self, node: int) -> int:
        """The priority of a vertex now.

        Args:
            node: Its node.

        Returns:
            The priority; the lowest is eliminated first.
        """

    def changed(self, change: Change) -> Iterable[int]:
        """Nodes whose priority may be another one after an elimination.

        Args:
            change: What the elimination changed.

        Returns:
            The nodes, in any order, repeated or not; by default the neighbours.
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
        rule_class: The rule that tells the priorities.
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
            f"ties={ties!r}, count={count!r}: ties is 'low' or 'high', "
            "count is 'all', 'nontrivial' or 'price'"
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
    """Nodes that lie between the two nodes of a pair.

    Args:
        elimination: The edges.
        pairs: Pairs of a node and a later one.

    Yields:
        The successors of the first that are predecessors of the second, for every pair.
    """
    for pred, succ in pairs:
        after, before = elimination.successors[pred], elimination.predecessors[succ]
        # Inputs may have many successors, and outputs many predecessors; seldom both at once.
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
        For example "markowitz_nontrivial_high"; the lowest number and all multiplications are not
        said.
    """
    return rule_name + ("" if count == "all" else f"_{count}") + ("_high" if ties == "high" else "")
