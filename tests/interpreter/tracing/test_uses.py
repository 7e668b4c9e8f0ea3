"""Active uses: on a way from a differentiated input to an output, in program order."""

import jax.numpy as jnp
from jax import lax

from elimax.interpreter.tracing.program import trace_program
from elimax.interpreter.tracing.uses import ActiveUse, active_uses


def uses(function, *inputs, active=None):
    """The active uses of a function's program."""
    program = trace_program(function, inputs)
    return active_uses(program, [True] * len(inputs) if active is None else active)


def test_a_chain():
    """Every use joins a node and a result; nodes are numbered inputs first."""
    found = uses(lambda x: [jnp.sin(jnp.cos(x))], 1.0)
    assert found == [ActiveUse(0, 0, 0, 0, 1), ActiveUse(1, 0, 0, 1, 2)]


def test_both_operands_of_one_equation():
    """x * x uses x twice."""
    assert uses(lambda x: [x * x], 1.0) == [ActiveUse(0, 0, 0, 0, 1), ActiveUse(0, 1, 0, 0, 1)]


def test_what_no_output_depends_on_is_left_out():
    """A result that is thrown away makes no use."""

    def function(x):
        jnp.exp(x)
        return [jnp.sin(x)]

    assert [(use.pred, use.succ) for use in uses(function, 1.0)] == [(0, 2)]


def test_inputs_that_are_not_differentiated():
    """What depends on them alone makes no use."""
    found = uses(lambda x, y: [jnp.sin(y) * x], 1.0, 2.0, active=[True, False])
    assert [(use.pred, use.operand) for use in found] == [(0, 1)]


def test_integers_end_a_way():
    """A comparison has no derivative, so nothing behind it is active."""
    assert uses(lambda x: [(x > 0.0).astype(x.dtype)], jnp.ones(3)) == []


def test_results_of_one_equation():
    """Each result of a loop that an output depends on, by each operand that moves."""

    def function(x, w):
        return lax.scan(lambda c, y: (c * y, c + y), w, x)[1:]

    found = uses(function, jnp.ones(3), 1.0)
    assert sorted((use.operand, use.result) for use in found) == [(0, 1), (1, 1)]
