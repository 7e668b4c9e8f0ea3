"""optimistix: solutions of nonlinear problems with respect to their parameters."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from support.agreement import BY_ORDERS, assert_agrees

optx = pytest.importorskip("optimistix")
pytestmark = pytest.mark.filterwarnings("ignore")

MATRIX = np.random.default_rng(0).normal(size=(2, 2)) / 4
EXACT = {"rtol": 1e-11, "atol": 1e-11}


def root(parameters: Any, adjoint: Any) -> Any:
    """A root of two equations."""

    def residual(y: Any, matrix: Any) -> Any:
        return y + jnp.tanh(matrix @ y) - jnp.array([0.5, 1.0])

    solver = optx.Newton(**EXACT)
    start = jnp.zeros(2)
    return optx.root_find(residual, solver, start, parameters, adjoint=adjoint, max_steps=12).value


def fit(parameters: Any, adjoint: Any) -> Any:
    """Parameters of least squares."""

    def residual(y: Any, matrix: Any) -> Any:
        return jnp.concatenate([y + jnp.tanh(matrix @ y) - 1.0, 0.1 * y])

    solver = optx.LevenbergMarquardt(**EXACT)
    start = jnp.zeros(2)
    found = optx.least_squares(residual, solver, start, parameters, adjoint=adjoint, max_steps=24)
    return found.value


def minimum(parameters: Any, adjoint: Any) -> Any:
    """Where an energy is least."""

    def energy(y: Any, matrix: Any) -> Any:
        return jnp.sum((y - 1.0) ** 2) + jnp.sum(jnp.tanh(matrix @ y) ** 2)

    solver = optx.BFGS(rtol=1e-9, atol=1e-9)
    start = jnp.zeros(2)
    found = optx.minimise(energy, solver, start, parameters, adjoint=adjoint, max_steps=32)
    return found.value


def fixed_point(parameters: Any, adjoint: Any) -> Any:
    """Where a contraction stands still."""

    def step(y: Any, matrix: Any) -> Any:
        return jnp.tanh(matrix @ y) + 0.5

    solver = optx.FixedPointIteration(**EXACT)
    start = jnp.zeros(2)
    found = optx.fixed_point(step, solver, start, parameters, adjoint=adjoint, max_steps=64)
    return found.value


@BY_ORDERS
@pytest.mark.parametrize(
    "solve", [root, fit, pytest.param(minimum, marks=pytest.mark.slow), fixed_point]
)
def test_implicit_adjoint(solve: Any, orders: Any) -> None:
    """By the implicit function theorem, the default."""
    assert_agrees(lambda p: solve(p, optx.ImplicitAdjoint()), MATRIX, orders=orders)


@BY_ORDERS
@pytest.mark.parametrize("solve", [root, fixed_point])
def test_recursive_checkpoint_adjoint(solve: Any, orders: Any) -> None:
    """Through the steps of the solver, which only jacrev can."""
    assert_agrees(lambda p: solve(p, optx.RecursiveCheckpointAdjoint()), MATRIX, orders=orders)


@pytest.mark.slow
def test_eagerly() -> None:
    """Outside of jit, between other functions."""
    outer = lambda p: jnp.sin(root(p**2, optx.ImplicitAdjoint()))  # noqa: E731
    assert_agrees(outer, MATRIX, jit=False)


def test_forward_mode() -> None:
    """The same rule serves jacfwd."""
    assert_agrees(lambda p: root(p, optx.ImplicitAdjoint()), MATRIX, by=jax.jacfwd)
