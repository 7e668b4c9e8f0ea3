"""Edges by JAX's own derivative of one equation, with and without ties."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from interpreter.program import trace_program
from interpreter.rules.fallback import apply_linear, tied_jacobian
from interpreter.rules.registry import _RULES
from interpreter.structure import UNTIED, Kind
from interpreter.tracing import trace
from tests.interpreter.compare import assert_equals_jacrev, assert_equals_jacrev_in_all_orders
from tests.interpreter.random_programs import wave

SQUARE = wave(3, 3) + 3 * np.eye(3)


@jax.custom_vjp
def doubled_slope(x):
    """sin with twice its derivative, which only reverse mode knows."""
    return jnp.sin(x)


doubled_slope.defvjp(
    lambda x: (jnp.sin(x), jnp.cos(x)), lambda slope, cotangent: (2.0 * slope * cotangent,)
)

FUNCTIONS = {
    "scan": (lambda x: lax.scan(lambda c, y: (jnp.sin(c * y), c * c), x[0], x), wave(3)),
    "map": (lambda x: lax.map(jnp.sin, x), wave(3)),
    "fori_loop": (lambda x: lax.fori_loop(0, 3, lambda i, c: jnp.sin(c) * x, x), wave(3)),
    "cond": (lambda x: lax.cond(x[0] > 0, jnp.sin, lambda y: y * y, x), wave(3)),
    "switch": (lambda x: lax.switch(jnp.argmax(x), [jnp.sin, jnp.cos, jnp.exp], x), wave(3)),
    "custom_vjp": (doubled_slope, wave(3)),
    "custom_vjp in scan": (
        lambda x: lax.scan(lambda c, y: (doubled_slope(c * y), c), x[0], x)[1],
        wave(3),
    ),
    "custom_vjp in cond": (lambda x: lax.cond(x[0] > 0, doubled_slope, jnp.cos, x), wave(3)),
    "sort": (jnp.sort, wave(4)),
    "sort by key": (lambda x: lax.sort((x, jnp.cos(x)), num_keys=1)[1], wave(4)),
    "argsort": (lambda x: x[jnp.argsort(-x)], wave(4)),
    "top_k": (lambda x: lax.top_k(x, 2)[0], wave(4)),
    "solve": (lambda a: jnp.linalg.solve(a, jnp.ones((3,), a.dtype)), SQUARE),
    "inverse": (jnp.linalg.inv, SQUARE),
    "cholesky": (lambda a: jnp.linalg.cholesky(a @ a.T), SQUARE),
    "determinant": (jnp.linalg.det, SQUARE),
    "eigenvalues": (lambda a: jnp.linalg.eigvalsh(a + a.T), SQUARE),
    "qr": (jnp.linalg.qr, SQUARE),
    "triangular": (
        lambda a: jax.scipy.linalg.solve_triangular(a, jnp.ones((3,), a.dtype)),
        SQUARE,
    ),
    "convolve": (lambda x: jnp.convolve(x, x[:3]), wave(5)),
    "conv": (
        lambda x: lax.conv(x, jnp.ones((2, 2, 2, 2), x.dtype), (1, 1), "SAME"),
        wave(1, 2, 3, 3),
    ),
    "fft": (lambda x: jnp.fft.fft(x).real, wave(4)),
    "max pool": (
        lambda x: lax.reduce_window(x, -jnp.inf, lax.max, (2,), (1,), "VALID"),
        wave(4),
    ),
    "cumlogsumexp": (lax.cumlogsumexp, wave(4)),
    "associative scan": (lambda x: lax.associative_scan(jnp.multiply, x), wave(4)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_equal_jacrev(name):
    """Between two other functions, forward and reverse."""
    function, x = FUNCTIONS[name]
    for order in ("forward", "reverse"):
        assert_equals_jacrev(lambda x: jax.tree.map(jnp.sin, function(x + 0.1 * x)), x, order=order)


def test_while_loop_is_differentiated_forward():
    """jacrev refuses a while loop; elimination takes the pushforward, so jacfwd is compared."""
    from interpreter.jacobian import jacve

    def function(x):
        return lax.while_loop(lambda c: c.sum() < 20.0, lambda c: c * (1.5 + jnp.sin(x)), x)[:2]

    x = jnp.array([1.0, 2.0, 3.0])
    np.testing.assert_allclose(jacve(function)(x), jax.jacfwd(function)(x), rtol=1e-5)


def test_custom_root():
    """An implicit function with its own linear solve."""

    def function(x):
        return lax.custom_root(
            lambda y: y**3 - x,
            x,
            lambda f, y: lax.fori_loop(0, 30, lambda i, y: y - f(y) / (3 * y * y), y),
            lambda linear, y: y / linear(jnp.ones_like(y)),
        )

    assert_equals_jacrev_in_all_orders(lambda x: jnp.sin(function(x * x)), np.float64(1.4))


def test_two_operands():
    """A solve and a convolution with respect to both arguments."""
    assert_equals_jacrev(
        lambda a, b: jnp.linalg.solve(a, jnp.sin(b)), SQUARE, wave(3), argnums=(0, 1)
    )
    assert_equals_jacrev(
        lambda x, w: jnp.convolve(jnp.sin(x), w * w), wave(5), wave(3), argnums=(0, 1)
    )


def test_factors_of_a_solver_have_no_edge():
    """The factorisation tells how to solve; what is solved comes with the matrix itself."""
    graph = trace(lambda a, b: jnp.linalg.solve(a, b), jnp.eye(3), jnp.ones(3))
    solve = graph.node(graph.primitives.index("custom_linear_solve") + 1)
    factors = graph.node(graph.primitives.index("lu") + 1)
    assert (0, solve) in graph.edges
    assert (factors, solve) not in graph.edges


def test_edges_are_dense_and_general():
    """No tie is known, so every axis is carried."""
    graph = trace(lambda x: lax.reduce(x, 1.0, lambda a, b: a * b + a, (1,)), jnp.ones((2, 3)))
    (edge,) = graph.edges.values()
    assert edge.ties == (UNTIED, UNTIED)
    assert edge.carried == (0, 1, 2)
    assert edge.kind == Kind.GENERAL
    assert "reduce" not in _RULES


def test_wide_and_tall_equations():
    """Fewer results than operands go backwards, fewer operands forwards; both are right."""
    tall, wide = wave(4, 2), wave(2, 4)
    for matrix in (tall, wide):
        assert_equals_jacrev(
            lambda x, m=matrix: lax.map(lambda row: jnp.sin(row @ x), jnp.asarray(m)),
            wave(matrix.shape[1]),
        )


def test_integer_operands_and_results_have_no_edge():
    """Permutations and counters beside floats are left alone."""

    def function(x):
        values, places = lax.top_k(x, 2)
        return values * places.astype(x.dtype)

    assert_equals_jacrev_in_all_orders(function, wave(4))


def test_linear_maps_between_real_and_complex_numbers():
    """apply_linear recovers J where JAX's map gives its real part only."""
    j = np.array([[1 + 2j, 3 - 1j]])
    x = jnp.array([1.0 + 0j, 0.0])
    full = apply_linear(lambda z: (j @ z).real, x)
    np.testing.assert_allclose(full, [1 + 2j])
    assert apply_linear(lambda z: 2.0 * z, jnp.ones(2)).dtype == jnp.float32


