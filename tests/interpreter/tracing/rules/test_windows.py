"""Convolutions and pooling: batch axes and untouched axes stay tied."""

import jax
import jax.numpy as jnp
import pytest
from jax import lax

from elimax.interpreter.graph.structure import UNTIED
from elimax.interpreter.jacobian import jacve
from elimax.interpreter.tracing.call import trace
from support.compare import assert_equals_jacrev_in_all_orders, assert_same_blocks
from support.opaque import written_edges
from support.random_programs import wave

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
    assert written_edges(graph)[0, graph.outputs[0]].ties == ties

    def around(x):
        return jnp.sin(function(jnp.sin(x)))

    # JAX differentiates windows over any other operation forward only.
    x = jnp.asarray(wave(4, 3), jnp.float32)
    assert_same_blocks(jacve(around)(x), jax.jit(jax.jacfwd(around))(x), rtol=1e-5)


def test_windows_over_any_operation():
    """The array ties what no window slides over; JAX has no derivative by where windows start."""

    def function(x, start):
        return lax.reduce_window(x, start, lambda a, b: a * b + a, (1, 2), (1, 1), "VALID")

    graph = trace(function, jnp.ones((4, 3)), jnp.float32(1.0), argnums=0)
    assert written_edges(graph)[0, graph.outputs[0]].ties == (0, U)
    with pytest.raises(TypeError, match="init_value_tangent"):
        trace(function, jnp.ones((4, 3)), jnp.float32(1.0), argnums=(0, 1))
    x = jnp.asarray(wave(4, 3), jnp.float32)
    around = lambda x: jnp.sin(function(jnp.sin(x), jnp.float32(1.0)))  # noqa: E731
    # jax.jacfwd pushes all columns at once, which JAX cannot do here.
    pushed = jax.jit(lambda unit: jax.jvp(around, (x,), (unit,))[1])
    unit_vectors = jnp.eye(12, dtype=x.dtype).reshape(12, 4, 3)
    theirs = jnp.stack([pushed(unit) for unit in unit_vectors], -1).reshape(4, 2, 4, 3)
    for order in ("forward", "reverse"):
        assert_same_blocks(jacve(around, order=order)(x), theirs, rtol=1e-5)


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

    graph = trace(function, jnp.ones(image), jnp.ones(filters), argnums=(0, 1))
    out, edges = graph.outputs[0], written_edges(graph)
    assert tuple(edges[k, out].ties for k in range(2)) == ties
    small = [tuple(min(size, 2) for size in shape) for shape in (image, filters)]
    if "feature_group_count" in options:
        small[1] = (2, 1, 2, 2)
    assert_equals_jacrev_in_all_orders(
        lambda x, w: function(jnp.sin(x), jnp.sin(w)),
        wave(*small[0]),
        wave(*small[1], phase=2),
        argnums=(0, 1),
    )
