"""Residual of the Bratu problem (solid fuel ignition) on a square grid, for Newton's method.

-(u_xx + u_yy) = lambda exp(u) on the unit square, u = 0 on its boundary, by the five-point stencil.
"""

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from elimax.pipeline.tasks.task import Task

_POINTS = 12  # inner grid points along one side


def bratu_stencil(temperature: Array, heating: Array) -> Array:
    """Computes the residual times the squared spacing h^2.

    4 u_ij - u_(i-1)j - u_(i+1)j - u_i(j-1) - u_i(j+1) - h^2 lambda exp(u_ij), h = 1 / (n + 1)

    Args:
        temperature: u at the inner grid points, shape (n, n), dimensionless.
        heating: lambda, rate of the reaction, shape (); no solution exists beyond 6.81.

    Returns:
        The residuals, shape (n, n).
    """
    spacing = 1.0 / (temperature.shape[0] + 1)
    zero = jnp.zeros((), temperature.dtype)
    padded = lax.pad(temperature, zero, ((1, 1, 0), (1, 1, 0)))
    neighbours = padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]
    source = spacing**2 * heating * jnp.exp(temperature)
    return 4.0 * temperature - neighbours - source


def example_inputs() -> tuple[np.ndarray, np.ndarray]:
    """Returns a smooth hill of the size of the solution, and lambda 6."""
    grid = np.arange(1, _POINTS + 1) / (_POINTS + 1)
    hill = np.sin(np.pi * grid)
    return (0.8 * np.outer(hill, hill)).astype(np.float32), np.array(6.0, np.float32)


TASK = Task(
    name="bratu_stencil",
    function=bratu_stencil,
    example_inputs=example_inputs,
    argnums=(0,),
    title="Bratu residual on a 12 x 12 grid with respect to temperature",
    source="Solid fuel ignition of the MINPACK-2 collection (B. M. Averick et al., ANL 1992)",
    about=(
        "A sparse Jacobian, five entries in a row. All edges are selections or diagonals, so that "
        "almost nothing needs multiplying if they are kept as such."
    ),
)
