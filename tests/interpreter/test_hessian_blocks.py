"""Hessians whose halves differ, and the dtypes of their blocks."""

import jax
import jax.numpy as jnp
import pytest

from elimax.interpreter.hessian import hessve
from support.compare import assert_same_blocks


def test_factorisations_need_both_halves():
    """The rule of `cholesky` supposes a symmetric matrix, so that its Hessian is not symmetric."""

    def fun(a, b):
        return jnp.sum(jax.lax.linalg.cholesky(a + b, symmetrize_input=False) ** 3)

    a, b = jnp.array([[2.0, 0.3], [0.1, 1.5]]), jnp.array([[1.0, 0.2], [0.4, 0.8]])
    ours, theirs = (jax.jit(transform(fun, (0, 1)))(a, b) for transform in (hessve, jax.hessian))
    assert_same_blocks(ours, theirs, 1e-5, 1e-5)


@pytest.mark.parametrize("output", ["dense", "structured"])
def test_dtypes_of_blocks_are_those_of_rows(output):
    """Inputs of two dtypes: block [x][y] has that of x, as jax.hessian has it."""
    with jax.enable_x64(True), jax.numpy_dtype_promotion("standard"):
        x, y = jnp.ones(2, jnp.float32), jnp.ones(2, jnp.float64)

        def fun(x, y):
            return jnp.sum(x.astype(jnp.float64) * y * y)

        ours = jax.jit(hessve(fun, (0, 1), output=output))(x, y)
        theirs = jax.jit(jax.hessian(fun, (0, 1)))(x, y)
        for row, expected in zip(ours, theirs, strict=True):
            assert [block.dtype for block in row] == [block.dtype for block in expected]
