"""Primitives that only rename axes: everything is tied and no label is carried."""

import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from elimax.interpreter.graph.structure import UNTIED, Kind, edge_structure
from elimax.interpreter.tracing.call import trace
from support.compare import assert_equals_jacrev_in_all_orders
from support.moves import (
    assert_moves_in_single_precision,
    assert_moves_like_jax,
    only_edge,
)
from support.random_programs import wave

MOVES = {
    "broadcast": lambda x: jnp.broadcast_to(x, (2, *x.shape)),
    "transpose": lambda x: x.transpose(1, 2, 0),
    "squeeze": lambda x: x[:, :1].squeeze(1),
    "expand": lambda x: x[:, None, :, :, None],
    "repeat": lambda x: jnp.repeat(x, 2, axis=0),
    "barrier": lambda x: lax.optimization_barrier((x, 2 * x))[1],
}


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda x: lax.broadcast_in_dim(x, (4, 2, 3), (1, 2)), ((4, 2, 3), [1, 2])),
        (lambda x: x.T, ((3, 2), [1, 0])),
        (lambda x: x[None], ((1, 2, 3), [1, 2])),
        (lambda x: lax.copy_p.bind(x), ((2, 3), [0, 1])),
        (lambda x: x.astype(jnp.float16), ((2, 3), [0, 1])),
        (lambda x: lax.reduce_precision(x, 8, 10), ((2, 3), [0, 1])),
        (lambda x: lax.optimization_barrier(x), ((2, 3), [0, 1])),
    ],
)
def test_axes_stay_tied(function, expected):
    """One worked example per primitive on x with shape (2, 3)."""
    out_shape, ties = expected
    structure = edge_structure(out_shape, (2, 3), ties, [], Kind.STRUCTURAL)
    assert only_edge(function, jnp.ones((2, 3))) == structure


def test_squeeze_drops_axes_of_size_one():
    """(2, 1, 3) to (2, 3): both other axes stay tied, whatever sign their numbers have."""
    expected = edge_structure((2, 3), (2, 1, 3), [0, UNTIED, 1], [], Kind.STRUCTURAL)
    for axis in (1, -2):
        assert only_edge(lambda x, a=axis: lax.squeeze(x, (a,)), jnp.ones((2, 1, 3))) == expected


def test_barrier_does_not_mix_its_operands():
    """optimization_barrier passes every operand through to one result."""
    graph = trace(lambda x, y: lax.optimization_barrier((x, y)), 1.0, 2.0, argnums=(0, 1))
    assert set(graph.edges) == {(0, 2), (1, 3)}


def test_values_equal_jacrev():
    """Before and after other functions, in float64 and in float32."""
    assert_moves_like_jax(MOVES, wave(3, 2, 4))
    assert_moves_in_single_precision(MOVES, wave(3, 2, 4))


def test_empty_arrays():
    """Axes of size zero give blocks of the right shape."""

    def function(x):
        return [jnp.sin(move(jnp.cos(x))) for move in (lambda x: x.T, lambda x: x[None])]

    assert_equals_jacrev_in_all_orders(function, np.zeros((0, 3)))
