"""Blocks that are written out in full."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from elimax.interpreter.algebra.sparse_value import Part, SparseValue
from elimax.interpreter.graph.structure import UNTIED, Kind, edge_structure
from elimax.interpreter.output.dense import written_out


@pytest.mark.parametrize("kind", [np.asarray, jnp.asarray])
def test_labels_that_a_value_lacks_are_repeated(kind):
    """J[a, b; c] that varies along b alone, in the wanted dtype."""
    structure = edge_structure((2, 3), (4,), [UNTIED], [1], Kind.GENERAL)
    written = written_out(structure, kind([1.0, 2.0, 3.0]), jnp.float16)
    assert written.dtype == jnp.float16
    np.testing.assert_array_equal(written, np.broadcast_to([[[1], [2], [3]]], (2, 3, 4)))


def test_sparse_values_stand_at_their_places():
    """Entries of J[a; b] at (0, 2) and (1, 0), zeros elsewhere."""
    structure = edge_structure((2,), (3,), [UNTIED], [0, 1], Kind.GENERAL)
    parts = (Part(jnp.array([7.0, 5.0]), np.array([2, 3])),)
    written = written_out(structure, SparseValue((), (0, 1), (2, 3), parts), jnp.float32)
    np.testing.assert_array_equal(written, [[0, 0, 7], [5, 0, 0]])


@pytest.mark.parametrize("size", [2, 65])
def test_written_out_puts_zeros_off_the_diagonal(size):
    """Small masks are constants, large ones are compared at run time; infinities stay away."""
    structure = edge_structure((size,), (size,), [0], [0], Kind.GENERAL)
    for entries in (np.full(size, np.inf), jnp.full(size, jnp.inf)):
        array = np.asarray(written_out(structure, entries, jnp.float32))
        np.testing.assert_array_equal(array, np.where(np.eye(size, dtype=bool), np.inf, 0))
    closed = jax.make_jaxpr(lambda v: written_out(structure, v, jnp.float32))(jnp.ones(size))
    assert sum(np.size(constant) for constant in closed.consts) <= 64 * 64
