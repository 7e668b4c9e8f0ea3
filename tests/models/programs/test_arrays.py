"""Random array programs are whole, varied, reproducible, and about as large as was asked for."""

import collections

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elimax.models.programs.arrays import STYLES, TOLERANCE, _draw_style, random_array_program
from support.program_graphs import assert_whole


@settings(max_examples=10)
@given(seed=st.integers(0, 2**20), num_vertices=st.integers(20, 120))
def test_programs_are_whole(seed, num_vertices):
    """Every node has an edge and lies on a path from an input to an output."""
    graph = random_array_program(np.random.default_rng(seed), num_vertices)
    assert_whole(graph)
    assert {node for edge in graph.edges for node in edge} == set(range(graph.num_nodes))


@pytest.mark.parametrize("style", STYLES)
def test_styles_have_about_the_wanted_size(style):
    """Most draws of every style, whatever their length."""
    wanted = (30, 40, 50, 80)
    met = []
    for seed, num_vertices in enumerate(wanted):
        graph = random_array_program(np.random.default_rng(seed), num_vertices, style)
        met.append(abs(graph.num_vertices - num_vertices) <= TOLERANCE * num_vertices)
        assert any(graph.node_shapes)
    assert sum(met) >= 3


def test_programs_depend_on_the_generator_alone():
    """The same state gives the same graph, in any style; others give others."""
    graphs = [
        random_array_program(np.random.default_rng(seed), 50) for seed in (*range(6), *range(6))
    ]
    fingerprints = [graph.fingerprint for graph in graphs]
    assert fingerprints[:6] == fingerprints[6:]
    assert len(set(fingerprints)) == 6


def test_styles_are_all_drawn():
    """Convolutions are rare, as they take long to trace; expressions stand in for them."""
    rng = np.random.default_rng(0)
    drawn = collections.Counter(_draw_style(rng) for _ in range(2000))
    assert set(drawn) == set(STYLES)
    assert drawn.most_common()[0][0] == "expression"
    assert 0.02 < drawn["convolutional"] / 2000 < 0.07
    assert drawn["network"] / 2000 > 0.13


def test_drawn_programs_are_varied():
    """Most are made of primitives of their own."""
    graphs = [random_array_program(np.random.default_rng(seed), 20) for seed in range(30)]
    assert len({frozenset(graph.primitives) for graph in graphs}) > 18
    assert any("dot_general" in graph.primitives for graph in graphs)


def test_nearest_program_is_returned_where_none_fits():
    """A convolution and its head are more than three vertices, whatever is drawn."""
    graph = random_array_program(np.random.default_rng(0), 3, "convolutional")
    assert 3 < graph.num_vertices < 12
