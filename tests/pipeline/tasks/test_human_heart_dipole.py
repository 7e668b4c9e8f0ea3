"""Human heart dipole: published graph, and values against sums of complex moments."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from elimax.pipeline.tasks.human_heart_dipole import TASK, human_heart_dipole
from support.published import published_graph
from support.reference_graph import (
    equations,
    graph_digest,
    reference_graph,
    traced_graph,
)

DIGEST = "794e7cccd2bea0249766bd73a996f77fb2f8fd145e43201ace2133aa3a9aeb4b"


def test_graph_has_the_published_digest():
    """The trace is the published graph, known by its digest."""
    assert graph_digest(traced_graph(TASK)) == DIGEST


def test_graph_equals_the_reference_vertex_by_vertex():
    """Every vertex has the reference's primitive and arguments, every output its node."""
    traced, reference = traced_graph(TASK), reference_graph("HumanHeartDipole")
    assert equations(traced) == equations(reference)
    assert traced == reference


def test_example_inputs_are_those_of_the_reference():
    """Example inputs are the reference's values as float32 scalars."""
    inputs = TASK.example_inputs()
    expected = [np.float32(x) for x in published_graph("HumanHeartDipole")["example"]]
    assert [x.item() for x in inputs] == [x.item() for x in expected]


def test_task_describes_itself():
    """The record carries its module's name, and all inputs are differentiated scalars."""
    inputs = TASK.example_inputs()
    assert TASK.name == TASK.function.__name__ == "human_heart_dipole"
    assert TASK.argnums == tuple(range(len(inputs)))
    assert all(x.shape == () and x.dtype == np.float32 for x in inputs)


def test_values_at_the_example_are_finite():
    """No root of a negative number and no division by zero at the example inputs, in float32."""
    outputs = TASK.function(*map(jnp.asarray, TASK.example_inputs()))
    assert all(y.dtype == np.float32 and np.isfinite(y) for y in outputs)


POINTS = np.random.default_rng(0).uniform(-2, 2, size=(5, 8))


def complex_sums(x: np.ndarray) -> np.ndarray:
    """Sums over both dipoles of moment times position to the powers 0 to 3, minus 1 + i."""
    a, b, c, d, t, u, v, w = x
    moments = np.array([a + 1j * c, b + 1j * d])
    positions = np.array([t + 1j * v, u + 1j * w])
    return np.array([moments @ positions**power for power in range(4)]) - (1 + 1j)


def residuals(x: np.ndarray) -> np.ndarray:
    """The task's function in float64."""
    with jax.enable_x64(True):
        return np.array(human_heart_dipole(*[jnp.asarray(value) for value in x]))


@pytest.mark.parametrize("x", POINTS)
def test_residuals_are_complex_sums_but_for_the_sixth(x):
    """Seven residuals are real and imaginary parts of sums of moment times a power of position."""
    sums = complex_sums(x)
    expected = np.stack([np.real(sums), np.imag(sums)], axis=1).reshape(-1)
    others = [0, 1, 2, 3, 4, 6, 7]
    np.testing.assert_allclose(residuals(x)[others], expected[others], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("x", POINTS)
def test_sixth_residual_takes_mirrored_positions(x):
    """The benchmark's sign in the sixth residual is that of mirrored positions, -v and -w."""
    mirrored = complex_sums(x * [1, 1, 1, 1, 1, 1, -1, -1])
    np.testing.assert_allclose(residuals(x)[5], np.imag(mirrored[2]), rtol=1e-12, atol=1e-12)


def test_residuals_vanish_for_a_known_solution():
    """One dipole of moment 1 + i at position 1 has all sums equal to 1 + i, so nothing is left."""
    np.testing.assert_allclose(residuals(np.array([1, 0, 1, 0, 1, 5, 0, 0.0])), 0, atol=1e-15)
