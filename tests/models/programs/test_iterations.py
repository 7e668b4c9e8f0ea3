"""Methods of linear algebra compute what their names say."""

import jax.numpy as jnp
import numpy as np
import pytest

from elimax.models.programs.iterations import (
    conjugate_gradients,
    momentum_descent,
    newton_schulz,
    power_iteration,
    taylor_squaring,
)


def test_methods_converge():
    """Inverse, least squares, greatest eigenvalue: the methods are what they claim to be."""
    rng = np.random.default_rng(0)
    root = rng.normal(size=(4, 4))
    a = jnp.asarray(root @ root.T + 4 * np.eye(4), jnp.float32)
    b = jnp.asarray(rng.normal(size=4), jnp.float32)
    solution = np.linalg.solve(np.asarray(a), np.asarray(b))
    np.testing.assert_allclose(newton_schulz(a, b, 20), solution, rtol=1e-4)
    normal = np.linalg.solve(np.asarray(a).T @ np.asarray(a), np.asarray(b))
    np.testing.assert_allclose(conjugate_gradients(a, b, 4), normal, rtol=1e-2)
    largest = np.linalg.eigvalsh(np.asarray(a))[-1]
    assert float(jnp.linalg.norm(power_iteration(a, b, 200))) == pytest.approx(
        float(largest), rel=1e-3
    )


def test_descent_fits():
    """Gradient descent with momentum comes to where the gradient of its error is zero."""
    rng = np.random.default_rng(1)
    a = jnp.asarray(np.eye(3) + 0.2 * rng.normal(size=(3, 3)), jnp.float32)
    target = jnp.asarray([0.3, -0.2, 0.5], jnp.float32)
    x = momentum_descent(a, target, 500)
    np.testing.assert_allclose(jnp.tanh(a @ x), target, atol=1e-3)


def test_squaring_is_a_power_of_the_polynomial():
    """Two steps raise 1 + 0.1 A + 0.005 A^2 to its fourth power, about exp(0.4 A)."""
    a = jnp.asarray([[0.0, 1.0], [-1.0, 0.0]])
    b = jnp.asarray([1.0, 0.0])
    expected = [np.cos(0.4), -np.sin(0.4)]
    np.testing.assert_allclose(taylor_squaring(a, b, 2), expected, atol=1e-3)
