"""Factorisations and linear systems: batch axes stay tied, values equal those of JAX."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from elimax.interpreter.graph.structure import UNTIED
from elimax.interpreter.tracing.call import trace
from support.compare import assert_equals_jacrev
from support.opaque import written_edges
from support.random_programs import wave

U = UNTIED
SQUARES = wave(2, 3, 3) + 3 * np.eye(3)


def symmetric(a):
    """A symmetric matrix with eigenvalues well apart, for each of a batch."""
    return a @ a.mT + jnp.diag(jnp.arange(3, dtype=a.dtype))


FUNCTIONS = {
    "cholesky": lambda a: jnp.linalg.cholesky(symmetric(a)),
    "eigh": lambda a: jnp.linalg.eigvalsh(symmetric(a)),
    "lu": lambda a: jax.lax.linalg.lu(a)[0],
    "qr": lambda a: jnp.linalg.qr(a)[1],
    "svd": lambda a: jnp.linalg.svd(a, compute_uv=False),
    "eig": lambda a: jnp.linalg.eigvals(symmetric(a)).real,
    "triangular_solve": lambda a: lax.linalg.triangular_solve(a, jnp.sin(a), left_side=True),
    "from the right": lambda a: lax.linalg.triangular_solve(a, jnp.sin(a), lower=True),
    "tridiagonal_solve": lambda a: lax.linalg.tridiagonal_solve(
        a[:, 0], a[:, 1] + 3, a[:, 2], jnp.sin(a)
    ),
    "custom_linear_solve": lambda a: jnp.linalg.solve(a, jnp.sin(a)),
    "inverse": jnp.linalg.inv,
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_equal_jacrev(name):
    """For a batch of two matrices, between other functions."""
    function = FUNCTIONS[name]
    assert_equals_jacrev(
        lambda a: jax.tree.map(jnp.sin, function(a + 0.1 * jnp.sin(a))), SQUARES, atol=1e-12
    )


def edges_of(name, function, *args):
    """Ties of all edges into a primitive, by operand node."""
    graph = trace(function, *args, argnums=range(len(args)))
    first = graph.num_inputs
    return {
        (pred, succ): edge.ties
        for (pred, succ), edge in written_edges(graph).items()
        if graph.primitives[succ - first] == name
    }


A = jnp.ones((2, 3, 3))


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("cholesky", lambda a: lax.linalg.cholesky(a, symmetrize_input=False)),
        ("eigh", lambda a: lax.linalg.eigh(a, symmetrize_input=False)),
        ("lu", lambda a: lax.linalg.lu(a)[0]),
        ("qr", lambda a: lax.linalg.qr(a)),
        ("svd", lambda a: lax.linalg.svd(a)),
    ],
)
def test_factors_tie_the_batch(name, function):
    """Every factor has out (b, ...), in (b, k, l)."""
    ties = edges_of(name, function, A)
    assert ties and set(ties.values()) == {(0, U, U)}


def test_solutions_tie_the_batch_and_the_right_sides():
    """X with A X = B: b and the columns are tied for B; with X A = B the rows are."""
    solve = lax.linalg.triangular_solve
    left = edges_of("triangular_solve", lambda a, b: solve(a, b, left_side=True), A, A)
    assert left == {(0, 2): (0, U, U), (1, 2): (0, U, 2)}
    right = edges_of("triangular_solve", lambda a, b: solve(a, b), A, A)
    assert right == {(0, 2): (0, U, U), (1, 2): (0, 1, U)}


def test_tridiagonal_systems():
    """Diagonals tie the batch, right sides their columns too."""
    d = jnp.ones((2, 3))
    ties = edges_of("tridiagonal_solve", lax.linalg.tridiagonal_solve, d, d, d, A)
    assert sorted(ties.values()) == [(0, U), (0, U), (0, U), (0, U, 2)]


def test_right_sides_of_a_custom_solve():
    """Ties of b are those of the function that solves; those of A follow from the derivative."""

    def function(a, b):
        return lax.custom_linear_solve(
            lambda x: a * x, b, lambda _, y: y / lax.stop_gradient(a), symmetric=True
        )

    ties = edges_of("custom_linear_solve", function, jnp.ones((2, 3)), jnp.ones((2, 3)))
    assert ties == {(0, 2): (0, 1), (1, 2): (0, 1)}
    assert_equals_jacrev(function, wave(2, 3) + 3, wave(2, 3, phase=2), argnums=(0, 1))
