"""Running sums: a triangle of ones that is not written unless it must be."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from elimax.interpreter.graph.pair_structure import Direction, opaque_edge
from elimax.interpreter.graph.structure import UNTIED, Kind, edge_structure
from elimax.interpreter.jacobian import jacve
from support.compare import assert_equals_jacrev_in_all_orders
from support.jaxprs import equations, primitives
from support.local import local_value
from support.moves import assert_moves_in_single_precision, assert_moves_like_jax
from support.random_programs import wave

MOVES = {
    "cumsum": lambda x: jnp.cumsum(x, axis=1),
    "cumsum back": lambda x: lax.cumsum(x, axis=2, reverse=True),
    "twice": lambda x: jnp.cumsum(jnp.cumsum(x, axis=2), axis=0),
    "and back": lambda x: jnp.diff(jnp.cumsum(x, axis=2), axis=2),
    "of one": lambda x: jnp.cumsum(x[:, :1], axis=1),
    "of a slice": lambda x: jnp.cumsum(x[:, :, 1:], axis=2)[:, :, ::2],
}


@pytest.mark.parametrize("reverse", [False, True])
def test_triangle_along_one_axis(reverse):
    """x of shape (2, 3): out (a, k), in (a, i), a tied, carried k and i."""
    function = lambda x: lax.cumsum(x, 1, reverse=reverse)  # noqa: E731
    edge, value = local_value(function, jnp.ones((2, 3)))
    array = edge_structure((2, 3), (2, 3), [0, UNTIED], [1, 3], Kind.STRUCTURAL)
    assert edge == opaque_edge(array, 0, Direction.BOTH)
    triangle = np.triu(np.ones((3, 3))) if reverse else np.tril(np.ones((3, 3)))
    np.testing.assert_array_equal(value.materialised((1, 3)), triangle)


def test_values_equal_jacrev():
    """Before and after other functions, in float64 and in float32."""
    assert_moves_like_jax(MOVES, wave(3, 2, 4))
    assert_moves_in_single_precision(MOVES, wave(3, 2, 4))


def test_empty_arrays():
    """Along an axis without entries and beside one."""

    def function(x):
        return [jnp.cumsum(jnp.cos(x), axis) for axis in (0, 1)]

    assert_equals_jacrev_in_all_orders(function, np.zeros((0, 3)))


def test_a_neighbour_is_summed_and_nothing_multiplied():
    """A matrix after a running sum: its rows are summed up, no triangle is written."""
    matrix = jnp.asarray(wave(3, 20), jnp.float32)

    def function(x):
        return matrix @ jnp.cumsum(x)

    closed = jax.make_jaxpr(jacve(function, order="reverse"))(jnp.ones(20))
    assert "cumsum" in primitives(closed)
    assert max(var.aval.size for eqn in equations(closed) for var in eqn.outvars) <= 60
