"""Entrywise equations that share a guard."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from elimax.interpreter.execution.evaluation import evaluate_nodes
from elimax.interpreter.execution.guarded_chains import find_chains, guarded_chain
from elimax.interpreter.execution.guarded_program import guarded
from elimax.interpreter.execution.guards import GuardedEquation
from elimax.interpreter.tracing.call import trace_call
from elimax.interpreter.tracing.flat_call import CallArguments

X = jnp.asarray([0.3, 0.8, 1.1])


def traced(function, *args):
    """The active graph of a function of one vector or several."""
    return trace_call(function, CallArguments.of(args, {}, tuple(range(len(args))))).active


def chains_of(function, *args, guarded_names=("log", "sqrt", "div", "exp", "mul")):
    """Chains by the names of their equations, where some primitives need a guard."""
    active = traced(function, *args)
    program = active.program
    indices = sorted({edge.equation for edge in active.edges})
    moving = set(range(program.num_inputs)).union(*(program.equations[k].results for k in indices))
    risky = {k for k in indices if program.equations[k].name in guarded_names}
    joinable = {*indices} - {edge.equation for edge in active.edges if edge.drops}
    found = find_chains(program, indices, moving, joinable, risky)
    assert all(last == chain[-1] for last, chain in found.items())
    return sorted([program.equations[k].name for k in chain] for chain in found.values())


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda x: jnp.exp(-1.0 / x) * x, [["div", "exp", "mul"]]),
        (lambda x: jnp.sum(jnp.log(x) + jnp.sqrt(x)), [["add", "log", "sqrt"]]),
        # What something else uses, or what is an output, is a result of its own.
        (lambda x: (jnp.exp(jnp.log(x)), jnp.sin(x)), [["exp", "log"]]),
        (lambda x: (lambda y: (jnp.exp(y), jnp.tan(y).sum()))(jnp.log(x)), []),
        (lambda x: (lambda y: (jnp.exp(y), y))(jnp.log(x)), []),
        # What comes back to a single number is a sum over all entries.
        (lambda x: jnp.exp(jnp.log(x) - x.sum()), []),
        (lambda x: jnp.log(x).sum(), []),
        (lambda x: jnp.sin(jnp.cos(x)), []),
    ],
)
def test_what_is_joined(function, expected):
    """Entrywise equations that lead to one result, and one of them at least needs a guard."""
    named = [sorted(chain) for chain in chains_of(function, X)]
    assert sorted(named) == sorted(expected)


def test_comparisons_may_use_what_is_between():
    """No derivative passes through them."""

    def function(x):
        y = jnp.log(x)
        return jnp.where(y > 0, 0.0, jnp.exp(y) * 2.0)

    assert chains_of(function, X) == [["log", "exp", "mul"]]


def test_one_equation_for_a_chain():
    """It has the values and cotangents of JAX, but for zeros where the cotangent is 0."""

    def function(x, y):
        return jnp.sqrt(x) * y / (x - 1.0)

    at, y = jnp.asarray([0.0, 1.0, 4.0]), jnp.asarray([2.0, 3.0, 5.0])
    program = traced(function, at, y).program
    indices = range(len(program.equations))
    joined = guarded_chain(program, indices, {0, 1, *range(2, 9)}, indices)
    assert joined.operands == (0, 1)
    values, pull = jax.vjp(lambda *xs: joined.bind(xs)[0], at, y)
    expected, pull_all = jax.vjp(function, at, y)
    np.testing.assert_array_equal(values, expected)
    cotangent = jnp.asarray([0.0, 0.0, 2.0])
    for found, known in zip(pull(cotangent), pull_all(cotangent), strict=True):
        np.testing.assert_allclose(found, [0.0, 0.0, known[2]], rtol=1e-6)
    assert np.isnan(pull_all(cotangent)[0][:2]).all()


def test_operands_that_no_guard_is_behind_stay_as_they_are():
    """Of x + log(y) only the cotangent of y can be infinite, so only that one is compared."""
    active = traced(lambda x, y: x + jnp.log(y), X, X)
    (log,) = (k for k, eqn in enumerate(active.program.equations) if eqn.name == "log")
    joined = guarded_chain(active.program, (0, 1), {0, 1, 2, 3}, {log})
    text = str(
        jax.make_jaxpr(lambda x, y: jax.vjp(lambda *xs: joined.bind(xs)[0], x, y)[1](X))(X, X)
    )
    assert text.count("select_n") == 1


@jax.numpy_dtype_promotion("standard")  # JAX's own derivative of such a power needs it.
def test_exponents_may_be_integers():
    """They depend on the input, but have no cotangent."""

    def function(x):
        return jnp.where(x > 1, jax.lax.pow(jnp.log(x), jnp.argsort(x)), 0.0).sum()

    active = traced(function, X)
    program = guarded(active.program, active, "jacrev")
    assert program is not None
    nodes = evaluate_nodes(program, [X]).nodes
    (output,) = program.outputs
    assert isinstance(output, int)
    found = jax.grad(lambda x: evaluate_nodes(program, [x]).nodes[output])(X)
    assert jnp.isfinite(nodes[output])
    np.testing.assert_allclose(found, jax.grad(function)(X), rtol=1e-6)


def test_a_masked_chain_is_one_guarded_equation():
    """And its program has the values of the function."""

    def function(x):
        return jnp.where(x > 1, jnp.exp(1 / (x - 1)) * jnp.sqrt(x), 0.0).sum()

    active = traced(function, X)
    program = guarded(active.program, active, "jacrev")
    assert program is not None
    (joined,) = (eqn for eqn in program.equations if isinstance(eqn, GuardedEquation))
    assert joined.name == "mul" and joined.operands == (0,)
    nodes = evaluate_nodes(program, [X]).nodes
    (output,) = program.outputs
    assert isinstance(output, int)
    np.testing.assert_allclose(nodes[output], function(X), rtol=1e-6)
    assert len(nodes) < len(evaluate_nodes(active.program, [X]).nodes)
