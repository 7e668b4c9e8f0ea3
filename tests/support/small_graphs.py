"""Small graphs for hypothesis that are not traced from a function, and their lowest costs."""

import copy
from collections.abc import Sequence

import hypothesis.strategies as st

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.elimination import CountingElimination
from elimax.interpreter.graph.pair_structure import (
    Direction,
    OpaqueStructure,
    PairStructure,
    Structure,
)
from elimax.interpreter.graph.structure import (
    UNTIED,
    EdgeStructure,
    Kind,
    edge_structure,
)

SHAPES = ((), (2,), (3,))
DIRECTIONS = (Direction.FORWARD, Direction.REVERSE, Direction.BOTH)


@st.composite
def scalar_graphs(
    draw: st.DrawFn,
    max_vertices: int = 8,
    kinds: Sequence[Kind] = tuple(Kind),
    min_vertices: int = 1,
) -> ComputationalGraph:
    """Draws graphs of single numbers: dead ends, intermediate outputs, any mixture of kinds."""
    return draw(graphs(((),), max_vertices, kinds, min_vertices))


@st.composite
def graphs(
    draw: st.DrawFn,
    shapes: Sequence[tuple[int, ...]] = SHAPES,
    max_vertices: int = 6,
    kinds: Sequence[Kind] = tuple(Kind),
    min_vertices: int = 1,
) -> ComputationalGraph:
    """Draws graphs whose edges have any ties, labels and kinds that fit their nodes."""
    num_inputs = draw(st.integers(1, 3))
    num_vertices = draw(st.integers(min_vertices, max_vertices))
    num_nodes = num_inputs + num_vertices
    node_shapes = tuple(draw(st.sampled_from(shapes)) for _ in range(num_nodes))
    edges = {}
    for succ in range(num_inputs, num_nodes):
        for pred in sorted(draw(st.sets(st.integers(0, succ - 1), min_size=1, max_size=3))):
            out, into = node_shapes[succ], node_shapes[pred]
            tied = bool(out) and out == into and draw(st.booleans())
            carried = [label for label in range(len(out + into)) if draw(st.booleans())]
            ties = [0 if tied else -1] * len(into)
            kind = draw(st.sampled_from(kinds))
            edges[pred, succ] = edge_structure(out, into, ties, carried, kind)
    outputs = draw(st.sets(st.integers(num_inputs, num_nodes - 1), max_size=3))
    return ComputationalGraph(
        num_inputs=num_inputs,
        node_shapes=node_shapes,
        primitives=("f",) * num_vertices,
        outputs=tuple(sorted(outputs | {num_nodes - 1})),
        edges=edges,
    )


def opaque_parts(
    out: tuple[int, ...], into: tuple[int, ...], directions: Sequence[Direction] = DIRECTIONS
) -> st.SearchStrategy[OpaqueStructure]:
    """Draws an opaque edge between two shapes, tied or not, of any kind, cost and direction."""
    return st.builds(
        OpaqueStructure,
        written_parts(out, into),
        st.integers(0, 9),
        st.sampled_from(directions),
        st.booleans(),
    )


@st.composite
def written_parts(draw: st.DrawFn, out: tuple[int, ...], into: tuple[int, ...]) -> EdgeStructure:
    """Draws a written edge between two shapes: any ties between axes of one size, any labels."""
    ties: list[int] = []
    for n in into:
        free = [axis for axis, m in enumerate(out) if m == n and axis not in ties]
        ties.append(draw(st.sampled_from([UNTIED, *free])))
    carried = [label for label in range(len(out + into)) if draw(st.booleans())]
    return edge_structure(out, into, ties, carried, draw(st.sampled_from(tuple(Kind))))


@st.composite
def opaque_graphs(
    draw: st.DrawFn,
    shapes: Sequence[tuple[int, ...]] = ((), (2,), (3,), (2, 3), (3, 1), (400, 50)),
    max_vertices: int = 6,
    directions: Sequence[Direction] = DIRECTIONS,
) -> ComputationalGraph:
    """Draws graphs in which about half of the edges are opaque, so that many of them are added."""
    num_inputs, num_vertices = draw(st.integers(1, 2)), draw(st.integers(1, max_vertices))
    num_nodes = num_inputs + num_vertices
    node_shapes = tuple(draw(st.sampled_from(shapes)) for _ in range(num_nodes))
    edges: dict[tuple[int, int], Structure] = {}
    for succ in range(num_inputs, num_nodes):
        for pred in sorted(draw(st.sets(st.integers(0, succ - 1), min_size=1, max_size=4))):
            out, into = node_shapes[succ], node_shapes[pred]
            if draw(st.booleans()):
                edges[pred, succ] = draw(written_parts(out, into))
            else:
                edges[pred, succ] = PairStructure((draw(opaque_parts(out, into, directions)),))
    return ComputationalGraph(
        num_inputs=num_inputs,
        node_shapes=node_shapes,
        primitives=("f",) * num_vertices,
        outputs=(num_nodes - 1,),
        edges=edges,
    )


def least_of_all_orders(graph: ComputationalGraph, count: str) -> int:
    """The lowest cost, by trying every order; orders that begin alike share that much work."""

    def least(elimination: CountingElimination, left: frozenset[int]) -> int:
        costs = []
        for vertex in left:
            next_one = copy.copy(elimination)
            next_one.predecessors = [dict(edges) for edges in elimination.predecessors]
            next_one.successors = [dict(edges) for edges in elimination.successors]
            cost = getattr(elimination.cost(vertex), count)
            next_one.eliminate(vertex)
            costs.append(cost + least(next_one, left - {vertex}))
        return min(costs, default=0)

    return least(CountingElimination(graph), frozenset(graph.eliminable))


def least_by_subsets(graph: ComputationalGraph) -> int:
    """The lowest count `all` of a graph of single numbers without structural edges.

    A dynamic program over sets of eliminated nodes, which searches for paths through them from
    scratch at every step.
    """
    nodes = [graph.node(v) for v in graph.eliminable]
    preds = {v: {p for p, s in graph.edges if s == v} for v in range(graph.num_nodes)}
    succs = {v: {s for p, s in graph.edges if p == v} for v in range(graph.num_nodes)}

    def seen(v: int, near: dict[int, set[int]], gone: set[int], stops: frozenset[int]) -> int:
        found, waiting = set(), list(near[v])
        while waiting:
            u = waiting.pop()
            if u not in found:
                found.add(u)
                waiting += near[u] if u in gone else ()
        return len(found - gone | found & stops)

    least = {0: 0}
    for mask in range(1, 1 << len(nodes)):
        options = []
        for i, v in enumerate(nodes):
            if mask >> i & 1:
                rest = mask & ~(1 << i)
                gone = {u for j, u in enumerate(nodes) if rest >> j & 1}
                ways_in = seen(v, preds, gone, frozenset())
                ways_out = seen(v, succs, gone, graph.output_nodes)
                options.append(least[rest] + ways_in * ways_out)
        least[mask] = min(options)
    return least[(1 << len(nodes)) - 1]
