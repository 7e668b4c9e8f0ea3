"""Each style of array programs grows with its units and computes what its name says."""

import jax
import numpy as np
import pytest

from elimax.models.programs.array_styles import (
    STYLES,
    iteration,
    network,
    recurrence,
    stencil,
)
from support.program_graphs import assert_whole


@pytest.mark.parametrize("style", STYLES)
def test_programs_grow_with_their_units(style):
    """The same draw with more units is longer, and whole."""
    for seed in range(3):
        sizes = []
        for units in (2, 6):
            graph = STYLES[style](np.random.default_rng(seed), units).graph()
            assert_whole(graph)
            sizes.append(graph.num_vertices)
        assert sizes[0] < sizes[1]


def outputs_of(draw, seed, units):
    """The shapes of the outputs of a call."""
    call = draw(np.random.default_rng(seed), units)
    return jax.tree.leaves(jax.eval_shape(call.function, *call.arguments))


@pytest.mark.parametrize("draw", [network, recurrence, stencil, iteration])
def test_losses_and_arrays_are_both_drawn(draw):
    """Some programs end with a number, some with arrays."""
    ranks = {output.ndim for seed in range(12) for output in outputs_of(draw, seed, 2)}
    assert 0 in ranks and ranks - {0}


def test_recurrences_return_one_or_all_readouts():
    """The last state, a readout for each step, or a loss."""
    assert {len(outputs_of(recurrence, seed, 5)) for seed in range(12)} == {1, 5}


def test_stencils_have_grids_of_one_to_three_dimensions():
    """And one or two fields."""
    calls = [stencil(np.random.default_rng(seed), 1) for seed in range(30)]
    assert {field.ndim for call in calls for field in call.arguments[0]} == {1, 2, 3}
    assert {len(call.arguments[0]) for call in calls} == {1, 2}
