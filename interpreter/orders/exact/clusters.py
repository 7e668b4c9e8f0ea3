"""A lower bound from small groups of vertices, each in every order of the group."""

import heapq
import math
from collections.abc import Iterable
from typing import NamedTuple

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.orders.exact.relaxation import KindState, Relaxation

Vertices = tuple[int, ...]

CLUSTER_SIZES = (4, 6, 8, 10, 12, 14, 16)
# From this size on, clusters are joined even if that gains nothing yet, because three may gain what
# two do not. Which size is best depends on the graph, so both are tried.
FOR_NOTHING_FROM = (8, 6)


class Cluster(NamedTuple):
    """A group of vertices and the least that they cost.

    Attributes:
        vertices: Their numbers, k of them; bit i of a mask stands for the i-th of them.
        least: For each of the 2^k masks of eliminated vertices, the least that the others cost.
    """

    vertices: tuple[int, ...]
    least: tuple[int, ...]


def cluster_bound(relaxation: Relaxation, vertices: Iterable[int]) -> Cluster:
    """The cheapest order of some vertices if each step costs as little as its past allows.

    Every order of the graph orders these vertices in some way. When v is eliminated, those of them
    that come before v are eliminated and the others are not, so v costs at least what
    `Relaxation.least_cost` says. The least sum over all orders is found set by set.

    Args:
        relaxation: Bounds of single vertices.
        vertices: Vertex numbers, k of them; time grows with 2^k.

    Returns:
        The cluster; bounds of disjoint clusters may be added up.

    Source: the recursion over subsets of Held & Karp, SIAM Journal 10 (1962); adding bounds of
    disjoint parts as additive pattern databases, Korf & Felner, Artificial Intelligence 134 (2002).
    """
    chosen = tuple(vertices)
    full = (1 << len(chosen)) - 1
    states: list[KindState] = [relaxation.root]
    # Kinds depend on the set alone: any sequence of its vertices leads to the same state.
    for mask in range(1, full + 1):
        lowest = (mask & -mask).bit_length() - 1
        states.append(relaxation.eliminate(states[mask & (mask - 1)], chosen[lowest]))
    least = [0] * (full + 1)
    bits = [1 << relaxation.graph.node(v) for v in chosen]
    for mask in range(full - 1, -1, -1):
        left = [i for i in range(len(chosen)) if not mask >> i & 1]
        kept = sum(bits[i] for i in left)
        gone = sum(bits) - kept
        least[mask] = min(
            least[mask | 1 << i]
            + relaxation.least_cost(states[mask], chosen[i], gone, kept - bits[i])
            for i in left
        )
    return Cluster(chosen, tuple(least))


def make_clusters(
    graph: ComputationalGraph,
    relaxation: Relaxation,
    *,
    effort: int,
    enough: float = math.inf,
) -> list[Cluster]:
    """Divides the vertices of a graph into clusters whose bounds exceed those of their parts.

    Two clusters that are joined by an edge, or by two edges through one vertex, are united where
    that raises the sum of bounds most per vertex. Small unions are tried first, since time grows
    with 2^k.

    Args:
        graph: The graph.
        relaxation: Bounds of its vertices.
        effort: Largest number of bounds of single vertices to compute, a few microseconds each; a
            cluster of k vertices takes k 2^(k-1).
        enough: The sum of all bounds at which to stop.

    Returns:
        Disjoint clusters of all eliminable vertices.
    """
    best: dict[Vertices, Cluster] = {}
    for joined_for_nothing in FOR_NOTHING_FROM:
        merging = _Merging(graph, relaxation, effort // len(FOR_NOTHING_FROM))
        for size in CLUSTER_SIZES:
            merging.join_up_to(size, enough, least_gain=int(size < joined_for_nothing))
        if not best or _total(merging.clusters) > _total(best):
            best = merging.clusters
        if _total(best) >= enough:
            break
    return [best[vertices] for vertices in sorted(best)]


def _total(clusters: dict[Vertices, Cluster]) -> int:
    return sum(cluster.least[0] for cluster in clusters.values())


class _Merging:
    """Clusters by their vertices, while they grow."""

    def __init__(self, graph: ComputationalGraph, relaxation: Relaxation, effort: int) -> None:
        self.clusters: dict[Vertices, Cluster] = {
            (v,): cluster_bound(relaxation, [v]) for v in graph.eliminable
        }
        self._relaxation, self._effort = relaxation, effort
        self._near = _near_vertices(graph)
        self._known: dict[Vertices, Cluster] = {}

    def join_up_to(self, size: int, enough: float, least_gain: int) -> None:
        """Unites pairs of clusters into ones of at most `size` vertices while each gains enough."""
        options: list[tuple[float, Vertices, Vertices, Vertices]] = []
        for first in sorted(self.clusters):
            self._offer(first, size, least_gain, options, after=first)
        total = _total(self.clusters)
        while options and total < enough:
            _, union, first, second = heapq.heappop(options)
            if first in self.clusters and second in self.clusters:
                total -= self.clusters.pop(first).least[0] + self.clusters.pop(second).least[0]
                self.clusters[union] = self._known[union]
                total += self._known[union].least[0]
                self._offer(union, size, least_gain, options, after=())

    def _offer(
        self,
        first: Vertices,
        size: int,
        least_gain: int,
        options: list[tuple[float, Vertices, Vertices, Vertices]],
        after: Vertices,
    ) -> None:
        """Adds to `options` the unions with clusters sorted after `after` that gain enough."""
        near = set().union(*(self._near[v] for v in first))
        for second in sorted(self.clusters.keys() - {first}):
            if second <= after or len(first) + len(second) > size or near.isdisjoint(second):
                continue
            union = self._union(first, second)
            parts = self.clusters[first].least[0] + self.clusters[second].least[0]
            if union is not None and union.least[0] >= parts + least_gain:
                merit = (union.least[0] - parts) / len(union.vertices)
                heapq.heappush(options, (-merit, union.vertices, first, second))

    def _union(self, first: Vertices, second: Vertices) -> Cluster | None:
        """The bound of two clusters together; None if the effort is used up."""
        vertices = tuple(sorted(first + second))
        if vertices not in self._known:
            cost = len(vertices) << len(vertices) - 1
            if cost > self._effort:
                return None
            self._effort -= cost
            self._known[vertices] = cluster_bound(self._relaxation, vertices)
        return self._known[vertices]


def _near_vertices(graph: ComputationalGraph) -> dict[int, set[int]]:
    """For each eliminable vertex those joined with it by an edge, or by two through a vertex."""
    direct: dict[int, set[int]] = {v: set() for v in graph.eliminable}
    for pred, succ in graph.edges:
        u, w = graph.vertex(pred), graph.vertex(succ)
        if u in direct and w in direct:
            direct[u].add(w)
            direct[w].add(u)
    return {v: near.union(*(direct[u] for u in near)) - {v} for v, near in direct.items()}
