"""`jacve` under JAX's transformations, nested in itself, and over closures."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from elimax.interpreter.jacobian import jacve
from support.compare import QUICK, assert_same_blocks
from support.random_programs import wave

X = jnp.asarray(wave(3), jnp.float32)


def function_of_one(x):
    """A chain with a matrix, an index and a sum."""
    matrix = jnp.asarray(wave(3, 3), x.dtype)
    return jnp.tanh(matrix @ x) * x[::-1]


def compose(transform, x):
    """The transformation applied to jacve and to jacrev, in float64."""
    with jax.enable_x64(True):
        x = jnp.asarray(x)

        def both(x):
            return tuple(transform(jac(function_of_one))(x) for jac in (jacve, jax.jacrev))

        assert_same_blocks(*jax.jit(both, compiler_options=QUICK)(x))


def test_under_jit():
    """Compiled."""
    compose(jax.jit, wave(3))


def test_under_vmap():
    """A batch of Jacobians, also of a compiled function."""
    compose(jax.vmap, wave(4, 3))
    compose(lambda jac: jax.vmap(jax.jit(jac)), wave(4, 3))


def test_under_grad():
    """The gradient of a function of the Jacobian."""
    compose(lambda jac: jax.grad(lambda x: jnp.sum(jac(x) ** 2)), wave(3))


def test_under_jvp():
    """A directional derivative of the Jacobian."""
    compose(lambda jac: lambda x: jax.jvp(jac, (x,), (2.0 * x,)), wave(3))


def test_under_scan():
    """Inside of a loop body."""
    compose(lambda jac: lambda xs: jax.lax.map(jac, xs), wave(2, 3))


def test_nested():
    """The second derivative by elimination in elimination, and mixed with JAX's modes."""
    compose(jacve, wave(3))
    compose(jax.jacfwd, wave(3))
    with jax.enable_x64(True):
        x = jnp.asarray(wave(3))
        function = lambda x: jnp.sum(jnp.sin(x) * x**3)  # noqa: E731
        hessian = jax.jit(jacve(jacve(function)))(x)
        np.testing.assert_allclose(hessian, np.diag(np.diag(hessian)), atol=1e-14)
        assert_same_blocks(hessian, jax.jit(jax.hessian(function))(x))
        product = lambda x: jnp.prod(jnp.sin(x))  # noqa: E731
        of_gradient = jax.jit(jacve(jax.grad(product)))(x)
        assert_same_blocks(of_gradient, jax.jit(jax.hessian(product))(x))


@pytest.mark.slow
def test_closures_over_tracers():
    """The function may close over values that are differentiated, batched or compiled outside."""

    def outer(jac, y):
        return jac(lambda x: jnp.sin(x * y) * y)(2.0 * y)

    for transform in (jax.jit, jax.jacfwd, jax.jacrev, jacve, jax.vmap):
        ours, theirs = (transform(lambda y, j=j: outer(j, y))(X) for j in (jacve, jax.jacrev))
        assert_same_blocks(ours, theirs, rtol=1e-5, atol=1e-6)
