"""Propane combustion: published graph, and values from formulas of species and reactions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from elimax.pipeline.tasks.propane_combustion import TASK, propane_combustion
from support.published import published_graph
from support.reference_graph import (
    equations,
    graph_digest,
    reference_graph,
    traced_graph,
)

DIGEST = "f0907c0d9a6f6ac3f311fa1d25c66a60858059ad4ffd92d57ec9b38e95b46948"


def test_graph_has_the_published_digest():
    """The trace is the published graph, known by its digest."""
    assert graph_digest(traced_graph(TASK)) == DIGEST


def test_graph_equals_the_reference_vertex_by_vertex():
    """Every vertex has the reference's primitive and arguments, every output its node."""
    traced, reference = traced_graph(TASK), reference_graph("PropaneCombustion")
    assert equations(traced) == equations(reference)
    assert traced == reference


def test_example_inputs_are_those_of_the_reference():
    """Example inputs are the reference's values as float32 scalars."""
    inputs = TASK.example_inputs()
    expected = [np.float32(x) for x in published_graph("PropaneCombustion")["example"]]
    assert [x.item() for x in inputs] == [x.item() for x in expected]


def test_task_describes_itself():
    """The record carries its module's name, and all inputs are differentiated scalars."""
    inputs = TASK.example_inputs()
    assert TASK.name == TASK.function.__name__ == "propane_combustion"
    assert TASK.argnums == tuple(range(len(inputs)))
    assert all(x.shape == () and x.dtype == np.float32 for x in inputs)


def test_values_at_the_example_are_finite():
    """No root of a negative number and no division by zero at the example inputs, in float32."""
    outputs = TASK.function(*map(jnp.asarray, TASK.example_inputs()))
    assert all(y.dtype == np.float32 and np.isfinite(y) for y in outputs)


SPECIES = ("CO2", "H2O", "N2", "CO", "H2", "H", "OH", "O", "NO", "O2")

# Each side of each equilibrium as powers of the moles, and the power of pressure per total.
REACTIONS = [
    ({"H2O": 1, "CO": 1}, {"CO2": 1, "H2": 1}, 0),
    ({"H2O": 0.5, "CO": 0.5}, {"CO2": 0.5, "H": 1}, 0.5),
    ({"CO2": 0.5, "H2O": 0.5}, {"CO": 0.5, "OH": 1}, 0.5),
    ({"CO2": 1}, {"CO": 1, "O": 1}, 1),
    ({"CO2": 1, "N2": 0.5}, {"CO": 1, "NO": 1}, 0.5),
    ({"CO2": 2}, {"CO": 2, "O2": 1}, 1),
]

# Carbon, oxygen, hydrogen and nitrogen that fuel and air bring in.
ATOMS = {"C": 3, "O": 10, "H": 8, "N": 40}

POINTS = np.random.default_rng(0).uniform(0.1, 5, size=(5, 11))


def atoms_in(formula: str, element: str) -> int:
    """How many atoms of an element a formula such as CO2 has."""
    at = formula.find(element)
    following = formula[at + 1 : at + 2]
    if at < 0:
        return 0
    return int(following) if following.isdigit() else 1


def product_of_powers(moles: dict[str, float], powers: dict[str, float]) -> float:
    """The mass-action product of one side of a reaction."""
    return float(np.prod([moles[name] ** power for name, power in powers.items()]))


def residuals(x: np.ndarray) -> np.ndarray:
    """The task's function in float64."""
    with jax.enable_x64(True):
        return np.array(propane_combustion(*[jnp.asarray(value) for value in x]))


@pytest.mark.parametrize("x", POINTS)
def test_first_four_residuals_balance_atoms(x):
    """Atoms counted from the formulas of the products, minus atoms brought in."""
    expected = [
        sum(atoms_in(name, element) * n for name, n in zip(SPECIES, x[:10], strict=True)) - brought
        for element, brought in ATOMS.items()
    ]
    np.testing.assert_allclose(residuals(x)[:4], expected, rtol=1e-12)


@pytest.mark.parametrize("x", POINTS)
def test_next_six_residuals_are_mass_action_laws(x):
    """Product of powers on the left minus that on the right, with all constants equal to one."""
    moles: dict[str, float] = dict(zip(SPECIES, x[:10], strict=True))
    expected = [
        product_of_powers(moles, left) - product_of_powers(moles, right) * (40 / x[10]) ** power
        for left, right, power in REACTIONS
    ]
    np.testing.assert_allclose(residuals(x)[4:10], expected, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("x", POINTS)
def test_last_residual_is_the_total_minus_all_products(x):
    """The eleventh unknown is the sum of the ten others."""
    assert residuals(x)[10] == pytest.approx(x[10] - x[:10].sum(), rel=1e-12)
