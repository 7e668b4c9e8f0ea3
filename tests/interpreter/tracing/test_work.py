"""What one application of a linearised program is estimated to cost."""

import jax
import jax.numpy as jnp
import pytest
from jax import lax

from elimax.interpreter.tracing.work import UNKNOWN_ROUNDS, work_of


def work(linear, *moving, still=()):
    """The estimate for a function of what stands still and what moves."""
    return work_of(jax.make_jaxpr(linear)(*still, *moving), len(still)).multiplications


A, B = jnp.ones((2, 3)), jnp.ones((3, 4))


@pytest.mark.parametrize(
    ("linear", "expected"),
    [
        (lambda x: x * 2.0, 6),
        (lambda x: x.T.reshape(6)[::-1] + 1.0, 0),
        (lambda x: jnp.cumsum(x, 1).sum(), 0),
        (lambda x: jax.jit(lambda y: y * 2.0 * 3.0)(x), 12),
        (lambda x: x @ B, 2 * 3 * 4),
        (lambda x: jnp.fft.fft(x), 2 * 6 * 2),
    ],
)
def test_equations(linear, expected):
    """Products entry by entry, contractions; what moves and adds entries is free."""
    assert work(linear, A) == expected


def test_what_stands_still_is_free():
    """Only equations that what moves reaches are executed at every application."""
    assert work(lambda w, x: jnp.sin(w) * x, A, still=[A]) == 6
    assert work(lambda w, x: (jnp.sin(w), x), A, still=[A]) == 0


def test_loops():
    """A scan costs its body as often as it runs it, a loop of unknown length a fixed number."""
    assert work(lambda x: lax.scan(lambda c, y: (c * 2.0, None), x, None, length=5)[0], A) == 30

    def loop(x):
        return lax.while_loop(lambda c: c[0] < 3, lambda c: (c[0] + 1, c[1] * 2.0), (0, x))[1]

    assert work(loop, A) == UNKNOWN_ROUNDS * 6


def test_what_a_loop_carries_moves_from_the_second_round_on():
    """It starts as zeros, which do not move: a product per round, as for one that moves at once."""

    def scanned(w, start, xs):
        return lax.scan(lambda c, x: (w * c + x, None), start, xs)[0]

    def looped(w, start, x):
        return lax.while_loop(lambda c: c[0] < 5, lambda c: (c[0] + 1, w * c[1] + x), (0, start))[1]

    w, xs = jnp.ones(3), jnp.ones((5, 3))
    assert work(lambda w, xs: scanned(w, jnp.zeros(3), xs), xs, still=[w]) == 5 * 3
    assert work(scanned, jnp.zeros(3), xs, still=[w]) == 5 * 3
    assert work(lambda w, x: looped(w, jnp.zeros(3), x), w, still=[w]) == UNKNOWN_ROUNDS * 3


def test_rounds():
    """Those of loops inside of loops are multiplied; a body without a loop has one."""

    def inner(c, _):
        return lax.scan(lambda c, _: (c * 2.0, None), c, None, length=3)[0], None

    closed = jax.make_jaxpr(lambda x: lax.scan(inner, x * 2.0, None, length=5)[0])(A)
    assert work_of(closed, 0).rounds == 5 * (1 + 3)
    assert work_of(jax.make_jaxpr(lambda x: x * 2.0)(A), 0).rounds == 0


def test_branches():
    """The costliest one."""

    def branch(x):
        return lax.cond(True, lambda y: y * 2.0, lambda y: y * 2.0 * 3.0, x)

    assert work(branch, A) == 12


def test_triangular_systems():
    """n (n + 1) / 2 for each right-hand side."""

    def solve(a, b):
        return lax.linalg.triangular_solve(a, b, left_side=True)

    assert work(solve, B, still=[jnp.eye(3)]) == 4 * 3 * 4 // 2


def test_convolutions():
    """Entries of the result times taps of a filter."""
    image, filters = jnp.ones((1, 2, 5, 5)), jnp.ones((3, 2, 2, 2))

    def convolve(w, x):
        return lax.conv(x, w, (1, 1), "VALID")

    assert work(convolve, image, still=[filters]) == 3 * 4 * 4 * 2 * 2 * 2
