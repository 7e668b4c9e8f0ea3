"""Kerr metric."""

import jax
import numpy as np

from elimax.pipeline.tasks.kerr_metric import TASK, kerr_metric
from support.task_probe import cast, count_vertices, evaluate, jacobian


def _matrix(components: tuple[np.ndarray, ...]) -> np.ndarray:
    """Makes the symmetric matrix g of its upper triangle."""
    matrix = np.zeros((4, 4))
    matrix[np.triu_indices(4)] = components
    return matrix + np.triu(matrix, 1).T


def test_without_spin_it_is_schwarzschild() -> None:
    """At a = 0 the metric is that of Schwarzschild in ingoing Eddington-Finkelstein form."""
    position = np.array([3.0, -2.0, 1.5])
    mass = 0.7
    radius = np.linalg.norm(position)
    null = np.concatenate([[1.0], position / radius])
    expected = np.diag([-1.0, 1.0, 1.0, 1.0]) + 2.0 * mass / radius * np.outer(null, null)
    metric = _matrix(evaluate(TASK, (0.0, *position, mass, 0.0)))
    np.testing.assert_allclose(metric, expected, rtol=1e-13)


def test_determinant_and_null_vector() -> None:
    """Kerr-Schild form: the determinant is -1 and g - eta is of rank one with a null vector."""
    metric = _matrix(evaluate(TASK))
    flat = np.diag([-1.0, 1.0, 1.0, 1.0])
    np.testing.assert_allclose(np.linalg.det(metric), -1.0, rtol=1e-12)
    difference = metric - flat
    assert np.linalg.matrix_rank(difference, tol=1e-12) == 1
    null = difference[0] / difference[0, 0]
    np.testing.assert_allclose(null @ flat @ null, 0.0, atol=1e-13)


def test_vacuum_potential_is_harmonic() -> None:
    """In vacuum 2 H = g_tt + 1 solves Laplace's equation, with spin as well."""
    time, *position, mass, spin = cast(TASK.example_inputs())

    def potential(point: jax.Array) -> jax.Array:
        return kerr_metric(time, point[0], point[1], point[2], mass, spin)[0]

    with jax.enable_x64(True):
        hessian = np.asarray(jax.jit(jax.hessian(potential))(np.array(position)))
    assert np.max(np.abs(hessian)) > 1e-3
    np.testing.assert_allclose(np.trace(hessian), 0.0, atol=1e-14)


def test_metric_is_stationary_and_turns_about_its_axis() -> None:
    """The derivative by time is zero, and g_tt does not change along a rotation about z."""
    blocks = np.array(jacobian(TASK))
    assert blocks.shape == (10, 6)
    np.testing.assert_array_equal(blocks[:, 0], np.zeros(10))
    _, x, y, *_ = cast(TASK.example_inputs())
    np.testing.assert_allclose(x * blocks[0, 2] - y * blocks[0, 1], 0.0, atol=1e-15)


def test_graph_size() -> None:
    """The graph has 45 vertices."""
    assert count_vertices(TASK) == 45
