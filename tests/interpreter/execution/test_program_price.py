"""Prices of traced programs: what is counted, how often, and what is left out."""

import jax
import jax.numpy as jnp
import numpy as np

import elimax.interpreter.execution.program_price as prices
from elimax.interpreter.execution.program_price import (
    INSIDE,
    OUTSIDE,
    ProgramPrice,
    program_price,
)

X, W = jnp.ones(5), jnp.ones((3, 5))


def price(function, *inputs, wanted=None):
    """The price of a function's program, whose constants are the same for all points."""
    jaxpr = jax.make_jaxpr(function)(*inputs).jaxpr
    return program_price(jaxpr, wanted or [True] * len(jaxpr.outvars), shared=jaxpr.constvars)


def test_equations_kernels_and_contractions():
    """sin and a product of entries, a sum, a product of matrices, and a reshape for nothing."""
    matrix = jnp.ones((5, 3))
    found = price(lambda x: (jnp.sin(x) * x).reshape(5) @ matrix + jnp.sum(x), X)
    of_entries = OUTSIDE.entry * 13 + OUTSIDE.moved * 5 + OUTSIDE.multiplication * 15
    calls = 3 * OUTSIDE.equation + OUTSIDE.kernel + OUTSIDE.contraction
    np.testing.assert_allclose(found, (calls + of_entries, of_entries))


def test_what_is_not_wanted_is_left_out():
    """Of two results one."""
    function = lambda x: (jnp.sin(x), jnp.cos(jnp.cos(x)))  # noqa: E731
    one = price(jnp.sin, X)
    assert price(function, X, wanted=[True, False]) == one
    assert price(function, X, wanted=[False, True]) == one.plus(one)
    assert price(jax.jit(function), X, wanted=[True, False]) == one


def test_rounds_of_a_loop():
    """A scan costs as much as its rounds, one inside of another as much as both."""

    def inner(c):
        return jax.lax.scan(lambda c, _: (jnp.sin(c), None), c, length=4)[0]

    of_body = INSIDE.equation + 5 * INSIDE.entry
    of_round = prices.OF_ROUND + prices.OF_CARRIED
    once = prices.OF_LOOP + 4 * (of_round + of_body)
    np.testing.assert_allclose(price(inner, X).once, once)
    twice = price(lambda c: jax.lax.scan(lambda c, _: (inner(c), None), c, length=3)[0], X)
    np.testing.assert_allclose(twice.once, prices.OF_LOOP + 3 * (of_round + once))


def test_what_a_loop_stacks_is_read_and_written_at_every_round():
    """One array read, one written, of five and of two entries."""
    xs = jnp.ones((4, 5))
    found = price(lambda xs: jax.lax.scan(lambda c, x: (jnp.sin(c), x[:2]), 0.0, xs), xs)
    of_entries = prices.OF_STACKED_ENTRY * 4 * (5 + 2) + 4 * INSIDE.entry
    np.testing.assert_allclose(found.each, of_entries)
    of_round = prices.OF_ROUND + prices.OF_CARRIED + 2 * prices.OF_STACKED + INSIDE.equation
    np.testing.assert_allclose(found.once, prices.OF_LOOP + 4 * of_round + of_entries)


def test_a_loop_of_unknown_length():
    """It counts as some rounds of condition and body."""
    found = price(lambda x: jax.lax.while_loop(lambda c: c[0] < 3, jnp.sin, x), X)
    assert found.once > prices.OF_LOOP + prices.UNKNOWN_ROUNDS * INSIDE.equation


def test_longest_branch():
    """Of a cond the branch with more in it."""
    function = lambda x: jax.lax.cond(  # noqa: E731
        x[0] > 0, lambda x: x, lambda x: jnp.sin(jnp.cos(x)), x
    )
    assert price(function, X).once >= price(lambda x: jnp.sin(jnp.cos(x)), X).once


def test_longer_costs_more():
    """One more equation, for one point and for each of many."""
    short, long = price(jnp.sin, X), price(lambda x: jnp.sin(jnp.sin(x)), X)
    assert short.once < long.once
    assert short.each < long.each


def test_below():
    """Cheaper for one point and not far costlier in a batch, or cheaper for so many points."""
    once = ProgramPrice(1.0, 1.0)
    assert once.is_below(ProgramPrice(2.0, 1.0), 1)
    assert not ProgramPrice(1.0, 2.0).is_below(ProgramPrice(2.0, 1.0), 1)
    assert not ProgramPrice(2.0, 1.0).is_below(ProgramPrice(2.0, 1.0), 1)
    assert ProgramPrice(9.0, 0.5).is_below(once, 100) and not ProgramPrice(9.0, 0.5).is_below(
        once, 2
    )


def test_what_is_the_same_for_all_points_is_computed_once():
    """A table, and what is computed of a constant that the points share."""
    table = jnp.ones(7)
    closed = jax.make_jaxpr(lambda x: (jnp.sin(table) * jnp.cos(jnp.arange(7.0)), jnp.sin(x)))(X)
    (variable,) = closed.jaxpr.constvars
    apart, shared = (program_price(closed.jaxpr, [True, True], shared=x) for x in ([], [variable]))
    assert shared.once == apart.once and shared.each == price(jnp.sin, X).each < apart.each


def test_layout_of_products_in_a_batch():
    """With the batch as more rows nothing is transposed; where both vary, products are small."""
    matrix = jnp.ones((5, 5))

    def surplus(function):
        """How much more each further point takes than a single one, whose call is left out."""
        found = price(function, matrix, matrix)
        return found.each - (found.once - OUTSIDE.contraction)

    np.testing.assert_allclose(surplus(lambda x, _: x @ matrix), 0.0, atol=1e-12)
    second = surplus(lambda x, _: matrix @ x)
    np.testing.assert_allclose(second, prices.TRANSPOSED * (25 + 25))
    np.testing.assert_allclose(surplus(lambda x, y: x @ y), prices.BOTH * 125)


def test_transposes():
    """They cost a kernel, and in a batch what a transposed product costs."""
    found = price(jnp.transpose, W)
    expected = (OUTSIDE.kernel + 15 * OUTSIDE.moved, 15 * prices.TRANSPOSED)
    np.testing.assert_allclose(found, expected)


def test_places_of_a_convolution():
    """Each takes its time, whatever the number of channels."""

    def convolved(images: int, channels: int) -> ProgramPrice:
        kernel = jnp.ones((channels, 2, 3, 3))
        image = jnp.ones((images, 2, 8, 8))
        return price(lambda x: jax.lax.conv(x, kernel, (1, 1), "VALID"), image)

    assert convolved(2, 4) == convolved(2, 8)
    np.testing.assert_allclose(convolved(2, 4).each, 72 * prices.OF_PLACE)
