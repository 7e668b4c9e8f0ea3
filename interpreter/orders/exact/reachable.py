"""What the edges between two nodes can become, whatever is eliminated, and what they then cost."""

import itertools
import math

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.rule_table import RULE
from elimax.interpreter.graph.structure import Count, Kind, check_count

Structures = frozenset[int]
"""Numbers of structures in `rule_table`."""

MOST_STRUCTURES = 48
"""Size up to which sets of structures are kept: products of two sets take its square in time."""
UNKNOWN = -1
"""Number of a set that is larger; its edges may have any structure."""


def paid_kind(count: Count) -> Kind:
    """The lowest kind of an edge whose products can cost anything.

    Args:
        count: Which count is the cost.

    Returns:
        `TRIVIAL` for "all", `GENERAL` for "nontrivial".

    Raises:
        ValueError: If `count` is neither of its two values.
    """
    check_count(count)
    return Kind.TRIVIAL if count == "all" else Kind.GENERAL


def is_scalar(graph: ComputationalGraph) -> bool:
    """Whether all nodes hold one number, so that a product costs 1 or nothing.

    Args:
        graph: The graph.

    Returns:
        True if every node has exactly one entry; an axis of length zero leaves none.
    """
    return all(math.prod(shape) == 1 for shape in graph.node_shapes)


class ReachableStructures:
    """A superset of the structures that each edge of a graph can have after some eliminations.

    An edge from p to v is a sum of products along paths from p to v, and every product is one of an
    edge from some u to v with one from p to u. So the set of (p, v) is built from those of (u, v)
    and (p, u), and closed under sums if more than one path leads from p to v. Equal sets have one
    number; `UNKNOWN` stands for a set of more than `MOST_STRUCTURES` members.

    Attributes:
        before: For every node v, {node p with a path to v: number of the set of (p, v)}.
        after: For every node v, {node s with a path from v: number of the set of (v, s)}.
    """

    def __init__(self, graph: ComputationalGraph) -> None:
        """Finds the sets.

        Args:
            graph: The graph.
        """
        self._sets: list[Structures] = []
        self._numbers: dict[Structures, int] = {}
        self._products: dict[tuple[int, int], int] = {}
        self._unions: dict[tuple[frozenset[int], bool], int] = {}
        self._costs: dict[tuple[int, int, Count], int | None] = {}
        self.before: list[dict[int, int]] = [{} for _ in graph.node_shapes]
        self.after: list[dict[int, int]] = [{} for _ in graph.node_shapes]
        inner = {graph.node(vertex) for vertex in graph.eliminable}
        direct: list[dict[int, int]] = [{} for _ in graph.node_shapes]
        for (pred, succ), edge in graph.edges.items():
            direct[succ][pred] = self._numbered(frozenset([RULE.number(edge)]))
        ways: list[dict[int, int]] = [{} for _ in graph.node_shapes]
        for succ, edges in enumerate(direct):
            self._fill(succ, edges, inner, ways)

    def least_cost(self, later: int, earlier: int, count: Count) -> int | None:
        """The least that a product of two edges can cost if neither of them is free.

        Args:
            later: Number of the set of J[s, v].
            earlier: Number of the set of J[v, p].
            count: Which count is the cost.

        Returns:
            Scalar multiplications; None if one of them is always free.
        """
        if UNKNOWN in (later, earlier):
            return 0
        key = later, earlier, count
        if key not in self._costs:
            firsts, seconds = (_paid(self._sets[k], count) for k in (later, earlier))
            costs = (RULE.cost[count][x][y] for x, y in itertools.product(firsts, seconds))
            self._costs[key] = min(costs, default=None)
        return self._costs[key]

    def _fill(
        self, succ: int, edges: dict[int, int], inner: set[int], ways: list[dict[int, int]]
    ) -> None:
        """Finds the sets of all edges into a node; those into earlier nodes are known."""
        middle = inner & edges.keys()
        preds = set(edges).union(*(self.before[u] for u in middle))
        # Descending, so that the sets of (u, succ) are known for all u between the two.
        for pred in sorted(preds, reverse=True):
            ways[succ][pred] = (pred in edges) + sum(ways[u].get(pred, 0) for u in middle)
            parts = {edges[pred]} if pred in edges else set()
            for u, later in self.before[succ].items():
                if u in inner and pred in self.before[u]:
                    parts.add(self._product(later, self.before[u][pred]))
            number = self._union(frozenset(parts), ways[succ][pred] > 1)
            self.before[succ][pred] = self.after[pred][succ] = number

    def _numbered(self, structures: Structures) -> int:
        if len(structures) > MOST_STRUCTURES:
            return UNKNOWN
        if structures not in self._numbers:
            self._numbers[structures] = len(self._sets)
            self._sets.append(structures)
        return self._numbers[structures]

    def _product(self, later: int, earlier: int) -> int:
        if UNKNOWN in (later, earlier):
            return UNKNOWN
        if (later, earlier) not in self._products:
            pairs = itertools.product(self._sets[later], self._sets[earlier])
            found = frozenset(RULE.product[x][y] for x, y in pairs)
            self._products[later, earlier] = self._numbered(found)
        return self._products[later, earlier]

    def _union(self, parts: frozenset[int], several_ways: bool) -> int:
        if UNKNOWN in parts:
            return UNKNOWN
        key = parts, several_ways
        if key not in self._unions:
            union = frozenset().union(*(self._sets[part] for part in parts))
            self._unions[key] = self._numbered(_with_sums(union) if several_ways else union)
        return self._unions[key]


def _paid(structures: Structures, count: Count) -> list[int]:
    """The structures that are not free."""
    return [x for x in structures if RULE.structure(x).kind >= paid_kind(count)]


def _with_sums(structures: Structures) -> Structures:
    """The closure under sums, cut short once it is larger than allowed."""
    found, new = set(structures), set(structures)
    while new and len(found) <= MOST_STRUCTURES:
        new = {RULE.total[x][y] for x, y in itertools.product(found, new)} - found
        found |= new
    return frozenset(found)
