"""Numerical methods of linear algebra with unrolled loops, on a matrix and a vector.

Sources: Schulz, Iterative Berechnung der reziproken Matrix (1933); Hestenes & Stiefel, Methods of
conjugate gradients (1952); Polyak, Some methods of speeding up the convergence of iteration methods
(1964).
"""

import jax.numpy as jnp
import numpy as np
from jax import Array


def newton_schulz(a: Array, b: Array, steps: int) -> Array:
    """The inverse of a matrix, times a vector: X <- X (2 I - A X).

    Args:
        a: Matrix of shape (n, n).
        b: Vector of shape (n,).
        steps: Number of steps.

    Returns:
        Vector of shape (n,).
    """
    x = a.T / jnp.sum(a * a)
    for _ in range(steps):
        x = x @ (2.0 * np.eye(len(b), dtype=np.float32) - a @ x)
    return x @ b


def power_iteration(a: Array, b: Array, steps: int) -> Array:
    """Power iteration; the last vector times its Rayleigh quotient.

    Args:
        a: Matrix of shape (n, n).
        b: Vector of shape (n,).
        steps: Number of steps.

    Returns:
        Vector of shape (n,).
    """
    for _ in range(steps):
        c = a @ b
        b = c / jnp.sqrt(c @ c)
    return b * (b @ (a @ b))


def momentum_descent(a: Array, b: Array, steps: int) -> Array:
    """Gradient descent with momentum on sum (tanh(A x) - b)^2.

    Args:
        a: Matrix of shape (n, n).
        b: Vector of shape (n,).
        steps: Number of steps.

    Returns:
        Vector of shape (n,).
    """
    x, speed = a.T @ b, jnp.zeros_like(b)
    for _ in range(steps):
        y = jnp.tanh(a @ x)
        speed = 0.9 * speed - 0.1 * (a.T @ ((y - b) * (1.0 - y * y)))
        x = x + speed
    return x


def conjugate_gradients(a: Array, b: Array, steps: int) -> Array:
    """Conjugate gradients on A^T A x = b.

    Args:
        a: Matrix of shape (n, n).
        b: Vector of shape (n,).
        steps: Number of steps.

    Returns:
        Vector of shape (n,).
    """
    x, residual = jnp.zeros_like(b), b
    direction, square = b, b @ b
    for _ in range(steps):
        image = a.T @ (a @ direction)
        length = square / (direction @ image)
        x, residual = x + length * direction, residual - length * image
        square, before = residual @ residual, square
        direction = residual + (square / before) * direction
    return x


def taylor_squaring(a: Array, b: Array, steps: int) -> Array:
    """A matrix function, by a Taylor polynomial and repeated squaring, times a vector.

    Args:
        a: Matrix of shape (n, n).
        b: Vector of shape (n,).
        steps: Number of steps.

    Returns:
        Vector of shape (n,).
    """
    x = jnp.eye(len(b)) + 0.1 * a + 0.005 * (a @ a)
    for step in range(steps):
        x = x @ x if step < 4 else jnp.sin(x) @ a + x
    return x @ b
