"""A lower bound that looks at small groups of vertices in every order of theirs."""

import itertools
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from interpreter.graph import ComputationalGraph
from interpreter.orders.relaxation import KindState, Relaxation


class Cluster(NamedTuple):
    """A group of vertices and what they cost at least.

    Attributes:
        vertices: Their numbers, k of them; bit i of a mask stands for vertex i of these.
        least: For each of the 2^k sets of eliminated vertices what the others cost at least.
    """

    vertices: tuple[int, ...]
    least: Sequence[int]


def cluster_bound(relaxation: Relaxation, vertices: Iterable[int]) -> Cluster:
    """The cheapest order of some vertices if each step costs as little as its past allows.

    Every order of the graph orders these vertices in some way. When v is eliminated, those of them
    that come before v are eliminated and the others are not, so that v costs at least what
    `Relaxation.least_cost` says. The least sum over all ways is found set by set.

    Args:
        relaxation: Bounds of single vertices.
        vertices: Vertex numbers, k of them; time grows with 2^k.

    Returns:
        The cluster; bounds of disjoint clusters may be added.

    Source: the recursion over subsets of Held & Karp, SIAM Journal 10 (1962); adding bounds of
    disjoint parts as additive pattern databases, Korf & Felner, Artificial Intelligence 134 (2002).
    """
    chosen = tuple(vertices)
    full = (1 << len(chosen)) - 1
    states: list[KindState] = [relaxation.root]
    for mask in range(1, full + 1):
        lowest = (mask & -mask).bit_length() - 1
        states.append(relaxation.eliminate(states[mask & (mask - 1)], chosen[lowest]))
    least = [0] * (full + 1)
    for mask in range(full - 1, -1, -1):
        left = [i for i in range(len(chosen)) if not mask >> i & 1]
        least[mask] = min(
            least[mask | 1 << i]
            + relaxation.least_cost(states[mask], chosen[i], (chosen[j] for j in left if j != i))
            for i in left
        )
    return Cluster(chosen, least)


def make_clusters(graph: ComputationalGraph, relaxation: Relaxation, size: int) -> list[Cluster]:
    """Divides the vertices of a graph into clusters that cost more than their parts.

    Clusters grow by joining the two between which single pairs of vertices cost most beyond the
    sum of both.

    Args:
        graph: The graph.
        relaxation: Bounds of its vertices.
        size: The most vertices in a cluster.

    Returns:
        Disjoint clusters of all eliminable vertices.
    """
    alone = {v: relaxation.least_cost(relaxation.root, v) for v in graph.eliminable}
    gains: dict[tuple[int, int], int] = {}
    for u, v in _near_pairs(graph):
        gain = cluster_bound(relaxation, (u, v)).least[0] - alone[u] - alone[v]
        if gain > 0:
            gains[u, v] = gain
    group = {v: frozenset([v]) for v in graph.eliminable}
    while True:
        joint: dict[frozenset[frozenset[int]], int] = {}
        for (u, v), gain in gains.items():
            if group[u] != group[v] and len(group[u]) + len(group[v]) <= size:
                pair = frozenset((group[u], group[v]))
                joint[pair] = joint.get(pair, 0) + gain
        if not joint:
            break
        united = frozenset(itertools.chain(*max(joint, key=lambda pair: _merit(pair, joint))))
        group |= dict.fromkeys(united, united)
    clusters = sorted({tuple(sorted(members)) for members in group.values()})
    return [cluster_bound(relaxation, members) for members in clusters]


def _merit(
    pair: frozenset[frozenset[int]], joint: dict[frozenset[frozenset[int]], int]
) -> tuple[float, list[int]]:
    """What joining two groups is worth; vertex numbers make the choice definite."""
    members = sorted(itertools.chain(*pair))
    return joint[pair] / len(members), members


def _near_pairs(graph: ComputationalGraph) -> list[tuple[int, int]]:
    """Pairs of eliminable vertices that an edge joins, or two edges through a third one."""
    near: dict[int, set[int]] = {graph.node(v): set() for v in graph.eliminable}
    for pred, succ in graph.edges:
        if pred in near and succ in near:
            near[pred].add(succ)
            near[succ].add(pred)
    pairs = {
        (min(u, w), max(u, w))
        for v, others in near.items()
        for w in others
        for u in (v, *others)
        if u != w
    }
    return sorted((graph.vertex(u), graph.vertex(w)) for u, w in pairs)
