"""What the policy sees of a graph: names, and what is computed once for every graph.

All features are logarithms, shares or flags, so that they mean the same on graphs of any size, of
scalars and of arrays: costs are measured in the graph's own unit.
"""

import math
from collections.abc import Sequence

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
)
"""Of a vertex that remains, at every move. Damage is what its elimination adds to the costs of its
neighbours; fill-in the number of edges that it creates."""

POSITION = (
    "least log(1 + cost)",
    "least signed log of damage + cost",
    "least signed log of damage - cost",
    "log of the number of vertices that remain",
    "share of the vertices that remain",
)
"""Of a position; least over the vertices that remain."""

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
)
"""Of a node of the first position; its local features there are seen as well."""

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
"""Of the structure of an edge Jacobian."""


def structure_features(structure: Structure) -> tuple[float, ...]:
    """Describes a structure to the policy.

    Args:
        structure: The structure; of several parts the means are taken.

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
) -> np.ndarray:
    """What the encoder sees of every node, apart from its local features.

    Args:
        edges: (predecessor, successor) of all edges; nodes are numbered so that the predecessor
            is the smaller one.
        sizes: int[N], number of entries of every node.
        is_input: bool[N].
        is_output: bool[N].
        remains: bool[N], vertices to eliminate.

    Returns:
        float32[N, number of `START`].
    """
    num = len(sizes)
    depth, height, in_degree, out_degree = np.zeros((4, num))
    reached_by, reaches = [0] * num, [0] * num
    for bit, node in enumerate(np.flatnonzero(is_input).tolist()):
        reached_by[node] = 1 << bit
    for bit, node in enumerate(np.flatnonzero(is_output).tolist()):
        reaches[node] = 1 << bit
    for pred, succ in sorted(edges, key=lambda edge: edge[1]):
        depth[succ] = max(depth[succ], depth[pred] + 1)
        reached_by[succ] |= reached_by[pred]
        in_degree[succ] += 1
        out_degree[pred] += 1
    for pred, succ in sorted(edges, key=lambda edge: -edge[0]):
        height[pred] = max(height[pred], height[succ] + 1)
        reaches[pred] |= reaches[succ]
    longest = max(depth.max(initial=0.0), 1.0)
    columns = (
        depth / longest,
        height / longest,
        np.log1p([bits.bit_count() for bits in reached_by]),
        np.log1p([bits.bit_count() for bits in reaches]),
        is_input,
        is_output,
        remains,
        np.log(np.maximum(sizes, 1)) / 4.0,
        np.log1p(in_degree),
        np.log1p(out_degree),
    )
    return np.stack(columns, axis=1).astype(np.float32)