@pytest.mark.parametrize("ties", [(UNTIED, UNTIED), (0, UNTIED), (UNTIED, 1), (0, 1)])
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_tied_jacobians(ties, order):
    """One derivative for all indices of the tied axes, in either mode and with axes exchanged."""

    def function(x):
        summed = tuple(axis for axis, tie in enumerate(ties) if tie == UNTIED)
        return (jnp.sin(x) * jnp.cos(x).sum(axis=summed, keepdims=True)).transpose(order)

    *_, equation = trace_program(
        lambda x: [lax.cond(True, function, function, x)], [jnp.ones((2, 3))]
    ).equations
    x = jnp.asarray(wave(2, 3), jnp.float32)
    inputs = [jnp.int32(1), x]
    exchanged = [tie if tie == UNTIED else order.index(tie) for tie in ties]
    full = jax.jacrev(function)(x)
    value = tied_jacobian(equation, inputs, 1, 0, exchanged)
    # Axes of x are a and b where they are tied, else i and j; of the result a and b, or m and n.
    letters = "".join("ij"[k] if tie == UNTIED else "ab"[k] for k, tie in enumerate(ties))
    rows = "".join("mn"[k] if tie == UNTIED else "ab"[k] for k, tie in enumerate(ties))
    rows = "".join(rows[axis] for axis in order)
    kept = rows + "".join(letter for letter in letters if letter in "ij")
    expected = np.einsum(f"{rows}{letters}->{kept}", full)
    np.testing.assert_allclose(value, expected, rtol=1e-5)
