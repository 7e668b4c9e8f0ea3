"""Random expressions use their operations, stay small and waste nothing."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elimax.models.programs.array_draws import size_of
from elimax.models.programs.array_expressions import (
    MOST_ENTRIES,
    OPERATIONS,
    _contracted,
    expression,
)
from support.program_graphs import assert_whole


@settings(max_examples=10)
@given(seed=st.integers(0, 2**20), units=st.integers(5, 40))
def test_expressions_are_whole_and_small(seed, units):
    """No value is larger than allowed, few are outputs, and all are used."""
    graph = expression(np.random.default_rng(seed), units).graph()
    assert_whole(graph)
    # Outer products and concatenations in between may have an axis of two more.
    assert max(int(np.prod(shape)) for shape in graph.node_shapes) <= 4 * MOST_ENTRIES
    assert len(graph.outputs) <= 3
    assert graph.num_vertices >= units / 2


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda x: x.__name__)
@pytest.mark.parametrize("shape", [(1,), (6,), (4, 1), (3, 4), (2, 3, 6), (64, 64)])
def test_operations_take_arrays_of_every_shape(operation, shape):
    """Their results are finite, not too large, and differentiable."""
    rng = np.random.default_rng(0)
    for _ in range(3):
        result = jax.eval_shape(lambda x: operation(rng, x), jnp.ones(shape))
        assert size_of(result) <= 3 * MOST_ENTRIES
        assert result.dtype == jnp.float32


def test_contractions_are_einsums_over_a_common_axis():
    """Of (5, 4) and (4, 6): one axis is summed over, and none of the others."""
    rng = np.random.default_rng(1)
    x, y = (jnp.asarray(rng.normal(size=shape), jnp.float32) for shape in ((5, 4), (4, 6)))
    np.testing.assert_allclose(_contracted(rng, x, y), x @ y, rtol=1e-5)


def test_expressions_depend_on_the_generator_alone():
    """Though they draw while they are traced."""
    first, second, other = (
        expression(np.random.default_rng(seed), 20).graph().fingerprint for seed in (1, 1, 2)
    )
    assert first == second != other
