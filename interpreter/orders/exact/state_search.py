"""Best-first search over sets of eliminated vertices."""

import heapq
import itertools
from collections.abc import Hashable, Sequence
from typing import NamedTuple

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.structure import Count
from elimax.interpreter.orders.exact.clusters import Cluster
from elimax.interpreter.orders.exact.edge_algebra import edge_algebra
from elimax.interpreter.orders.exact.edge_state import EdgeState
from elimax.interpreter.orders.exact.safe_moves import find_safe_move


class SearchResult(NamedTuple):
    """What a search found.

    Attributes:
        vertices: The cheapest order if it costs less than the limit, else None.
        bound: No order costs less than this, in scalar multiplications; at most the cost limit.
        states: Number of states that were expanded.
    """

    vertices: tuple[int, ...] | None
    bound: int
    states: int


class _Entry(NamedTuple):
    """A state in the queue. The first three fields decide which comes first; `number` is unique."""

    estimate: int
    left: int
    number: int
    cost: int
    mask: int
    parent: int
    vertex: int


class _Expanded(NamedTuple):
    """A state whose successors are known."""

    state: EdgeState[int]
    parent: int
    vertex: int


def search_states(
    graph: ComputationalGraph,
    count: Count,
    clusters: list[Cluster],
    *,
    below: int,
    limit: int,
) -> SearchResult:
    """Searches for the cheapest order (A*), or shows that there is none below a cost.

    A state is a set of eliminated vertices and, for arrays, the structures of the remaining edges,
    which may depend on the order within the set. The remaining cost is estimated by the sum of the
    clusters' tables. An elimination costs at least as much as its cluster's entry falls, so
    estimates never fall along an order, and a state is cheapest when it is first expanded.

    If the remaining graph falls apart into groups of vertices that no edge joins, their
    eliminations do not affect each other and one group may go first, so only its vertices are
    tried.

    Args:
        graph: The graph.
        count: Which count is the cost.
        clusters: Disjoint clusters of all eliminable vertices.
        below: Orders that cost this much or more are ignored.
        limit: Largest number of states to expand.

    Returns:
        The order, the bound and the number of states.

    Source: Hart, Nilsson & Raphael, IEEE Transactions on Systems Science and Cybernetics 4 (1968).
    """
    search = _Search(graph, count, clusters)
    expanded: list[_Expanded] = []
    numbers = itertools.count()
    root = _Entry(search.estimate(0), len(graph.eliminable), next(numbers), 0, 0, -1, -1)
    waiting = [root] if root.estimate < below else []
    met: set[Hashable] = set()
    while waiting:
        entry = heapq.heappop(waiting)
        if not entry.left:
            return SearchResult(_order_of(entry, expanded), entry.cost, len(expanded))
        state = search.state_after(entry, expanded)
        key = search.key(state, entry.mask)
        if key in met:
            continue
        if len(expanded) >= limit:
            return SearchResult(None, entry.estimate, len(expanded))
        met.add(key)
        expanded.append(_Expanded(state, entry.parent, entry.vertex))
        for vertex in search.candidates(state, entry.mask):
            mask, cost = search.step(state, entry, vertex)
            estimate = cost + search.estimate(mask)
            if estimate < below and search.improves(mask, cost):
                child = (estimate, entry.left - 1, next(numbers), cost, mask)
                heapq.heappush(waiting, _Entry(*child, len(expanded) - 1, vertex))
    return SearchResult(None, below, len(expanded))


def _order_of(entry: _Entry, expanded: Sequence[_Expanded]) -> tuple[int, ...]:
    vertices, vertex, parent = [], entry.vertex, entry.parent
    while vertex >= 0:
        vertices.append(vertex)
        parent, vertex = expanded[parent].parent, expanded[parent].vertex
    return tuple(reversed(vertices))


class _Search:
    """What is fixed during a search, and the costs at which sets were reached."""

    def __init__(self, graph: ComputationalGraph, count: Count, clusters: list[Cluster]) -> None:
        self._graph = graph
        self._algebra = edge_algebra(graph, count)
        self._clusters = clusters
        self._bit = {v: i for i, v in enumerate(v for x in clusters for v in x.vertices)}
        self._reached: dict[int, int] = {}

    def estimate(self, mask: int) -> int:
        """A lower bound on the remaining cost."""
        total = 0
        for cluster in self._clusters:
            total += cluster.least[mask & len(cluster.least) - 1]
            mask >>= len(cluster.vertices)
        return total

    def state_after(self, entry: _Entry, expanded: Sequence[_Expanded]) -> EdgeState[int]:
        """The state that an entry stands for."""
        algebra = self._algebra
        if entry.parent < 0:
            return EdgeState.of(self._graph, algebra.edges)
        node = self._graph.node(entry.vertex)
        is_output = node in self._graph.output_nodes
        parent = expanded[entry.parent].state
        return parent.without(node, is_output, algebra.product, algebra.total)

    def key(self, state: EdgeState[int], mask: int) -> Hashable:
        """A key that is equal for states from which equal orders cost the same."""
        return self._algebra.key(state, mask, [self._graph.node(v) for v in self._left(mask)])

    def candidates(self, state: EdgeState[int], mask: int) -> list[int]:
        """Vertices that suffice to try next: some cheapest order begins with one of them."""
        left = self._left(mask)
        if self._algebra.all_cost_one:
            safe = find_safe_move(self._graph, state, left)
            if safe is not None:
                return [safe]
        return connected_group(self._graph, state, left)

    def step(self, state: EdgeState[int], entry: _Entry, vertex: int) -> tuple[int, int]:
        """The set and the cost after one more elimination."""
        cost = self._algebra.cost(state, self._graph.node(vertex))
        return entry.mask | 1 << self._bit[vertex], entry.cost + cost

    def improves(self, mask: int, cost: int) -> bool:
        """Whether a set was not reached as cheaply before; always True if its order matters."""
        if not self._algebra.is_set_enough:
            return True
        if self._reached.get(mask, cost + 1) <= cost:
            return False
        self._reached[mask] = cost
        return True

    def _left(self, mask: int) -> list[int]:
        return [v for v in self._graph.eliminable if not mask >> self._bit[v] & 1]


def connected_group(
    graph: ComputationalGraph, state: EdgeState[int], left: Sequence[int]
) -> list[int]:
    """The remaining vertices that edges among them join with the first one, directly or not.

    Args:
        graph: The graph.
        state: The remaining edges.
        left: Numbers of the remaining vertices.

    Returns:
        Their numbers, sorted.
    """
    waiting = {graph.node(v) for v in left}
    group, found = [], [graph.node(left[0])]
    waiting.discard(found[0])
    while found:
        node = found.pop()
        group.append(graph.vertex(node))
        near = waiting & (state.preds[node].keys() | state.succs[node].keys())
        waiting -= near
        found += near
    return sorted(group)
