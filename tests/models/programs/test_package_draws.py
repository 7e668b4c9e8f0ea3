"""Functions are put into towers and sums, with operands of the wanted kinds."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from elimax.models.programs.package_draws import FIXED, MOVING, layered, summed
from support.program_graphs import assert_whole


def test_towers_have_a_layer_for_each_unit():
    """The function is the activation of each."""
    entry = layered("tower", jnp.arctan)
    assert entry.name == "tower"
    for units in (1, 4):
        graph = entry.draw(np.random.default_rng(0), units).graph()
        assert_whole(graph)
        assert graph.primitives.count("atan") == graph.primitives.count("dot_general") == units


def test_sums_have_a_term_for_each_unit():
    """Some draws return the results, others the sum of their entries."""
    outputs = set()
    for seed in range(8):
        graph = summed("hypotenuse", jnp.arctan2, "rR").draw(np.random.default_rng(seed), 3).graph()
        assert_whole(graph)
        assert graph.primitives.count("atan2") == 3
        outputs.add(len(graph.outputs))
    assert outputs == {1, 3}


RANGES = {
    "p": lambda x: np.all(x > 0),
    "u": lambda x: np.all((x > 0) & (x < 1)),
    "x": lambda x: np.allclose(x.sum(-1), 1) and np.all(x > 0),
    "s": lambda x: np.all(np.linalg.eigvalsh(x) >= 0.99),
    "P": lambda x: np.all(x > 0),
    "U": lambda x: np.all((x > 0) & (x < 1)),
    "X": lambda x: np.allclose(x.sum(-1), 1, atol=1e-5) and np.all(x > 0),
    "B": lambda x: set(np.unique(x)) <= {0.0, 1.0},
    "C": lambda x: x.dtype == np.int32 and np.all(x >= 0),
}


@pytest.mark.parametrize("letter", [*MOVING, *FIXED])
def test_operands_are_of_their_kind(letter):
    """What a function is given lies where it is defined."""
    seen = []

    def note(x):
        jax.debug.callback(lambda value: seen.append(np.asarray(value)), x)
        return x

    call = summed("note", note, letter).draw(np.random.default_rng(5), 4)
    call.function(jnp.asarray(np.random.default_rng(0).normal(size=call.arguments[0].shape)))
    jax.effects_barrier()
    assert len(seen) == 4
    assert all(np.all(np.isfinite(x)) and RANGES.get(letter, np.any)(x) for x in seen)
