"""What is pulled through is known before anything is executed, and loops are run accordingly."""

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from jax import lax

from elimax.interpreter.execution.evaluation import edge_jacobians, eliminate, evaluate_nodes
from elimax.interpreter.execution.pulled_equations import pulled_equations
from elimax.interpreter.jacobian import jacve
from elimax.interpreter.tracing.active_graph import active_graph
from elimax.interpreter.tracing.linearisation import Linearisation
from elimax.interpreter.tracing.program import trace_program
from support.compare import assert_equals_jacrev
from support.opaque import OPAQUE
from support.random_programs import orders, wave

ROUNDS = 7


def walk(x, w):
    """A loop of two carried numbers and three weights."""

    def step(carry, _):
        return carry + 0.1 * jnp.sin(w[:2] * carry[::-1]) * w[2], None

    return lax.scan(step, x, None, length=ROUNDS)[0]


def loss(x, w):
    """A number, behind a loop with many rounds' worth of work."""
    return jnp.sum(lax.scan(lambda c, _: (jnp.tanh(w @ c), None), x, None, length=ROUNDS)[0] ** 2)


X, W = jnp.asarray(wave(2)), jnp.asarray(wave(3))
WIDE, WEIGHTS = jnp.asarray(wave(40)), jnp.asarray(wave(40, 40))


def kept(function, *inputs, order):
    """How many arrays with one entry per round the loops of a Jacobian put out."""
    jaxpr = jax.make_jaxpr(jacve(function, (0, 1), order=order))(*inputs).jaxpr
    loops = [eqn for eqn in jaxpr.eqns if eqn.primitive.name == "scan"]
    assert loops
    return sum(len(eqn.outvars) - eqn.params["num_carry"] for eqn in loops)


@given(data=st.data())
@pytest.mark.parametrize("name", OPAQUE)
@settings(max_examples=4)
def test_what_is_pulled_is_what_execution_pulls(name, data):
    """Followed on structures, and seen while values are eliminated, in any order."""
    function, shapes = OPAQUE[name][:2]
    inputs = [jnp.asarray(wave(*shape), jnp.float32) for shape in shapes]
    program = trace_program(lambda *x: jax.tree.leaves(function(*x)), inputs)
    active = active_graph(program, [True] * len(inputs))
    order = data.draw(orders(active.graph))
    pulled, plain = set(), Linearisation.pull

    def elimination(*leaves):
        values = evaluate_nodes(program, leaves, active)
        number = {linear: index for index, linear in values.linear.items()}

        def pull(linear, cotangents, **how):
            pulled.add(number[linear])
            return plain(linear, cotangents, **how)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Linearisation, "pull", pull)
            eliminate(active.graph, edge_jacobians(active, values), order)

    jax.make_jaxpr(elimination)(*inputs)
    assert pulled_equations(active, order) == pulled


def test_a_loop_that_is_only_pushed_keeps_nothing():
    """Tangents are carried along with the values, as forward mode does it."""
    assert kept(walk, X, W, order="forward") == 0
    assert_equals_jacrev(walk, X, W, argnums=(0, 1), order="forward")


def test_a_loop_that_is_pulled_keeps_what_that_needs():
    """The loss has one row, and its weights have many columns."""
    assert kept(loss, WIDE, WEIGHTS, order="reverse") > 0
    assert_equals_jacrev(loss, WIDE, WEIGHTS, argnums=(0, 1), order="reverse")


def test_short_loops_are_pushed_where_that_takes_more_multiplications():
    """Two loops, one of which keeps values, take longer than a few more columns."""

    def short(x, w):
        return walk(x, w)[0] ** 2

    for order in ("forward", "reverse"):
        assert kept(short, X, W, order=order) == 0
        assert_equals_jacrev(short, X, W, argnums=(0, 1), order=order)


def test_values_and_derivative_agree():
    """The value comes from a run of its own."""
    value, _ = jax.jit(lambda x: (walk(x, W), jacve(walk)(x, W)))(X)
    np.testing.assert_array_equal(value, jax.jit(walk)(X, W))
