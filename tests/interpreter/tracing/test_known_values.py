"""Values of tracers of constants."""

import gc

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from elimax import jacve
from elimax.interpreter.algebra.linear_map import LinearMap
from elimax.interpreter.tracing import known_values
from elimax.interpreter.tracing.known_values import known_value
from elimax.interpreter.tracing.partial_trace import partial_jaxpr
from elimax.interpreter.tracing.program import program_of
from elimax.interpreter.tracing.rules import local_jacobian
from elimax.interpreter.tracing.rules.use import Use

X = jnp.arange(1.0, 5.0)


def seen_under_jit(function, *args):
    """What `known_value` tells of a value inside of a jitted function that is traced partially."""
    seen = []

    @jax.jit
    def run(*args):
        partial_jaxpr(lambda x: [seen.append(known_value(function(*args))) or x], [1.0])
        return 0

    run(*args)
    return seen[0]


@pytest.mark.parametrize(
    "make",
    [
        lambda: jnp.arange(4) + 1,
        lambda: jnp.argsort(jnp.cos(jnp.arange(5.0))),
        lambda: jnp.where(jnp.arange(4) < 2, 3, jnp.arange(4)),
        lambda: jnp.stack(jnp.divmod(jnp.arange(6), 4)),
        lambda: jax.random.permutation(jax.random.key(0), 5),
        lambda: jax.lax.fori_loop(0, 3, lambda i, c: c + i, jnp.zeros(2, jnp.int32)),
    ],
)
def test_constants_are_known_under_jit(make):
    """However they were computed."""
    np.testing.assert_array_equal(seen_under_jit(make), make())


def test_what_depends_on_an_argument_is_not_known():
    """Also where a constant is added to it."""
    assert seen_under_jit(lambda i: i, 3) is None
    assert seen_under_jit(lambda i: i + jnp.arange(3), 3) is None


def test_large_arrays_are_not_computed():
    """Nor is anything that is computed from them."""
    assert seen_under_jit(lambda: jnp.sum(jnp.arange(known_values.MAX_ENTRIES + 1))) is None


def test_arrays_are_known():
    """numpy's and JAX's; keys are no numbers."""
    assert known_value(np.arange(2)).tolist() == [0, 1]
    assert known_value(jnp.arange(2)).tolist() == [0, 1]
    assert known_value(jax.random.key(0)) is None


def test_places_are_not_known():
    """An index along a mapped axis depends on the trace around."""

    @jax.jit
    def run(x):
        def place(_):
            seen.append(
                known_value(partial_jaxpr(lambda y: [jax.lax.axis_index("i")], [1.0])[1][0])
            )
            return 0

        return jax.vmap(place, axis_name="i")(x)

    seen = []
    run(X)
    assert seen == [None]


def test_long_chains():
    """Deeper than Python's stack."""

    def function():
        value = jnp.arange(2)
        for _ in range(2000):
            value = jax.lax.add(value, value * 0)
        return value

    assert seen_under_jit(function).tolist() == [0, 1]


def test_nothing_is_kept():
    """What is remembered is forgotten with the tracers."""
    gc.collect()
    before = len(known_values._ORIGINS)
    seen_under_jit(lambda: jnp.arange(4) + 1)
    gc.collect()
    assert len(known_values._ORIGINS) <= before


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x[jnp.arange(2) + 1],
        lambda x: x.at[jnp.array([0, 2])].set(0.0),
        lambda x: jax.lax.dynamic_slice(x, (jnp.arange(3)[1],), (2,)),
        lambda x: x[jnp.argsort(jnp.cos(jnp.arange(4.0)))],
    ],
)
def test_rules_know_indices_under_jit(function):
    """A read or write at constant indices is a pattern, not a function that is applied later."""
    values = []

    @jax.jit
    def run(x):
        partial = partial_jaxpr(lambda y: [function(y)], [x])
        (*_, equation) = program_of(partial.closed).equations
        inputs = [x if isinstance(k, int) else k.value for k in equation.operands]
        values.append(local_jacobian(Use(equation, 0, 0)).value(inputs, []))
        return 0

    run(X)
    assert not isinstance(values[0], LinearMap)
    assert not any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(values[0]))
    np.testing.assert_allclose(jax.jit(jacve(function))(X), jax.jacrev(function)(X))
