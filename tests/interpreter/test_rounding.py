"""The guard against orders that amplify rounding errors."""

import functools
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from elimax.interpreter.checking import check_jacobian
from elimax.interpreter.errors import InvalidOrderError, RoundingWarning
from elimax.interpreter.rounding import check_rounding
from elimax.pipeline.tasks import load_task


def beat(x, a, b):
    """Two nearly equal multiples of one number: the slope is (a - b) cos(x)."""
    wave = jnp.sin(x)
    return a * wave - b * wave


NEAR = (0.7, 1000.1, 1000.0)


def test_cancellation_is_amplified_by_forward_elimination():
    """It computes a cos(x) - b cos(x) of two large products, reverse (a - b) cos(x)."""
    with pytest.warns(RoundingWarning, match=r"the order rounds the Jacobian much worse than jax"):
        check = check_rounding(beat, *NEAR, order="forward")
    assert check.amplified == ("",)
    assert check.error > 1e-5 > 100 * check.error_of_jax
    # The order is right: in float64 it agrees with JAX.
    assert check_jacobian(beat, *NEAR, order="forward").max_error < 1e-10


def test_a_flux_solver_loses_digits_by_markowitz():
    """Roe's flux: two entries of the greedy order are wrong in the fifth digit, none of reverse."""
    task = load_task("roe_flux_1d")
    use = functools.partial(
        check_rounding, task.function, *task.example_inputs(), argnums=task.argnums
    )
    with pytest.warns(RoundingWarning, match=r"block \[0\]\[3\] much worse than jax\.jacrev"):
        check = use(order="markowitz")
    assert "[0][3]" in check.amplified and len(check.amplified) < 5
    assert use(order="reverse").amplified == ()


@pytest.mark.parametrize("order", ["auto", "reverse", "markowitz"])
def test_orders_that_round_well_pass(order):
    """No warning, and an error of the size of JAX's own."""
    check = check_rounding(beat, *NEAR, order=order)
    assert check.amplified == ()
    assert check.error < 1e-6


def test_the_message_says_what_to_do():
    """Both errors, the block, and two ways out."""
    f = lambda x, a, b: {"y": beat(x, a, b), "x": x}  # noqa: E731
    with pytest.warns(RoundingWarning) as caught:
        check = check_rounding(f, *NEAR, order="forward", argnums=(0,))
    message = str(caught[0].message)
    assert "rounds block ['y'][0] much worse" in message
    assert f"wrong by {check.error:.1e} of its largest entry, with jax.jacrev by" in message
    assert message.endswith("for example order='reverse', or compute in float64")
    assert caught[0].filename == __file__


@pytest.mark.parametrize("limits", [{"factor": 1e9}, {"rtol": 1.0}])
def test_limits_can_be_moved(limits):
    """How much worse, and how bad at all."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert check_rounding(beat, *NEAR, order="forward", **limits).amplified == ()


def test_rounding_the_arguments_is_no_fault():
    """Arguments of any precision are rounded first; text and integers stay as they are."""

    def f(x, n, mode, *, scale):
        return x[:n] * scale if mode == "scale" else x

    x = np.array([1 / 3, 2 / 3], np.float64)
    assert check_rounding(f, x, 1, "scale", kwargs={"scale": 1 / 3}).error == 0.0
    z = np.array([1 / 3 + 1j / 7], np.complex128)
    assert check_rounding(lambda z, w: z * w, z, 1j / 3, holomorphic=True).error == 0.0


def test_blocks_that_are_zero_are_measured_by_the_others():
    """What cancels exactly in float64 but not in float32 is small beside the other block."""
    f = lambda x, a, b: (a * jnp.sin(x) - b * jnp.sin(x), 1e3 * x)  # noqa: E731
    check = check_rounding(f, 0.7, 1000.0, 1000.0, order="forward")
    assert check.amplified == () and check.error < 1e-6


def test_entries_that_are_not_finite_are_left_out():
    """Where JAX in float64 has no number there is nothing to compare."""
    check = check_rounding(lambda x: jnp.sqrt(x) * jnp.sin(x), jnp.array([0.0, 1.0]))
    assert check.error < 1e-6


def test_overflow_in_one_order_is_found():
    """c b a with b a too large for float32: reverse elimination starts with c b = 1."""
    f = lambda x, a, b, c: c * (b * (a * x))  # noqa: E731
    args = [jnp.float32(x) for x in (1e-30, 1e30, 1e30, 1e-30)]
    assert check_rounding(f, *args, order="reverse").amplified == ()
    with pytest.warns(RoundingWarning, match="wrong by inf of its largest entry"):
        check_rounding(f, *args, order="forward")


def test_loops_are_compared_with_forward_mode():
    """Where jacrev fails."""
    loop = lambda x: jax.lax.while_loop(lambda c: c < 5.0, lambda c: c * 2.0, jnp.sin(x) + 1.0)  # noqa: E731
    assert check_rounding(loop, 1.0).error < 1e-6


def test_faulty_orders_are_refused():
    """Errors of jacve come through."""
    with pytest.raises(InvalidOrderError, match="it misses"):
        check_rounding(beat, *NEAR, order=[])
