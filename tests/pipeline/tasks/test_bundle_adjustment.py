"""Reprojection error."""

import math

import jax
import numpy as np

from elimax.pipeline.tasks.bundle_adjustment import TASK, rotate
from support.task_probe import cast, count_vertices, evaluate


def _rotation(vector: np.ndarray) -> np.ndarray:
    """Rotation matrix as the exponential series of the cross-product matrix."""
    x, y, z = vector
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    total, term = np.eye(3), np.eye(3)
    for order in range(1, 40):
        term = term @ cross / order
        total = total + term
    return total


def test_rotation_is_orthogonal_and_exponential() -> None:
    """The images of the unit vectors form the exponential of the cross-product matrix."""
    vector = np.array([0.7, -1.1, 0.4])
    with jax.enable_x64(True):
        columns = [rotate(tuple(vector), tuple(unit)) for unit in np.eye(3)]
        matrix = np.array(columns, np.float64).T
    np.testing.assert_allclose(matrix.T @ matrix, np.eye(3), atol=1e-14)
    np.testing.assert_allclose(np.linalg.det(matrix), 1.0, rtol=1e-13)
    np.testing.assert_allclose(matrix, _rotation(vector), atol=1e-13)


def test_quarter_turn_about_z_takes_x_to_y() -> None:
    """Angles are right-handed."""
    with jax.enable_x64(True):
        turned = rotate((0.0, 0.0, math.pi / 2), (1.0, 0.0, 0.0))
    np.testing.assert_allclose(np.array(turned, np.float64), [0.0, 1.0, 0.0], atol=1e-15)


def test_residuals_agree_with_matrices() -> None:
    """The residuals equal an independent formula with a rotation matrix."""
    values = np.array(cast(TASK.example_inputs()))
    moved = _rotation(values[:3]) @ values[9:12] + values[3:6]
    image = -moved[:2] / moved[2]
    radius = np.linalg.norm(image)
    focal, k2, k4 = values[6:9]
    expected = focal * (1.0 + k2 * radius**2 + k4 * radius**4) * image - values[12:]
    np.testing.assert_allclose(evaluate(TASK), expected, rtol=1e-11)


def test_example_is_in_front_of_the_camera_and_in_the_picture() -> None:
    """The camera looks along negative z, and the residuals are a few pixels."""
    values = np.array(cast(TASK.example_inputs()))
    assert (_rotation(values[:3]) @ values[9:12] + values[3:6])[2] < 0
    assert np.max(np.abs(evaluate(TASK))) < 50.0


def test_graph_size_and_arguments() -> None:
    """The observation is an argument without derivative; the graph has 61 vertices."""
    assert TASK.argnums == tuple(range(12))
    assert len(TASK.example_inputs()) == 14
    assert count_vertices(TASK) == 61
