"""Prices of traced programs: what is counted, how often, and what is left out."""

import jax
import jax.numpy as jnp

from interpreter.program_price import Contents, ProgramPrice, contents_of, program_price

X, W = jnp.ones(5), jnp.ones((3, 5))


def contents(function, *inputs, wanted=None):
    """The contents of a function's program."""
    jaxpr = jax.make_jaxpr(function)(*inputs).jaxpr
    return contents_of(jaxpr, wanted or [True] * len(jaxpr.outvars))


def test_equations_kernels_and_contractions():
    """sin and a product of entries, a sum, a product of matrices, and a reshape for nothing."""
    function = lambda x: W @ (jnp.sin(x) * x).reshape(5) + jnp.sum(x)  # noqa: E731
    expected = Contents(
        equations=3, entries=13, kernels=1, moved=5, contractions=1, multiplications=15
    )
    assert contents(function, X) == expected


def test_what_is_not_wanted_is_left_out():
    """Of two results one."""
    function = lambda x: (jnp.sin(x), jnp.cos(jnp.cos(x)))  # noqa: E731
    assert contents(function, X, wanted=[True, False]).equations == 1
    assert contents(function, X, wanted=[False, True]).equations == 2
    assert contents(jax.jit(function), X, wanted=[True, False]).equations == 1


def test_rounds_of_a_loop():
    """A scan counts as often as it runs, one inside of another as often as both."""

    def inner(c):
        return jax.lax.scan(lambda c, _: (jnp.sin(c), None), c, length=4)[0]

    once = contents(inner, X)
    assert (once.loops, once.rounds, once.equations) == (1, 4, 4)
    twice = contents(lambda c: jax.lax.scan(lambda c, _: (inner(c), None), c, length=3)[0], X)
    assert (twice.loops, twice.rounds, twice.equations) == (4, 15, 12)


def test_longest_branch():
    """Of a cond the branch with more in it."""
    function = lambda x: jax.lax.cond(  # noqa: E731
        x[0] > 0, lambda x: x, lambda x: jnp.sin(jnp.cos(x)), x
    )
    assert contents(function, X).equations >= 2


def test_longer_costs_more():
    """One more equation, for one point and for each of many."""
    price = lambda f: program_price(jax.make_jaxpr(f)(X).jaxpr, [True])  # noqa: E731
    short, long = price(jnp.sin), price(lambda x: jnp.sin(jnp.sin(x)))
    assert short.once < long.once
    assert short.each < long.each


def test_below():
    """Cheaper for one point, unless it does far more with entries."""
    assert ProgramPrice(1.0, 1.0).is_below(ProgramPrice(2.0, 1.0))
    assert not ProgramPrice(1.0, 2.0).is_below(ProgramPrice(2.0, 1.0))
    assert not ProgramPrice(2.0, 1.0).is_below(ProgramPrice(2.0, 1.0))
