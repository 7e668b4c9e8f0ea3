"""Patterns of scalar code have the sizes that are asked for, and the shapes they are named for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elimax.models.programs.scalar_patterns import (
    LEAST_VERTICES,
    PATTERNS,
    rollout,
    stencil,
    system,
    tree,
)
from support.program_graphs import assert_whole


@given(
    seed=st.integers(0, 2**20),
    num_vertices=st.integers(LEAST_VERTICES, 1000),
    name=st.sampled_from([*PATTERNS]),
)
def test_programs_are_whole_and_of_the_wanted_size(seed, num_vertices, name):
    """Every vertex lies on a path, every input is read, and V is met up to a tenth."""
    graph = PATTERNS[name](np.random.default_rng(seed), num_vertices)
    assert abs(graph.num_vertices - num_vertices) <= num_vertices / 10
    assert_whole(graph)
    assert {pred for pred, _ in graph.edges} >= set(range(graph.num_inputs))


@pytest.mark.parametrize("name", PATTERNS)
def test_programs_depend_on_the_generator_alone(name):
    """The same state gives the same graph; nine seeds give nine."""
    graphs = [PATTERNS[name](np.random.default_rng(seed), 100) for seed in (*range(9), 0)]
    fingerprints = [graph.fingerprint for graph in graphs]
    assert fingerprints[0] == fingerprints[-1]
    assert len(set(fingerprints)) == 9


def outputs_and_inputs(pattern):
    """Numbers of outputs and of inputs of programs of 200 vertices."""
    graphs = [pattern(np.random.default_rng(seed), 200) for seed in range(30)]
    return [(len(graph.output_nodes), graph.num_inputs) for graph in graphs]


def test_trees_reduce_many_inputs_to_one_value():
    """So that gradients are what they are differentiated for."""
    shapes = outputs_and_inputs(tree)
    assert all(outputs == 1 for outputs, _ in shapes)
    assert min(inputs for _, inputs in shapes) > 15


def test_stencils_return_every_point():
    """And read a point each, besides at most two parameters."""
    shapes = outputs_and_inputs(stencil)
    assert all(0 <= inputs - outputs <= 2 for outputs, inputs in shapes)
    assert {inputs - outputs for outputs, inputs in shapes} == {0, 1, 2}


def test_systems_have_about_as_many_rows_as_unknowns():
    """Many of both."""
    for outputs, inputs in outputs_and_inputs(system):
        assert 0.4 < inputs / outputs < 2.5
        assert outputs > 5


def test_rollouts_return_the_last_state_all_states_or_a_loss():
    """Few outputs, or at least one for each of many steps."""
    outputs = [outputs for outputs, _ in outputs_and_inputs(rollout)]
    assert min(outputs) == 1 and sorted(outputs)[15] >= 2 and max(outputs) > 15


def test_steps_of_a_rollout_share_their_cell():
    """The primitives repeat from step to step."""
    graph = rollout(np.random.default_rng(3), 300)
    size = next(
        n
        for n in range(5, 21)
        if all(a == b for a, b in zip(graph.primitives, graph.primitives[n : 5 * n], strict=False))
    )
    assert graph.primitives[:size] == graph.primitives[size : 2 * size]
