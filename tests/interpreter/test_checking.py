"""The self-check against `jax.jacrev`."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from elimax.interpreter import checking
from elimax.interpreter.checking import check_jacobian, reference_jacobian
from elimax.interpreter.errors import InvalidOrderError, JacobianMismatchError
from elimax.interpreter.tracing.rules import LocalJacobian, registry


def function(x, y):
    """Two outputs of two inputs: four blocks."""
    return {"a": jnp.sin(x) * y, "b": jnp.exp(x).sum()}


def test_passes_and_tells_how_well():
    """Float32 arguments are compared in float64; every block is counted."""
    check = check_jacobian(function, jnp.ones(3), jnp.ones(3), argnums=(0, 1))
    assert check.blocks == 4
    assert check.max_error < 1e-14


@pytest.mark.parametrize("order", ["forward", [1, 2], (2, 1)])
def test_orders_can_be_checked(order):
    """Whatever jacve takes as an order."""
    assert check_jacobian(lambda x: jnp.sin(jnp.cos(x) * x), 1.0, order=order).blocks == 1


def test_other_leaves_keep_their_dtype():
    """Integers and complex numbers may stand beside."""

    def scale(x, n):
        return x * n.astype(x.dtype)

    assert check_jacobian(scale, jnp.ones(3), jnp.arange(3)).blocks == 1


def test_double_precision_is_not_left_on():
    """The check switches 64-bit numbers on for itself only."""
    check_jacobian(jnp.sin, 1.0)
    assert jnp.ones(1).dtype == jnp.float32


def wrong_sine(factor: float):
    """A rule for sin that is wrong by a factor."""
    right = registry._RULES["sin"]

    def rule(use):
        local = right(use)
        return LocalJacobian(local.structure, lambda *a: factor * local.value(*a))

    return rule


def test_mismatch_is_told_in_detail(monkeypatch):
    """The message names the block, the error, the entry and both values."""
    monkeypatch.setitem(registry._RULES, "sin", wrong_sine(1.5))
    with pytest.raises(JacobianMismatchError) as caught:
        check_jacobian(function, jnp.arange(3.0), jnp.ones(3), argnums=(0, 1))
    message = str(caught.value)
    assert "block ['a'][0] differs from jax.jacrev by 5.0e-01" in message
    assert message.endswith("please report it (1 of 4 blocks differ)")
    assert "more than 1.0e-10; worst at [0, 0]: np.float64(1.5) by elimination" in message
    assert "np.float64(1.0) by jax.jacrev" in message


def test_tolerance_is_respected(monkeypatch):
    """A small deviation passes or not as rtol says."""
    monkeypatch.setitem(registry._RULES, "sin", wrong_sine(1 + 1e-6))
    assert check_jacobian(jnp.sin, 1.0, rtol=1e-5).max_error == pytest.approx(1e-6, rel=1e-3)
    with pytest.raises(
        JacobianMismatchError, match=r"the Jacobian differs from jax\.jacrev by 1\.0e-06"
    ):
        check_jacobian(jnp.sin, 1.0, rtol=1e-7)


def test_wrong_nan_is_a_mismatch(monkeypatch):
    """NaN where JAX has a number is never within the tolerance."""
    monkeypatch.setitem(registry._RULES, "sin", wrong_sine(np.nan))
    with pytest.raises(JacobianMismatchError, match="nan"):
        check_jacobian(jnp.sin, 1.0, rtol=1e3)


def test_nan_on_both_sides_is_equal():
    """Where JAX's derivative is NaN, so is ours."""
    assert check_jacobian(jnp.sqrt, -1.0).max_error == 0.0


def test_zero_blocks_are_equal():
    """A block that is zero on both sides has no error, one that should be zero an infinite one."""
    assert check_jacobian(lambda x, y: y, 1.0, 2.0).max_error == 0.0


def test_custom_rules_are_followed_on_both_sides():
    """A function with a derivative of its own, however odd, is what JAX says it is."""

    @jax.custom_jvp
    def odd(x):
        return x * x

    odd.defjvp(lambda primals, tangents: (odd(*primals), 7.0 * tangents[0]))
    assert check_jacobian(lambda x: odd(jnp.sin(x)), jnp.ones(2)).max_error < 1e-14


