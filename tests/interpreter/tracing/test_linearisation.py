"""One equation as a linear function of all operands that move: directions, costs, ties, values."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from elimax.interpreter.graph.pair_structure import Direction
from elimax.interpreter.graph.structure import UNTIED
from elimax.interpreter.jacobian import jacve
from elimax.interpreter.tracing.call import trace
from elimax.interpreter.tracing.linearisation import (
    Linearisation,
    Moving,
    analyse,
    encoded_avals,
    unit_vectors,
)
from elimax.interpreter.tracing.program import trace_program
from support.compare import assert_equals_jacrev_in_all_orders, assert_same_blocks
from support.random_programs import wave

U = UNTIED


def moving_of(function, *inputs, operands=None, results=None, name=None):
    """The last equation of a function, or that with a name, with what of it moves."""
    program = trace_program(lambda *x: jax.tree.leaves(function(*x)), inputs)
    equations = program.equations[::-1]
    equation = next(x for x in equations if name is None or x.name == name)
    floats = [k for k, x in enumerate(equation.in_avals) if jnp.issubdtype(x.dtype, jnp.inexact)]
    all_results = range(len(equation.out_avals))
    return Moving(
        equation,
        tuple(floats if operands is None else operands),
        tuple(all_results if results is None else results),
    )


def loop(x, w):
    """A scan that carries w."""
    return lax.scan(lambda c, y: (jnp.sin(c * y), c), w, x)


def endless(x):
    """A loop of unknown length."""
    return lax.while_loop(lambda c: c.sum() < 9.0, lambda c: 1.5 * c, x)


@jax.custom_vjp
def pulled(x):
    """A function that only reverse mode knows."""
    return x * x


pulled.defvjp(lambda x: (x * x, x), lambda x, ct: (3.0 * x * ct,))


@jax.custom_jvp
def hides_a_loop(x):
    """A function whose rule runs a loop that JAX cannot transpose."""
    return x.sum()


@hides_a_loop.defjvp
def _hides_a_loop_jvp(primals, tangents):
    (t,) = tangents
    doubled = lax.while_loop(lambda c: c[0] < 3, lambda c: (c[0] + 1, c[1] * 2.0), (0, t))
    return hides_a_loop(*primals), doubled[1].sum()


@pytest.mark.parametrize(
    ("function", "direction"),
    [
        (jnp.sort, Direction.BOTH),
        (lambda x: loop(x, x[0]), Direction.BOTH),
        (endless, Direction.FORWARD),
        (pulled, Direction.REVERSE),
        (hides_a_loop, Direction.FORWARD),
        (lambda x: lax.cond(x[0] > 0, pulled, jnp.sin, x), Direction.REVERSE),
        (lambda x: lax.cond(x[0] > 0, endless, jnp.sin, x), Direction.FORWARD),
        (lambda x: lax.cond(x[0] > 0, hides_a_loop, jnp.sum, x), Direction.FORWARD),
        (jax.nn.relu, Direction.BOTH),
    ],
)
def test_directions(function, direction):
    """Both, unless there is no pushforward, or a loop that has no transpose."""
    assert analyse(moving_of(function, jnp.ones(3))).direction == direction


def test_what_neither_mode_can_do_is_refused():
    """With what JAX says to jacfwd."""
    with pytest.raises((TypeError, ValueError), match=r"custom_vjp|while"):
        analyse(moving_of(lambda x: lax.while_loop(lambda c: c.sum() < 3, pulled, x), jnp.ones(3)))


def test_only_what_moves_is_looked_at():
    """Ties are numbered among moving operands and results, of which w is the first."""
    moving = moving_of(loop, jnp.ones((5, 2)), jnp.ones(2), operands=(1,), results=(1,))
    assert analyse(moving).ties == {(0, 0): (U, 1)}
    ins, outs = encoded_avals(moving)
    assert [x.shape for x in (*ins, *outs)] == [(5, 2), (5, 2)]


def test_ties_of_a_pullback_are_inverted():
    """custom_vjp: what its cotangents tie."""

    @jax.custom_vjp
    def turned(x):
        return x.T

    turned.defvjp(lambda x: (x.T, None), lambda _, ct: (3.0 * ct.T,))
    assert analyse(moving_of(turned, jnp.ones((2, 3)))).ties == {(0, 0): (1, 0)}


def test_pushing_pulling_and_writing():
    """All agree with JAX; columns are those of one operand for all results."""
    x, w = jnp.asarray(wave(4), jnp.float32), jnp.float32(0.7)
    linear = Linearisation.of(moving_of(loop, x, w), Direction.BOTH, [w, x])
    by_w, by_x = jax.jit(jax.jacrev(lambda w, x: loop(x, w), (0, 1)))(w, x)[1]
    assert [np.shape(value) for value in linear.results] == [(), (4,)]
    pushed = linear.push({1: jnp.ones(4)})
    np.testing.assert_allclose(pushed[1], by_x.sum(1), rtol=1e-5)
    pulled_back = linear.pull({1: jnp.ones(4)})
    np.testing.assert_allclose(pulled_back[0], by_w.sum(), rtol=1e-5)
    np.testing.assert_allclose(pulled_back[1], by_x.sum(0), rtol=1e-5)
    np.testing.assert_allclose(linear.columns(1, [0])[1], by_x.T, rtol=1e-5)
    np.testing.assert_allclose(linear.rows(1, [0])[1], by_x, rtol=1e-5)
    assert linear.columns(1, [0]) is linear.columns(1, [0])


def test_complex_tangents_go_through_in_both_parts():
    """A real linear function of a complex array."""
    x = jnp.asarray(wave(4), jnp.float32)
    linear = Linearisation.of(moving_of(lax.cumprod, x), Direction.BOTH, [x])
    real, imaginary = jnp.asarray(wave(4, phase=4)), jnp.asarray(wave(4, phase=8))
    real, imaginary = real.astype(x.dtype), imaginary.astype(x.dtype)
    (both,) = linear.push({0: lax.complex(real, imaginary)})
    np.testing.assert_allclose(both.real, linear.push({0: real})[0], rtol=1e-6)
    np.testing.assert_allclose(both.imag, linear.push({0: imaginary})[0], rtol=1e-6)


def test_unit_vectors():
    """One for each index of the axes, the same along all others."""
    aval = jax.ShapeDtypeStruct((2, 3), jnp.float32)
    np.testing.assert_array_equal(unit_vectors(aval, []), np.ones((1, 2, 3)))
    vectors = unit_vectors(aval, [1])
    np.testing.assert_array_equal(vectors, np.eye(3)[:, None].repeat(2, 1))
    np.testing.assert_array_equal(unit_vectors(aval, [0, 1]), np.eye(6).reshape(6, 2, 3))


@pytest.mark.parametrize("use", [lambda f: f, jax.jit, lambda f: lambda *x: jax.vmap(f)(*x)])
def test_symbolic_zeros_are_told_the_truth(use):
    """A rule that asks which operands move is told that y does not, and its own answer counts."""
    seen = []

    @jax.custom_jvp
    def product(x, y):
        return x * y

    def rule(primals, tangents):
        (x, y), (dx, dy) = primals, tangents
        seen.append([type(t).__name__ for t in tangents])
        is_still = isinstance(dy, jax.custom_derivatives.SymbolicZero)
        return x * y, (7.0 if is_still else 1.0) * dx * y

    product.defjvp(rule, symbolic_zeros=True)
    x, y = jnp.asarray([1.0, 2.0]), jnp.asarray([3.0, 4.0])

    def function(x):
        return use(product)(jnp.sin(x), y)

    for order in ("forward", "reverse"):
        assert_same_blocks(jacve(function, order=order)(x), jax.jacrev(function)(x), rtol=1e-6)
    np.testing.assert_allclose(jacve(function)(x), np.diag(7.0 * np.cos(x) * y), rtol=1e-6)
    assert "SymbolicZero" not in seen[-1][0]


def test_symbolic_zeros_of_a_custom_vjp():
    """A forward rule that asks what is perturbed is told so: y is not."""

    @jax.custom_vjp
    def product(x, y):
        return x * y

    def forward(x, y):
        scale = 1.0 if y.perturbed else 5.0
        return x.value * y.value, (y.value, scale)

    def backward(kept, ct):
        return ct * kept[0] * kept[1], jnp.zeros_like(ct)

    product.defvjp(forward, backward, symbolic_zeros=True)
    x, y = jnp.asarray([1.0, 2.0]), jnp.asarray([3.0, 4.0])
    np.testing.assert_allclose(jacve(lambda x: product(x, y))(x), np.diag(5.0 * y))
    np.testing.assert_allclose(jacve(product, (0, 1))(x, y)[0], np.diag(1.0 * y))


@jax.custom_vjp
def adjoint(x):
    """One of a pair of linear functions that are each other's pullback."""
    return jnp.cumsum(x)


