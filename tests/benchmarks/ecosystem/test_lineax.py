"""lineax: solutions of linear systems with respect to matrices and right-hand sides."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from support.agreement import BY_ORDERS, assert_agrees

lx = pytest.importorskip("lineax")
pytestmark = pytest.mark.filterwarnings("ignore")

RNG = np.random.default_rng(0)
SQUARE = RNG.normal(size=(3, 3)) / 3 + np.eye(3)
TALL = RNG.normal(size=(5, 3))
EXACT = {"rtol": 1e-13, "atol": 1e-13}


def plain(matrix: Any) -> Any:
    """The operator of a matrix about which nothing is known."""
    return lx.MatrixLinearOperator(matrix)


def positive(matrix: Any) -> Any:
    """A positive definite operator."""
    product = matrix @ matrix.T + jnp.eye(len(matrix))
    return lx.MatrixLinearOperator(product, lx.positive_semidefinite_tag)


def lower(matrix: Any) -> Any:
    """A lower triangular operator."""
    return lx.MatrixLinearOperator(jnp.tril(matrix), lx.lower_triangular_tag)


def diagonal(matrix: Any) -> Any:
    """A diagonal operator."""
    return lx.DiagonalLinearOperator(jnp.diagonal(matrix))


def tridiagonal(matrix: Any) -> Any:
    """A tridiagonal operator."""
    bands = (jnp.diagonal(matrix, offset=k) for k in (0, -1, 1))
    return lx.TridiagonalLinearOperator(*bands)


def of_a_function(matrix: Any) -> Any:
    """The Jacobian of a nonlinear function as an operator."""
    point = jnp.arange(3.0)
    return lx.JacobianLinearOperator(lambda x, _: x + jnp.sin(matrix @ x) / 3, point)


CASES = {
    "lu": (plain, lambda: lx.LU(), SQUARE),
    "qr": (plain, lambda: lx.QR(), SQUARE),
    "qr, least squares": (plain, lambda: lx.QR(), TALL),
    "svd": (plain, lambda: lx.SVD(), SQUARE),
    "svd, least squares": (plain, lambda: lx.SVD(), TALL),
    "svd, least norm": (plain, lambda: lx.SVD(), TALL.T),
    "cholesky": (positive, lambda: lx.Cholesky(), SQUARE),
    "triangular": (lower, lambda: lx.Triangular(), SQUARE),
    "diagonal": (diagonal, lambda: lx.Diagonal(), SQUARE),
    "tridiagonal": (tridiagonal, lambda: lx.Tridiagonal(), SQUARE),
    "cg": (positive, lambda: lx.CG(**EXACT), SQUARE),
    "gmres": (plain, lambda: lx.GMRES(**EXACT), SQUARE),
    "bicgstab": (plain, lambda: lx.BiCGStab(**EXACT), SQUARE),
    "auto": (plain, lambda: lx.AutoLinearSolver(well_posed=True), SQUARE),
    "auto, ill posed": (plain, lambda: lx.AutoLinearSolver(well_posed=None), TALL),
    "auto, of a function": (of_a_function, lambda: lx.AutoLinearSolver(well_posed=True), SQUARE),
}


def solution(name: str) -> tuple[Any, Any, Any]:
    """A solve as a function of matrix and vector, and both."""
    operator, solver, matrix = CASES[name]

    def solve(matrix: Any, vector: Any) -> Any:
        return lx.linear_solve(operator(matrix), vector, solver()).value

    vector = np.random.default_rng(1).normal(size=len(matrix))
    return solve, jnp.asarray(matrix), jnp.asarray(vector)


@BY_ORDERS
@pytest.mark.parametrize("name", CASES)
def test_solution(name: str, orders: Any) -> None:
    """With respect to the matrix and the right-hand side at once."""
    solve, matrix, vector = solution(name)
    assert_agrees(solve, matrix, vector, argnums=(0, 1), rtol=1e-7, orders=orders)


@pytest.mark.parametrize("argnums", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_solution_eagerly(argnums: int) -> None:
    """The other argument is unperturbed, not merely moved by zero."""
    solve, matrix, vector = solution("lu")
    assert_agrees(solve, matrix, vector, argnums=argnums, jit=False)


def test_batched_solution() -> None:
    """One system for each entry of a batch."""
    solve, matrix, vector = solution("lu")
    matrices = jnp.stack([matrix, 2 * matrix + 1])
    assert_agrees(jax.vmap(solve), matrices, jnp.stack([vector, -vector]), argnums=(0, 1))


def test_second_derivative() -> None:
    """The Hessian of an energy that a solution minimises."""
    solve, matrix, vector = solution("cholesky")

    def energy(matrix: Any, vector: Any) -> Any:
        return jnp.sum(jnp.sin(solve(matrix, vector)) * vector)

    assert_agrees(jax.grad(energy, (0, 1)), matrix, vector, argnums=(0, 1))
