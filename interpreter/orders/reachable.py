"""What the edges between two nodes can become, whatever is eliminated, and what they then cost."""

import functools
import itertools
import math
from typing import Literal

from interpreter.graph import ComputationalGraph
from interpreter.structure import EdgeStructure, Kind, add, multiply

Count = Literal["all", "nontrivial"]
Structures = frozenset[EdgeStructure]
Pair = tuple[int, int]

MOST_STRUCTURES = 48


def paid_kind(count: Count) -> Kind:
    """The least kind of an edge whose products can cost anything.

    Args:
        count: Which count is the cost.

    Returns:
        `TRIVIAL` for "all", `GENERAL` for "nontrivial".
    """
    return Kind.TRIVIAL if count == "all" else Kind.GENERAL


def reachable_structures(graph: ComputationalGraph) -> dict[Pair, Structures | None]:
    """All structures that the edge between two nodes may have after some eliminations, and more.

    An edge from p to v is a sum of products along ways from p to v, and every product is one of an
    edge from some u to v with one from p to u. So the set of (p, v) is made of those of (u, v) and
    (p, u), and closed under sums where more than one way leads from p to v.

    Args:
        graph: The graph.

    Returns:
        The set by (predecessor node, successor node), for all pairs that a way joins; None where
        it has more than `MOST_STRUCTURES` members and nothing is known.
    """
    inner = {graph.node(vertex) for vertex in graph.eliminable}
    direct: dict[int, list[int]] = {}
    for pred, succ in graph.edges:
        direct.setdefault(succ, []).append(pred)
    found: dict[Pair, Structures | None] = {}
    ways: dict[Pair, int] = {}
    before: dict[int, list[int]] = {}
    for succ in sorted(direct):
        preds = {p for u in direct[succ] for p in (u, *(before.get(u, ()) if u in inner else ()))}
        before[succ] = sorted(preds, reverse=True)
        for pred in before[succ]:
            ways[pred, succ] = sum(1 if u == pred else ways.get((pred, u), 0) for u in direct[succ])
            parts = [
                _products(found[u, succ], found[pred, u])
                for u in before[succ]
                if u in inner and (pred, u) in found
            ]
            if (pred, succ) in graph.edges:
                parts.append(frozenset([graph.edges[pred, succ]]))
            found[pred, succ] = _union(parts, ways[pred, succ] > 1)
    return found


def _union(parts: list[Structures | None], several_ways: bool) -> Structures | None:
    union: set[EdgeStructure] = set()
    for part in parts:
        if part is None:
            return None
        union |= part
    return _sums(frozenset(union)) if several_ways else frozenset(union)


@functools.lru_cache(maxsize=1 << 14)
def _products(later: Structures | None, earlier: Structures | None) -> Structures | None:
    if later is None or earlier is None:
        return None
    found = {multiply(x, y).structure for x, y in itertools.product(later, earlier)}
    return frozenset(found) if len(found) <= MOST_STRUCTURES else None


@functools.lru_cache(maxsize=1 << 14)
def _sums(structures: Structures) -> Structures | None:
    found, new = set(structures), set(structures)
    while new:
        new = {add(x, y) for x, y in itertools.product(found, new)} - found
        found |= new
        if len(found) > MOST_STRUCTURES:
            return None
    return frozenset(found)


@functools.lru_cache(maxsize=1 << 14)
def least_cost(later: Structures | None, earlier: Structures | None, count: Count) -> int | None:
    """The least that a product of two edges costs if neither of them is free.

    Args:
        later: What J[s, v] can be; None if nothing is known.
        earlier: What J[v, p] can be; None if nothing is known.
        count: Which count is the cost.

    Returns:
        Scalar multiplications; None if one of them is always free.
    """
    if later is None or earlier is None:
        return 0
    paid = paid_kind(count)
    costs = [
        getattr(multiply(x, y), count)
        for x, y in itertools.product(later, earlier)
        if min(x.kind, y.kind) >= paid
    ]
    return min(costs, default=None)


def is_scalar(graph: ComputationalGraph) -> bool:
    """Whether all nodes hold one number, so that a product costs 1 or nothing.

    Args:
        graph: The graph.

    Returns:
        True if no axis is longer than one; axes of length zero do not count as one.
    """
    return all(math.prod(shape) == 1 for shape in graph.node_shapes)
