"""Scans whose body is eliminated at every step have the derivatives that JAX finds."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from elimax.interpreter.execution import scan_choice, scan_steps
from elimax.interpreter.execution.program_price import ProgramPrice
from elimax.interpreter.jacobian import jacve
from support.compare import assert_same_blocks
from support.gated_scans import XS, C, gated, scans


def cart(y, u):
    """The slope of a cart with a pole, driven by a force."""
    _, angle, v, w = y
    s, c = jnp.sin(angle), jnp.cos(angle)
    mass = 1 + 0.1 * s * s
    return jnp.stack(
        [
            v,
            w,
            (u + 0.1 * s * (0.5 * w * w + 9.8 * c)) / mass,
            (-u * c - 0.05 * w * w * c * s - 10.8 * s) / (0.5 * mass),
        ]
    )


def stages(y, u, h=0.05):
    """One step of the classical method of fourth order."""
    k1 = cart(y, u)
    k2 = cart(y + h / 2 * k1, u)
    k3 = cart(y + h / 2 * k2, u)
    return y + h / 6 * (k1 + 2 * k2 + 2 * k3 + cart(y + h * k3, u))


def final_state(us):
    """Where a sequence of forces leads."""
    return lax.scan(lambda y, u: (stages(y, u), None), jnp.ones(4), us)[0]


def trajectory(us):
    """All states on the way."""
    return lax.scan(lambda y, u: (stages(y, u),) * 2, jnp.ones(4), us)[1]


def rich(c, k, xs):
    """Two carried arrays, a counter, one that is only read, and results of all sorts."""

    def step(state, x):
        a, b, n, still = state
        after = jnp.sin(a * k[0]) + b[:, 0] * x[0], b * x[:, None] + k[1], n + 1, still
        return after, {"copy": a, "sum": (b * still).sum(), "count": n, "constant": jnp.ones(2)}

    state = c, jnp.outer(c, c), 0, jnp.arange(3.0)
    (a, b, _, _), ys = lax.scan(step, state, xs, reverse=True)
    return a, b[0], ys["copy"], ys["sum"], ys["constant"]


def in_batches(c, xs):
    """A body in batches: its axis is shared by everything."""
    return jax.vmap(lambda c, x: lax.scan(lambda h, v: (gated(h, v), h[:2]), c, x))(c, xs)


def nested(c, xs):
    """A loop in a loop."""

    def step(h, x):
        return lax.fori_loop(0, 3, lambda _, v: gated(v, x), h), h.sum()

    return lax.scan(step, c, xs)


def masked(c, xs):
    """Roots that a mask excludes where they have no slope."""

    def step(h, x):
        return jnp.where(x > 0, jnp.sqrt(jnp.maximum(h, 0.0) + x), h * x), None

    return lax.scan(step, c, xs)[0]


FUNCTIONS = {
    "gates": (lambda c, xs: lax.scan(lambda h, x: (gated(h, x), h[0]), c, xs), (C, XS)),
    "start": (lambda c: lax.scan(lambda h, x: (gated(h, x), None), c, XS)[0], (C,)),
    "final state": (final_state, (XS[:, 0],)),
    "trajectory": (trajectory, (XS[:, 0],)),
    "rich": (rich, (C, np.asarray([1.3, 0.2]), XS)),
    "batches": (in_batches, (np.stack([C, -C]), np.stack([XS, XS[::-1]]))),
    "nested": (nested, (C, XS)),
    "masked": (masked, (C, XS)),
}


@pytest.fixture
def entering(monkeypatch):
    """Makes it worth while to enter every scan, and no mode of JAX."""
    monkeypatch.setattr(scan_choice, "AT_ONCE", -100.0)
    monkeypatch.setattr(ProgramPrice, "is_below", lambda mine, other, points: False)


@pytest.mark.usefixtures("entering")
@pytest.mark.parametrize("name", FUNCTIONS)
def test_entered_scans_are_right(name):
    """Under jit, and with the derivative of the derivative."""
    function, inputs = FUNCTIONS[name]
    argnums = tuple(range(len(inputs)))
    with jax.enable_x64(True):
        inputs = [jnp.asarray(x) for x in inputs]
        assert any(x.body for x in scans(function, inputs))
        expected = jax.jit(jax.jacfwd(function, argnums))(*inputs)
        found = jax.jit(jacve(function, argnums))(*inputs)
        assert_same_blocks(found, expected, 1e-10)


@pytest.mark.slow
@pytest.mark.usefixtures("entering")
def test_entered_scans_compose():
    """Eagerly, in a batch, and differentiated again."""
    with jax.enable_x64(True):
        c, xs = jnp.asarray(C), jnp.asarray(XS)
        function = lambda c: FUNCTIONS["gates"][0](c, xs)  # noqa: E731
        assert_same_blocks(jacve(function)(c), jax.jacfwd(function)(c), 1e-10)
        batch = jnp.stack([c, -c])
        expected = jax.vmap(jax.jacfwd(function))(batch)
        assert_same_blocks(jax.jit(jax.vmap(jacve(function)))(batch), expected, 1e-10)
        loss = lambda by: lambda c: jnp.sum(by(function)(c)[0] ** 2)  # noqa: E731
        expected = jax.jit(jax.grad(loss(jax.jacfwd)))(c)
        np.testing.assert_allclose(jax.jit(jax.grad(loss(jacve)))(c), expected, rtol=1e-9)


def test_explicit_orders_do_not_enter(monkeypatch):
    """What a count says of an explicit order is what is executed."""
    monkeypatch.setattr(scan_steps.ScanSteps, "linearise", lambda *args: 1 / 0)
    jacve(final_state, order="reverse")(jnp.asarray(XS[:, 0]))
    with pytest.raises(ZeroDivisionError):
        jacve(final_state)(jnp.asarray(XS[:, 0]))
