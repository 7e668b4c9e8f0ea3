"""Metric of a rotating black hole; its Jacobian gives the Christoffel symbols.

Cartesian Kerr-Schild coordinates, which are regular at the horizon and on the axis.
"""

import jax.numpy as jnp
import numpy as np
from jax import Array

from elimax.pipeline.tasks.task import Task


def kerr_metric(
    time: Array, x: Array, y: Array, z: Array, mass: Array, spin: Array
) -> tuple[Array, ...]:
    """Computes the ten components of g = eta + 2 H l l, signature (-, +, +, +).

    With R^2 = x^2 + y^2 + z^2 and r^2 = (R^2 - a^2 + sqrt((R^2 - a^2)^2 + 4 a^2 z^2)) / 2:
    H = M r^3 / (r^4 + a^2 z^2) and
    l = (1, (r x + a y) / (r^2 + a^2), (r y - a x) / (r^2 + a^2), z / r).
    Units with G = c = 1.

    Args:
        time: Kerr-Schild time, a scalar in units of length; the metric is stationary.
        x: Coordinate, a scalar in units of length; the disc z = 0, x^2 + y^2 <= a^2 is singular.
        y: As above.
        z: Coordinate along the axis of rotation.
        mass: M, in units of length.
        spin: a, angular momentum over mass, in units of length.

    Returns:
        Scalars g_tt, g_tx, g_ty, g_tz, g_xx, g_xy, g_xz, g_yy, g_yz, g_zz.
    """
    del time  # still an argument: Christoffel symbols need its derivative, zero
    spin_2 = spin * spin
    z_2 = z * z
    difference = x * x + y * y + z_2 - spin_2
    radius_2 = 0.5 * (difference + jnp.sqrt(difference * difference + 4.0 * spin_2 * z_2))
    radius = jnp.sqrt(radius_2)
    twice_h = 2.0 * mass * radius * radius_2 / (radius_2 * radius_2 + spin_2 * z_2)
    denominator = radius_2 + spin_2
    null_x = (radius * x + spin * y) / denominator
    null_y = (radius * y - spin * x) / denominator
    null_z = z / radius
    scaled_x, scaled_y, scaled_z = twice_h * null_x, twice_h * null_y, twice_h * null_z
    return (
        twice_h - 1.0,
        scaled_x,
        scaled_y,
        scaled_z,
        1.0 + scaled_x * null_x,
        scaled_x * null_y,
        scaled_x * null_z,
        1.0 + scaled_y * null_y,
        scaled_y * null_z,
        1.0 + scaled_z * null_z,
    )


def example_inputs() -> tuple[np.ndarray, ...]:
    """Returns an event a few radii away from a black hole of mass 1 that rotates fast."""
    return tuple(np.array(value, np.float32) for value in (0.0, 3.0, -2.0, 1.5, 1.0, 0.9))


TASK = Task(
    name="kerr_metric",
    function=kerr_metric,
    example_inputs=example_inputs,
    argnums=(0, 1, 2, 3, 4, 5),
    title="Kerr metric in Kerr-Schild coordinates with respect to event, mass and spin",
    source="R. P. Kerr and A. Schild, Proc. Symp. Appl. Math. 17 (1965) 199",
    about=(
        "Ten components by six arguments, one of them without effect, through a waist of four "
        "values (H and three components of l)."
    ),
)
