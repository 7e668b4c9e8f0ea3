"""Features that the policy sees: their names, and those that are computed once per graph.

All features are logarithms, shares or flags, so that they mean the same on graphs of any size, of
scalars and of arrays. Costs are in the graph's own unit, the typical cost of a product; "in moves"
means in units of the mean cost of a move in the cheapest simple order from here on.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from elimax.interpreter.graph.pair_structure import (
    OpaqueStructure,
    Structure,
    array_structure,
    parts_of,
)
from elimax.interpreter.graph.structure import UNTIED, Kind

LOCAL = (
    "log(1 + in-degree)",
    "log(1 + out-degree)",
    "log(1 + cost)",
    "log(1 + fill-in)",
    "signed log of damage",
    "signed log of damage + cost",
    "signed log of damage - cost",
    "share of predecessors that are inputs",
    "share of successors that are outputs",
    "no fill-in",
    "one predecessor",
    "one successor",
    "log(1 + cost of a product)",
    "share of free products",
    "log of cost, minus that in the forward order",
    "log of cost, minus that in the reverse order",
    "log of cost, minus that in the Markowitz order",
    "log(1 + cost), in moves",
    "signed log of damage + cost, in moves",
    "signed log of damage - cost, in moves",
    "log(1 + numbers on the edges into it)",
    "log(1 + numbers on the edges out of it)",
    "signed log of the numbers that its elimination adds",
)
"""Features of a remaining vertex, at every move. Damage is what its elimination adds to the costs
of its neighbours, fill-in the number of edges that it creates; the numbers are the entries that
edge Jacobians store."""

POSITION = (
    "least log(1 + cost)",
    "least signed log of damage + cost",
    "least signed log of damage - cost",
    "log of the number of vertices that remain",
    "share of the vertices that remain",
    "log of a move in units",
    "log of the cost of the forward order, over the cheapest simple one",
    "log of the cost of the reverse order, over the cheapest simple one",
    "log of the cost of the Markowitz order, over the cheapest simple one",
)
"""Features of a position; "least" is over the remaining vertices. The last four are as of the last
look."""

START = (
    "depth",
    "height",
    "log(1 + inputs that reach it)",
    "log(1 + outputs that it reaches)",
    "is an input",
    "is an output",
    "is to be eliminated",
    "log of the number of its entries",
    "log(1 + in-degree)",
    "log(1 + out-degree)",
    "log of the entries of the inputs that reach it",
    "log of the entries of the outputs that it reaches",
    "log of the narrowest way to it",
    "log of the narrowest way from it",
    "log(1 + cost) in the forward order",
    "log(1 + cost) in the reverse order",
    "log(1 + cost) in the Markowitz order",
    "share of the Markowitz order before it",
)
"""Features of a node in the first position, in addition to its local features there."""

STRUCTURE = (
    "is structural",
    "is trivial",
    "is general",
    "is opaque",
    "log of the number of its values",
    "log of the number of tied entries",
    "log of the entries of its successor",
    "log of the entries of its predecessor",
)
"""Features of the structure of an edge Jacobian."""


def structure_features(structure: Structure) -> tuple[float, ...]:
    """Computes the features of a structure.

    Args:
        structure: The structure; if it has several parts, their mean is taken.

    Returns:
        One number for each of `STRUCTURE`.
    """
    rows = []
    for part in parts_of(structure):
        edge = array_structure(part)
        tied = [edge.in_shape[j] for j, tie in enumerate(edge.ties) if tie != UNTIED]
        kinds = [float(edge.kind == kind) for kind in Kind]
        sizes = (edge.carried_shape, tied, edge.out_shape, edge.in_shape)
        logs = [math.log(max(1, math.prod(size))) / 4.0 for size in sizes]
        rows.append((*kinds, float(isinstance(part, OpaqueStructure)), *logs))
    return tuple(np.mean(rows, axis=0).tolist())


def start_features(
    edges: Sequence[tuple[int, int]],
    sizes: np.ndarray,
    is_input: np.ndarray,
    is_output: np.ndarray,
    remains: np.ndarray,
    simple: np.ndarray,
) -> np.ndarray:
    """Computes what the encoder sees of every node, apart from its local features.

    Args:
        edges: (predecessor, successor) of all edges; nodes are numbered so that the predecessor
            is the smaller one.
        sizes: int[N], number of entries of every node.
        is_input: bool[N].
        is_output: bool[N].
        remains: bool[N], vertices to eliminate.
        simple: float[N, 4], the last columns, from the simple orders.

    Returns:
        float32[N, number of `START`].
    """
    forward = sorted(edges, key=lambda edge: edge[1])
    backward = [(succ, pred) for pred, succ in sorted(edges, reverse=True)]
    before, after = _reach(forward, sizes, is_input), _reach(backward, sizes, is_output)
    columns = [
        *(walk.distance / max(walk.distance.max(initial=0.0), 1.0) for walk in (before, after)),
        *(np.log1p(walk.ends) for walk in (before, after)),
        is_input,
        is_output,
        remains,
        _log_size(sizes),
        *(np.log1p(walk.degree) for walk in (before, after)),
        *(_log_size(walk.entries) for walk in (before, after)),
        *(_log_size(walk.narrowest) for walk in (before, after)),
        *simple.T,
    ]
    return np.stack(columns, axis=1).astype(np.float32)


class _Reach(NamedTuple):
    """What lies before every node, or after every node; all float64[N]."""

    distance: np.ndarray
    degree: np.ndarray
    ends: np.ndarray
    entries: np.ndarray
    narrowest: np.ndarray


def _reach(edges: Sequence[tuple[int, int]], sizes: np.ndarray, is_end: np.ndarray) -> _Reach:
    """Follows edges, sorted so that all edges into a node come before those out of it.

    Args:
        edges: (from, to) of all edges.
        sizes: int[N], number of entries of every node.
        is_end: bool[N], where paths begin: inputs, or outputs if the edges are reversed.

    Returns:
        The longest distance, the degree, the number of ends and of their entries, and an upper
        bound of the rank of the Jacobian between ends and node: the narrowest place on the way.
    """
    num = len(sizes)
    distance, degree, through = np.zeros((3, num))
    reached = [0] * num
    ends = np.flatnonzero(is_end).tolist()
    for bit, node in enumerate(ends):
        reached[node] = 1 << bit
        through[node] = sizes[node]
    for source, node in edges:
        distance[node] = max(distance[node], distance[source] + 1)
        degree[node] += 1
        reached[node] |= reached[source]
        through[node] += min(through[source], sizes[source])
    end_sizes = sizes[ends].astype(float)
    # Many nodes share a set of ends, so each set is summed once.
    entries = {bits: end_sizes[_members(bits)].sum() for bits in set(reached)}
    return _Reach(
        distance,
        degree,
        np.array([bits.bit_count() for bits in reached], float),
        np.array([entries[bits] for bits in reached]),
        np.minimum(through, sizes),
    )


def _members(bits: int) -> list[int]:
    """The positions of the set bits of a number."""
    return [k for k, digit in enumerate(reversed(f"{bits:b}")) if digit == "1"]


def _log_size(sizes: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(sizes, 1)) / 4.0