@jax.custom_vjp
def other_adjoint(x):
    """The other one."""
    return lax.cumsum(x, reverse=True)


adjoint.defvjp(lambda x: (adjoint(x), None), lambda _, ct: (other_adjoint(ct),))
other_adjoint.defvjp(lambda x: (other_adjoint(x), None), lambda _, ct: (adjoint(ct),))


@jax.custom_jvp
def linear_rule(x):
    """A linear function whose rule is the function."""
    return 2.0 * jnp.cumsum(x)


linear_rule.defjvp(lambda primals, tangents: (linear_rule(*primals), linear_rule(*tangents)))


@pytest.mark.parametrize("function", [linear_rule, adjoint, other_adjoint])
@pytest.mark.parametrize(
    "around",
    [
        lambda f: f,
        lambda f: lambda x: lax.scan(lambda c, y: (f(c) * y, c), x, x)[0],
        lambda f: lambda x: lax.cond(x[0] > 0, f, jnp.sin, x),
        lambda f: jax.jit(lambda x: f(f(x))),
    ],
)
def test_rules_that_apply_their_own_function(function, around):
    """They end, alone and within loops and branches, and are right in every order."""
    inner = around(function)
    assert_equals_jacrev_in_all_orders(lambda x: jnp.sin(inner(jnp.cos(x))), wave(3))


