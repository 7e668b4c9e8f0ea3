"""Roe flux: published graph, and values against an eigenvector decomposition in numpy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from elimax.pipeline.tasks.roe_flux_1d import TASK, roe_flux_1d
from support.published import published_graph
from support.reference_graph import (
    equations,
    graph_digest,
    reference_graph,
    traced_graph,
)

DIGEST = "3aff92a7fd89d9f07aab1f53b6bf6aa09c1260d94d4d6f634754b159359d69b8"


def test_graph_has_the_published_digest():
    """The trace is the published graph, known by its digest."""
    assert graph_digest(traced_graph(TASK)) == DIGEST


def test_graph_equals_the_reference_vertex_by_vertex():
    """Every vertex has the reference's primitive and arguments, every output its node."""
    traced, reference = traced_graph(TASK), reference_graph("RoeFlux_1d")
    assert equations(traced) == equations(reference)
    assert traced == reference


def test_example_inputs_are_those_of_the_reference():
    """Example inputs are the reference's values as float32 scalars."""
    inputs = TASK.example_inputs()
    expected = [np.float32(x) for x in published_graph("RoeFlux_1d")["example"]]
    assert [x.item() for x in inputs] == [x.item() for x in expected]


def test_task_describes_itself():
    """The record carries its module's name, and all inputs are differentiated scalars."""
    inputs = TASK.example_inputs()
    assert TASK.name == TASK.function.__name__ == "roe_flux_1d"
    assert TASK.argnums == tuple(range(len(inputs)))
    assert all(x.shape == () and x.dtype == np.float32 for x in inputs)


def test_values_at_the_example_are_finite():
    """No root of a negative number and no division by zero at the example inputs, in float32."""
    outputs = TASK.function(*map(jnp.asarray, TASK.example_inputs()))
    assert all(y.dtype == np.float32 and np.isfinite(y) for y in outputs)


GAMMA = 0.5

# Density, velocity and pressure left and right: both signs of the velocity, fast and slow.
STATE_PAIRS = [
    ((1.0, 2.0, 0.5), (1.5, 3.0, 0.75)),
    ((1.2, -0.1, 2.0), (0.7, 0.2, 1.0)),
    ((0.4, -3.0, 1.0), (2.0, -2.5, 1.5)),
]


def conserved(state: tuple[float, float, float]) -> np.ndarray:
    """Density, momentum and energy of a state given by density, velocity and pressure."""
    density, velocity, p = state
    return np.array([density, density * velocity, p / (GAMMA - 1) + density * velocity**2 / 2])


def exact_flux(state: tuple[float, float, float]) -> np.ndarray:
    """Velocity times the conserved variables, plus the pressure terms."""
    _, velocity, p = state
    return velocity * conserved(state) + np.array([0.0, p, velocity * p])


def upwind_part(
    left: tuple[float, float, float], right: tuple[float, float, float], backward_speed: str
) -> np.ndarray:
    """R |speeds| R^-1 (U_right - U_left) at the Roe mean, with a solve instead of formulas."""
    weights = np.sqrt([left[0], right[0]])
    weights = weights / weights.sum()
    u = weights @ [left[1], right[1]]
    h = weights @ [(conserved(s)[2] + s[2]) / s[0] for s in (left, right)]
    c = np.sqrt((GAMMA - 1) * (h - u**2 / 2))
    speeds = np.abs([u, u + c, {"u": u, "u - c": u - c}[backward_speed]])
    vectors = np.array([[1, 1, 1], [u, u + c, u - c], [u**2 / 2, h + u * c, h - u * c]])
    return vectors @ (speeds * np.linalg.solve(vectors, conserved(right) - conserved(left)))


def roe_flux(left: tuple[float, float, float], right: tuple[float, float, float]) -> np.ndarray:
    """The task's function in float64."""
    with jax.enable_x64(True):
        arguments = [jnp.asarray(x) for x in (*conserved(left), *conserved(right))]
        return np.array(roe_flux_1d(*arguments))


@pytest.mark.parametrize(("left", "right"), STATE_PAIRS)
def test_flux_equals_an_eigenvector_decomposition(left, right):
    """The flux is the mean flux minus half the upwind part, |u| being the backward speed."""
    expected = (exact_flux(left) + exact_flux(right) - upwind_part(left, right, "u")) / 2
    np.testing.assert_allclose(roe_flux(left, right), expected, rtol=1e-12)


@pytest.mark.parametrize(("left", "right"), STATE_PAIRS)
def test_flux_differs_from_the_textbook_in_the_backward_wave(left, right):
    """With Roe's own |u - c| the fluxes would be others: the benchmark's oddity is kept."""
    textbook = (exact_flux(left) + exact_flux(right) - upwind_part(left, right, "u - c")) / 2
    assert np.abs(roe_flux(left, right) - textbook).max() > 1e-3


@pytest.mark.parametrize("state", [pair[0] for pair in STATE_PAIRS])
def test_flux_of_equal_states_is_the_exact_flux(state):
    """Consistency: without a jump the numerical flux is the flux of the Euler equations."""
    np.testing.assert_allclose(roe_flux(state, state), exact_flux(state), rtol=1e-12)