def test_a_backward_pass_that_is_not_linear_is_named():
    """Clipped gradients have no Jacobian; the message names the function, in a loop as well."""

    @jax.custom_vjp
    def clipped(x):
        return x

    clipped.defvjp(lambda x: (x, None), lambda _, g: (jnp.clip(g, -1.0, 1.0),))
    for function in (clipped, lambda x: jax.lax.map(clipped, x)):
        with pytest.raises(
            JacobianMismatchError, match=r"report it\. It calls a custom_vjp .clipped"
        ):
            check_jacobian(lambda x, f=function: 5 * f(x) ** 3, jnp.arange(1.0, 3.0))


def test_a_function_that_cannot_be_looked_into_is_not_suspected(monkeypatch):
    """A branch on values ends the search for suspects, not the check."""
    monkeypatch.setitem(registry._RULES, "sin", wrong_sine(2.0))

    def function(x, y):
        return jnp.sin(x) if y > 0 else x

    assert checking._suspects(function, (jnp.ones(()), jnp.ones(())), {}) == ""


def test_faulty_order_is_refused():
    """Errors of jacve come through."""
    with pytest.raises(InvalidOrderError, match="misses 1"):
        check_jacobian(lambda x: jnp.sin(jnp.sin(x)), 1.0, order=[])


def test_loops_are_compared_with_forward_mode():
    """Where jacrev fails, jacfwd is the judge, and the message names it."""

    def loop(x):
        return jax.lax.while_loop(lambda c: c[0] < 5.0, lambda c: c * 2.0, jnp.sin(x) + 1.0)

    assert check_jacobian(loop, jnp.ones(2)).max_error < 1e-14
    assert reference_jacobian(loop, jnp.ones(2)).source == "jax.jacfwd"
    assert reference_jacobian(jnp.sin, 1.0).source == "jax.jacrev"


def test_mismatch_names_the_judge(monkeypatch):
    """A loop is judged by jacfwd."""
    monkeypatch.setitem(registry._RULES, "sin", wrong_sine(2.0))
    loop = lambda x: jax.lax.while_loop(lambda c: c < 5.0, lambda c: c * 2.0, jnp.sin(x) + 1.0)  # noqa: E731
    with pytest.raises(JacobianMismatchError, match=r"differs from jax\.jacfwd by 1\.0e\+00"):
        check_jacobian(loop, 1.0)


def test_errors_of_the_function_come_through():
    """A function that no mode can differentiate raises the error of jacrev."""
    with pytest.raises(ValueError, match="at least one array"):
        check_jacobian(lambda x: None, 1.0)
    with pytest.raises(TypeError, match="jacrev requires real-valued outputs"):
        check_jacobian(jnp.argmax, jnp.ones(3))


def test_not_a_function():
    """The message is that of jacve."""
    with pytest.raises(TypeError, match=r"must be a function, but is 1\.0 of type float: pass"):
        check_jacobian(1.0, 1.0)


def test_options_of_jacve():
    """Auxiliary data, keywords that are static or arrays, and complex numbers."""

    def f(x, n, scale, mode="cos"):
        for _ in range(n):
            x = getattr(jnp, mode)(x) * scale
        return x, mode

    kwargs = {"scale": np.float32(2.0), "mode": "sin"}
    assert check_jacobian(f, jnp.ones(2), 3, has_aux=True, kwargs=kwargs).max_error < 1e-14
    z = np.ones(2) * (1 + 2j)
    assert check_jacobian(lambda z: jnp.sin(z) * z, z, holomorphic=True).max_error < 1e-14


def test_worst_block_is_told(monkeypatch):
    """Of several wrong blocks the one that is wrong most."""
    monkeypatch.setitem(registry._RULES, "sin", wrong_sine(1.5))
    f = lambda x, y: {"a": jnp.sin(x), "b": jnp.sin(jnp.sin(y)), "c": x}  # noqa: E731
    with pytest.raises(JacobianMismatchError, match=r"\['b'\]\[1\] .*\(2 of 6 blocks differ\)"):
        check_jacobian(f, 1.0, 1.0, argnums=(0, 1))
