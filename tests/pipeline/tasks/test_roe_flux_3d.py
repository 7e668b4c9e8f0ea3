"""Roe flux in three dimensions."""

import numpy as np

from elimax.pipeline.tasks.roe_flux_3d import TASK, roe_flux_3d
from support.published import published_graph
from support.task_probe import differing_vertices, evaluate, list_task

_GAMMA = 1.4


def _pressure(density: float, momentum: np.ndarray, energy: float) -> float:
    return (_GAMMA - 1.0) * (energy - momentum @ momentum / (2.0 * density))


def _cell_flux(density: float, momentum: np.ndarray, energy: float) -> np.ndarray:
    """Flux in one cell, its momentum by components as published."""
    velocity = momentum / density
    pressure = _pressure(density, momentum, energy)
    inner = momentum * velocity + np.array([pressure, 0.0, 0.0])
    return np.array([momentum[0], *inner, velocity[0] * (energy + pressure)])


def _reference_flux(left: tuple, right: tuple) -> np.ndarray:
    """Flux from a matrix of eigenvectors, with the five departures of the published program."""
    weights = np.sqrt([left[0], right[0]])
    states = (left, right)
    velocities = [momentum / density for density, momentum, _ in states]
    enthalpies = [(state[2] + _pressure(*state)) / state[0] for state in states]
    u, v, w = np.average(velocities, axis=0, weights=weights)
    enthalpy = np.average(enthalpies, weights=weights)
    squared = u * u + v * v + w * w
    a = np.sqrt((_GAMMA - 1.0) * (enthalpy - squared / 2.0))
    jump = [
        right[0] - left[0],
        *(right[1] - left[1]),
        right[2] - left[2],
    ]
    entropy = (_GAMMA - 1.0) / a**2
    entropy *= jump[0] * (enthalpy - squared) + np.dot([u, v, w], jump[1:4]) - jump[4]
    entropy_used = entropy * u  # departure: strength times speed
    slow = (jump[0] * (u + a) - jump[1] - a * entropy_used) / (2.0 * a)
    fast = jump[0] - slow - entropy_used
    shear_y = jump[2] / v - jump[0]
    shear_z = jump[3] / w - jump[1]  # departure: jump of momentum
    vectors = np.array(
        [
            [1.0, 1.0, 0.0, 0.0, u + a],  # departure: u + a instead of 1
            [u - a, u, 0.0, 0.0, u + a],
            [v, v, v, 0.0, v],
            [w, w, 0.0, w, w],
            [enthalpy - u * a, squared / 2.0, v * v, w * w, enthalpy + u * a],
        ]
    )
    waves = np.array([slow, entropy, shear_y, shear_z, fast]) * [
        u - a,
        u,
        u,
        u,
        u + a,
    ]  # departure: sign
    return 0.5 * (_cell_flux(*left) + _cell_flux(*right) - vectors @ waves)


def test_flux_is_that_of_the_eigenvector_expansion() -> None:
    """The flux equals an independent expansion in eigenvectors, in double precision."""
    inputs = [np.asarray(array, np.float64) for array in TASK.example_inputs()]
    left = (inputs[0][0, 0], inputs[1][0], inputs[2][0, 0])
    right = (inputs[3][0, 0], inputs[4][0], inputs[5][0, 0])
    mass, momentum, energy = evaluate(TASK)
    assert mass.shape == (1, 1)
    assert momentum.shape == (1, 3)
    assert energy.shape == (1, 1)
    flux = np.concatenate([mass[0], momentum[0], energy[0]])
    np.testing.assert_allclose(flux, _reference_flux(left, right), rtol=1e-12)


def test_equal_cells_exchange_their_own_flux() -> None:
    """Without a jump there are no waves and the flux is that of either cell."""
    state = tuple(np.asarray(array, np.float64) for array in TASK.example_inputs()[:3])
    mass, momentum, energy = evaluate(TASK, (*state, *state))
    flux = np.concatenate([mass[0], momentum[0], energy[0]])
    expected = _cell_flux(state[0][0, 0], state[1][0], state[2][0, 0])
    np.testing.assert_allclose(flux, expected, rtol=1e-12)


def test_example_is_a_gas() -> None:
    """Densities and pressures of the example are positive, and cross flow is not zero."""
    inputs = TASK.example_inputs()
    for density, momentum, energy in (inputs[:3], inputs[3:]):
        assert density[0, 0] > 0
        assert _pressure(density[0, 0], momentum[0], energy[0, 0]) > 0
        assert np.all(momentum[0] != 0)


def test_graph_is_the_published_one_but_for_gamma() -> None:
    """All 146 vertices agree but the four multiplied by or divided from gamma - 1."""
    ours, published = list_task(TASK), published_graph("RoeFlux_3d")
    assert ours["inputs"] == published["inputs"]
    assert ours["outputs"] == published["outputs"]
    different = differing_vertices(ours, published)
    assert sorted(different) == [27, 36, 50, 54]
    for mine, theirs in different.values():
        assert mine == {**theirs, "args": [{"lit": 0.4}, theirs["args"][1]]} | {"params": {}}
        assert theirs["args"][0] == {"lit": -0.5}


def test_task_is_the_function_of_this_module() -> None:
    """The graph has 146 vertices, whatever is at hand to compare it with."""
    assert TASK.function is roe_flux_3d
    assert len(list_task(TASK)["vertices"]) == 146
