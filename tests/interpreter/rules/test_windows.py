"""Convolutions and pooling: batch axes and untouched axes stay tied."""

import jax
import jax.numpy as jnp
import pytest
from jax import lax

from interpreter.jacobian import jacve
from interpreter.structure import UNTIED
from interpreter.tracing import trace
from tests.interpreter.compare import assert_equals_jacrev_in_all_orders, assert_same_blocks
from tests.interpreter.random_programs import wave

U = UNTIED
IMAGE, FILTERS = (2, 4, 3, 3), (6, 4, 2, 2)


def pool(computation, start, window, strides=(1, 1), padding=((0, 0), (0, 0))):
    """A reduction over windows of a matrix."""
    return lambda x: lax.reduce_window(x, start, computation, window, strides, padding)


@pytest.mark.parametrize(
    ("function", "ties"),
    [
        (pool(lax.max, -jnp.inf, (1, 2)), (0, U)),
        (pool(lax.min, jnp.inf, (2, 1)), (U, 1)),
        (pool(lax.add, 0.0, (1, 2)), (0, U)),
        (pool(lax.add, 0.0, (1, 2), strides=(2, 1)), (U, U)),
        (pool(lax.add, 0.0, (1, 2), padding=((1, 0), (0, 0))), (U, U)),
        (pool(lax.max, -jnp.inf, (1, 1)), (0, 1)),
    ],
)
def test_windows(function, ties):
    """Only a window of one entry without stride, dilation or padding leaves an axis alone."""
    graph = trace(function, jnp.ones((4, 3)))
    assert graph.edges[0, graph.outputs[0]].ties == ties

    def around(x):
        return jnp.sin(function(jnp.sin(x)))

    # JAX differentiates windows over any other operation forward only.
    x = jnp.asarray(wave(4, 3), jnp.float32)
    assert_same_blocks(jacve(around)(x), jax.jacfwd(around)(x), rtol=1e-5)


def test_windows_over_any_operation():
    """The array ties what no window slides over, the value that windows start from has no axes."""

    def function(x, start):
        return lax.reduce_window(x, start, lambda a, b: a * b + a, (1, 2), (1, 1), "VALID")

    graph = trace(function, jnp.ones((4, 3)), jnp.float32(1.0))
    assert graph.edges[0, 2].ties == (0, U)
    assert graph.edges[1, 2].ties == ()


@pytest.mark.parametrize(
    ("options", "ties"),
    [
        ({}, ((0, U, U, U), (1, U, U, U))),
        ({"feature_group_count": 2}, ((0, U, U, U), (1, U, U, U))),
        ({"batch_group_count": 2}, ((U, U, U, U), (1, U, U, U))),
        ({"dimension_numbers": ("CNHW", "IOHW", "HWNC")}, ((U, 2, U, U), (U, 3, U, U))),
    ],
)
def test_convolutions(options, ties):
    """The batch axis of the image and the axis of the filters, wherever they stand."""
    image, filters = IMAGE, FILTERS
    if "feature_group_count" in options:
        filters = (6, 2, 2, 2)
    if "dimension_numbers" in options:
        image, filters = (4, 2, 3, 3), (4, 6, 2, 2)

    def function(x, w):
        return lax.conv_general_dilated(x, w, (1, 1), "SAME", **options)

    graph = trace(function, jnp.ones(image), jnp.ones(filters))
    assert tuple(graph.edges[k, 2].ties for k in range(2)) == ties
    small = tuple(min(size, 2) for size in image), tuple(min(size, 2) for size in filters)
    if "feature_group_count" not in options:
        assert_equals_jacrev_in_all_orders(
            lambda x, w: function(jnp.sin(x), jnp.sin(w)),
            wave(*small[0]),
            wave(*small[1], phase=2),
            argnums=(0, 1),
        )
