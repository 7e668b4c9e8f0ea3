"""Functions with their own derivative: what their rules tie, and their values."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from interpreter.jacobian import jacve
from interpreter.program import trace_program
from interpreter.rules.calls import pushforward_ties
from interpreter.structure import UNTIED, Kind, edge_structure
from interpreter.tracing import trace
from tests.interpreter.compare import assert_equals_jacrev, assert_equals_jacrev_in_all_orders
from tests.interpreter.random_programs import wave


@jax.custom_vjp
def rows(x):
    """A cumulative sum of each row, with twice its derivative."""
    return jnp.cumsum(x, axis=1)


rows.defvjp(lambda x: (rows(x), None), lambda _, ct: (2.0 * lax.cumsum(ct, 1, reverse=True),))


@jax.custom_vjp
def turned(x):
    """x^T, which ties axes crosswise."""
    return x.T


turned.defvjp(lambda x: (x.T, None), lambda _, ct: (3.0 * ct.T,))


@pytest.mark.parametrize(
    "function",
    [jax.nn.relu, jax.nn.relu6, jax.nn.silu, jax.nn.softplus, jax.nn.selu, jnp.sinc],
)
def test_functions_with_elementwise_rules_stay_diagonal(function):
    """jax.nn and the like keep the batch axis tied, whatever they are built of."""
    graph = trace(lambda x: function(x), jnp.ones((2, 3)))
    assert all(edge.ties == (0, 1) for edge in graph.edges.values())


def test_rule_of_a_function_is_what_counts():
    """The body is elementwise, the rule is a cumulative sum: the edge is dense, as JAX has it."""

    @jax.custom_jvp
    def odd(x):
        return x * x

    odd.defjvp(lambda primals, tangents: (odd(*primals), jnp.cumsum(tangents[0])))
    (edge,) = trace(odd, jnp.ones(3)).edges.values()
    assert edge.ties == (UNTIED,)
    assert_equals_jacrev_in_all_orders(lambda x: jnp.sin(odd(jnp.cos(x))), wave(3))


def test_rule_that_calls_its_function_is_elementwise():
    """A rule that evaluates the function itself beside the slope is still elementwise."""

    @jax.custom_jvp
    def cube(x):
        return x * x * x

    cube.defjvp(lambda primals, tangents: (cube(*primals), 5.0 * primals[0] * tangents[0]))
    (edge,) = trace(cube, jnp.ones(3)).edges.values()
    assert edge == edge_structure((3,), (3,), [0], [0], Kind.GENERAL)
    assert_equals_jacrev(cube, wave(3))


def test_functions_of_two_arguments_with_their_own_rule():
    """Each argument by itself; different shapes fall back to a dense edge."""

    @jax.custom_jvp
    def scale(x, y):
        return x * y

    scale.defjvps(lambda t, ans, x, y: 2.0 * t * y, lambda t, ans, x, y: 3.0 * x * t)
    assert_equals_jacrev(scale, wave(3), wave(3, phase=4), argnums=(0, 1))
    assert_equals_jacrev(scale, wave(2, 3), wave(3, phase=4), argnums=(0, 1))


def test_functions_by_rows_keep_the_batch_axis():
    """custom_jvp that mixes a row: b tied, value (b, i, k)."""

    @jax.custom_jvp
    def mixed(x):
        return x

    mixed.defjvp(lambda primals, tangents: (mixed(*primals), jnp.cumsum(tangents[0], axis=1)))
    (edge,) = trace(mixed, jnp.ones((2, 3))).edges.values()
    assert edge == edge_structure((2, 3), (2, 3), [0, UNTIED], [0, 1, 3], Kind.GENERAL)
    assert_equals_jacrev_in_all_orders(lambda x: jnp.sin(mixed(jnp.cos(x))), wave(2, 3))


@pytest.mark.parametrize(
    ("function", "ties"), [(rows, (0, UNTIED)), (turned, (1, 0)), (jax.jit(rows), (0, UNTIED))]
)
def test_ties_of_pullbacks(function, ties):
    """custom_vjp: what the cotangents tie, whatever the body does."""
    (edge,) = trace(function, jnp.ones((2, 3))).edges.values()
    assert edge.ties == ties
    assert_equals_jacrev_in_all_orders(lambda x: jnp.sin(function(jnp.cos(x))), wave(2, 3))


def test_custom_vjp_of_several_arguments_and_results():
    """Every pair of argument and result has its own edge."""

    @jax.custom_vjp
    def both(x, y):
        return x * y, y

    both.defvjp(
        lambda x, y: (both(x, y), (x, y)),
        lambda kept, cts: (cts[0] * kept[1] * 2.0, (cts[0] * kept[0]).sum() + cts[1].sum()),
    )
    assert_equals_jacrev(
        lambda x, y: both(jnp.sin(x), jnp.cos(y)), wave(3), np.float64(0.4), argnums=(0, 1)
    )


def test_rules_may_hide_what_only_one_mode_can_do():
    """A custom_jvp whose rule runs a while loop is differentiated forward, as by jacfwd."""

    @jax.custom_jvp
    def hidden(x):
        return x.sum()

    @hidden.defjvp
    def rule(primals, tangents):
        (t,) = tangents
        doubled = lax.while_loop(lambda c: c[0] < 3, lambda c: (c[0] + 1, c[1] * 2.0), (0, t))
        return hidden(*primals), doubled[1].sum()

    x = jnp.ones(3)
    np.testing.assert_allclose(jacve(hidden)(x), jax.jacfwd(hidden)(x))


def test_a_derivative_that_neither_mode_has_is_an_error():
    """The first refusal of JAX is what a user sees."""

    @jax.custom_vjp
    def bare(x):
        return x

    def loop(x):
        return lax.while_loop(lambda c: c.sum() < 3.0, lambda c: bare(c) + 1.0, x)

    bare.defvjp(lambda x: (x, None), lambda _, ct: (ct,))
    with pytest.raises((TypeError, ValueError), match=r"custom_vjp|while_loop"):
        jacve(loop)(jnp.ones(3))


def test_pushforwards_without_a_derivative():
    """None where the rule drops the tangent; its Jacobian is zero."""

    @jax.custom_jvp
    def flat(x):
        return x * x

    flat.defjvp(lambda primals, tangents: (flat(*primals), jnp.zeros_like(tangents[0])))
    (equation,) = trace_program(lambda x: [flat(x)], [jnp.ones(3)]).equations
    assert pushforward_ties(equation, 0, 0) is None
    assert_equals_jacrev(lambda x: flat(jnp.sin(x)), wave(3))