def test_a_rule_that_applies_itself_within_a_while():
    """JAX pushes it forward only."""

    def function(x):
        return lax.fori_loop(0, 3, lambda i, c: jnp.sin(linear_rule(c)), x * x)

    def endless_one(x):
        return lax.while_loop(lambda c: c[0] < 2, lambda c: (c[0] + 1, linear_rule(c[1])), (0, x))[
            1
        ]

    x = jnp.asarray(wave(3), jnp.float32)
    for f in (function, endless_one):
        for order in ("forward", "reverse"):
            assert_same_blocks(jacve(f, order=order)(x), jax.jacfwd(f)(x), rtol=1e-5)


def test_nothing_is_evaluated_twice():
    """A host function inside a loop is called once per step, for values and derivatives alike."""
    calls = []

    @jax.custom_jvp
    def host(x):
        aval = jax.ShapeDtypeStruct(x.shape, x.dtype)
        return jax.pure_callback(lambda v: (calls.append(1), np.sin(v))[1], aval, x)

    host.defjvp(lambda primals, tangents: (host(*primals), jnp.cos(primals[0]) * tangents[0]))

    def function(x):
        return lax.scan(lambda c, y: (host(c * y), None), x[0], x)[0]

    x = jnp.asarray(wave(4), jnp.float32)
    jacobian = jax.jit(jacve(function))(x)
    jax.block_until_ready(jacobian)
    assert len(calls) == 4
    np.testing.assert_allclose(
        jacobian,
        jax.jacrev(lambda x: lax.scan(lambda c, y: (jnp.sin(c * y), None), x[0], x)[0])(x),
        rtol=1e-5,
    )


def test_ties_that_take_too_much_work_are_given_up(monkeypatch):
    """Not tied is always right, whatever the analysis runs into."""

    def function(x):
        return lax.map(lambda y: jnp.sin(y) * y, x)

    def refuse(*args):
        raise RuntimeError("an analysis that fails")

    monkeypatch.setattr("elimax.interpreter.tracing.linearisation.ties_of", refuse)
    graph = trace(function, jnp.ones(3))
    (edge,) = graph.edges.values()
    assert edge.parts[0].as_array.ties == (U,)
    assert_equals_jacrev_in_all_orders(function, wave(3))
