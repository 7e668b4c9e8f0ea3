"""Only the edges that a wanted block is computed from."""

import itertools

import hypothesis.strategies as st
import pytest
from hypothesis import given

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.counting import count_multiplications
from elimax.interpreter.graph.elimination import Elimination
from elimax.interpreter.graph.structure import Kind, edge_structure
from elimax.interpreter.graph.wanted import edge_filter

SCALAR = edge_structure((), (), [], [], Kind.GENERAL)


def scalar_graph(num_inputs, num_nodes, pairs, outputs):
    """A graph of scalars with the given edges."""
    names = ("f",) * (num_nodes - num_inputs)
    edges = dict.fromkeys(pairs, SCALAR)
    return ComputationalGraph(num_inputs, ((),) * num_nodes, names, tuple(outputs), edges)


# Inputs 0 and 1; 2 reads both, 3 reads 1; the outputs 4 and 5 read 2 and 3.
BUTTERFLY = scalar_graph(2, 6, [(0, 2), (1, 2), (1, 3), (2, 4), (2, 5), (3, 4), (3, 5)], (4, 5))


@pytest.mark.parametrize(
    ("wanted", "edges"),
    [
        ([(0, 5)], {(0, 2), (2, 5)}),
        ([(1, 4)], {(1, 2), (1, 3), (2, 4), (3, 4)}),
        ([(0, 4), (0, 5)], {(0, 2), (2, 4), (2, 5)}),
        ([], set()),
        (None, set(BUTTERFLY.edges)),
        (list(itertools.product((0, 1), (4, 5))), set(BUTTERFLY.edges)),
    ],
)
def test_edges_on_the_way_of_a_wanted_block(wanted, edges):
    """From the input of a block to the output of the same block."""
    is_needed = edge_filter(BUTTERFLY, wanted)
    assert {edge for edge in BUTTERFLY.edges if is_needed(*edge)} == edges


def test_constant_outputs_are_no_aim():
    """A block of an output that is a constant needs nothing."""
    graph = scalar_graph(1, 2, [(0, 1)], (1, -1))
    assert not edge_filter(graph, [(0, -1)])(0, 1)


@st.composite
def graphs(draw):
    """Graphs of up to nine nodes, three of them inputs, with outputs that others may use."""
    num_nodes = draw(st.integers(4, 9))
    pairs = [(p, s) for s in range(3, num_nodes) for p in range(s)]
    edges = draw(st.sets(st.sampled_from(pairs)))
    outputs = draw(st.lists(st.integers(3, num_nodes - 1), min_size=1, unique=True))
    reaching = set(outputs)
    for pred, succ in sorted(edges, reverse=True):
        if succ in reaching:
            reaching.add(pred)
    edges = {edge for edge in edges if edge[1] in reaching}
    return scalar_graph(3, num_nodes, edges, outputs)


def blocks(graph, order, wanted):
    """All paths of every block, as text."""
    edges = {(p, s): [f"{p}{s}"] for p, s in graph.edges}
    elimination = Elimination(
        graph,
        edges,
        lambda later, earlier: [f"{e}.{s}" for s in later for e in earlier],
        lambda first, second: first + second,
        wanted,
    )
    for vertex in order:
        elimination.eliminate(vertex)
    return {
        (p, s): sorted(paths)
        for s in graph.output_nodes
        for p, paths in elimination.predecessors[s].items()
    }


@given(st.data())
def test_wanted_blocks_are_complete_in_every_order(data):
    """They have all their paths, whatever else is left out, and cost no more than all blocks."""
    graph = data.draw(graphs())
    order = data.draw(st.permutations(graph.eliminable))
    every = [(i, o) for i in range(3) for o in sorted(graph.output_nodes)]
    wanted = data.draw(st.lists(st.sampled_from(every), unique=True))
    some, full = blocks(graph, order, wanted), blocks(graph, order, None)
    assert {key: some[key] for key in wanted if key in full} == {
        key: full[key] for key in wanted if key in full
    }
    assert blocks(graph, order, every) == full
    counts = [count_multiplications(graph, order, which).all for which in (wanted, None)]
    assert counts[0] <= counts[1]
    assert counts[0] == 0 or wanted
