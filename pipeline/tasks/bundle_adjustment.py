"""Reprojection error of one point in one photograph, the residual of bundle adjustment.

Camera of the data sets "bundle adjustment in the large": rotation vector, translation, focal length
and two coefficients of radial distortion.
"""

import jax.numpy as jnp
import numpy as np
from jax import Array

from elimax.pipeline.tasks.task import Task


def bundle_adjustment(
    rotation_x: Array,
    rotation_y: Array,
    rotation_z: Array,
    translation_x: Array,
    translation_y: Array,
    translation_z: Array,
    focal: Array,
    distortion_2: Array,
    distortion_4: Array,
    point_x: Array,
    point_y: Array,
    point_z: Array,
    observed_x: Array,
    observed_y: Array,
) -> tuple[Array, Array]:
    """Computes where a camera sees a point, minus where it was observed.

    P = R X + t, p = -P_xy / P_z, residual = focal (1 + k2 |p|^2 + k4 |p|^4) p - observed. The
    camera looks along its negative z axis.

    Args:
        rotation_x: Component of the rotation vector (axis times angle), in rad; not all three
            may be zero, where the formula divides by the angle.
        rotation_y: As above.
        rotation_z: As above.
        translation_x: Component of t, in the length unit of the point.
        translation_y: As above.
        translation_z: As above.
        focal: Focal length in pixels.
        distortion_2: k2, coefficient of the squared radius.
        distortion_4: k4, coefficient of its fourth power.
        point_x: Component of X, in any length unit.
        point_y: As above.
        point_z: As above.
        observed_x: Measured position in the photograph, in pixels from its centre.
        observed_y: As above.

    Returns:
        The two residuals, scalars in pixels.
    """
    rotated_x, rotated_y, rotated_z = rotate(
        (rotation_x, rotation_y, rotation_z), (point_x, point_y, point_z)
    )
    depth = rotated_z + translation_z
    image_x = -(rotated_x + translation_x) / depth
    image_y = -(rotated_y + translation_y) / depth
    radius_2 = image_x * image_x + image_y * image_y
    stretch = focal * (1.0 + radius_2 * (distortion_2 + distortion_4 * radius_2))
    return stretch * image_x - observed_x, stretch * image_y - observed_y


def rotate(
    rotation: tuple[Array, Array, Array], point: tuple[Array, Array, Array]
) -> tuple[Array, Array, Array]:
    """Rotates a point by Rodrigues' formula.

    X cos(angle) + (axis x X) sin(angle) + axis (axis . X) (1 - cos(angle))

    Args:
        rotation: Components of axis times angle, in rad, not all zero.
        point: Components of X.

    Returns:
        The components of the rotated point.
    """
    rx, ry, rz = rotation
    x, y, z = point
    angle = jnp.sqrt(rx * rx + ry * ry + rz * rz)
    ax, ay, az = rx / angle, ry / angle, rz / angle
    cosine, sine = jnp.cos(angle), jnp.sin(angle)
    along = (ax * x + ay * y + az * z) * (1.0 - cosine)
    return (
        x * cosine + (ay * z - az * y) * sine + ax * along,
        y * cosine + (az * x - ax * z) * sine + ay * along,
        z * cosine + (ax * y - ay * x) * sine + az * along,
    )


def example_inputs() -> tuple[np.ndarray, ...]:
    """Returns a camera of 500 pixels focal length, six units away from a point."""
    values = (
        *(0.1, -0.2, 0.3),
        *(0.2, -0.1, -6.0),
        *(500.0, -0.1, 0.02),
        *(1.0, 0.5, -0.3),
        *(75.0, 55.0),
    )
    return tuple(np.array(value, np.float32) for value in values)


TASK = Task(
    name="bundle_adjustment",
    function=bundle_adjustment,
    example_inputs=example_inputs,
    argnums=tuple(range(12)),
    title="Reprojection error of a pinhole camera with radial distortion",
    source="S. Agarwal, N. Snavely, S. M. Seitz, R. Szeliski, Bundle Adjustment in the Large, 2010",
    about=(
        "Two residuals by nine camera parameters and three coordinates. Few outputs favour reverse "
        "mode; what is left to gain lies at the waists, the angle and the radius."
    ),
)
