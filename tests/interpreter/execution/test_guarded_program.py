"""JAX's modes on masked functions: what an elimination excludes never makes nan in them either."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from elimax.interpreter.execution import emission
from elimax.interpreter.execution.guarded_program import guarded
from elimax.interpreter.execution.guards import GuardedEquation
from elimax.interpreter.execution.jax_modes import in_mode
from elimax.interpreter.execution.program_price import ProgramPrice
from elimax.interpreter.jacobian import jacve
from elimax.interpreter.tracing.call import trace_call
from elimax.interpreter.tracing.flat_call import CallArguments
from support.compare import QUICK
from support.masked_functions import CASES, MATRIX, WITH_NAN

X = jnp.asarray([0.3, -0.8, 1.1])

SINGLE = {
    "root of max": (lambda x: jnp.sqrt(jnp.maximum(x, 0)), [-1.0, -2.0, 4.0]),
    "max of root": (lambda x: jnp.maximum(jnp.sqrt(x), 1.0), [0.0, 0.0, 4.0]),
    "log of clip": (lambda x: jnp.log(jnp.clip(x, 0.0, 2.0)), [-1.0, 1.0, 4.0]),
    "root of select": (lambda x: jnp.sqrt(jnp.where(x > 0, x, 0)), [-1.0, 0.0, 4.0]),
    "reciprocal of min": (lambda x: 1 / jnp.minimum(x, 0), [-1.0, 3.0, -2.0]),
    "maximum of roots": (lambda x: jnp.sqrt(x - 1).max(where=x > 1, initial=0), [1.0, 5.0, 2.0]),
    "rooted product": (lambda x: jnp.where(x > 0, x[0] * jnp.sqrt(x), 0), [1.0, 0.0, 4.0]),
    "rows of a product": (
        lambda x: jnp.where(x > 0, (jnp.sqrt(x)[:, None] * MATRIX[:3]) @ jnp.tanh(x), 0),
        [1.0, -1.0, 4.0],
    ),
    "batches of a product": (
        lambda x: jnp.where(
            x > 0,
            jnp.einsum(
                "bij,bk->bki", jnp.sqrt(x)[:, None, None] * MATRIX[:3, :2, None], (x * x)[:, None]
            ).sum((1, 2)),
            0,
        ),
        [1.0, 0.0, 4.0],
    ),
    "cumulative product of select": (
        lambda x: jnp.log(jnp.cumprod(jnp.where(x > 0, x, 1.0))),
        [-1.0, 2.0, 4.0],
    ),
    "factors, one of them masked": (
        lambda x: jnp.where(
            jnp.arange(3)[:, None, None] > 0,
            jnp.linalg.cholesky(x[:, None, None] * jnp.eye(2)),
            0,
        ).sum((1, 2)),
        [-1.0, 2.0, 4.0],
    ),
    "factors of masked matrices": (
        lambda x: jnp.linalg.cholesky(jnp.where(x > 0, x, 0.0)[:, None, None] * jnp.eye(2)).sum(
            (1, 2)
        )[1:],
        [0.0, 2.0, 4.0],
    ),
    "rectified by a rule": (lambda x: jax.nn.relu(jnp.sqrt(x) - 1), [0.0, 0.25, 4.0]),
}


@pytest.fixture(params=["jacfwd", "jacrev"])
def mode(request, monkeypatch):
    """Makes a mode of JAX cheaper than elimination wherever it is allowed."""
    failures = []

    def noted(*args):
        try:
            return in_mode(*args)
        except Exception as error:
            failures.append(error)
            raise

    monkeypatch.setattr(ProgramPrice, "is_below", lambda mine, other, points: True)
    monkeypatch.setattr(emission, "_likely_modes", lambda active: (request.param,))
    monkeypatch.setattr(emission, "in_mode", noted)
    yield request.param
    # Where a mode fails elimination steps in, and a guard that is wrong would not be seen.
    assert all(isinstance(x, NotImplementedError) for x in failures), failures


@pytest.mark.parametrize("name", [name for name in CASES if "morse" not in name])
@pytest.mark.usefixtures("mode")
def test_masked_functions_are_finite_where_jax_is(name):
    """Finite and equal wherever one of JAX's modes is finite."""
    function, x = CASES[name]
    with jax.enable_x64(True):
        x = jnp.asarray(x)
        both = [jacve(function), jax.jacrev(function), jax.jacfwd(function)]
        every = jax.jit(lambda x: [by(x) for by in both], compiler_options=QUICK)(x)
    found, *modes = map(np.asarray, every)
    expected = np.select([np.isfinite(one) for one in modes], modes, np.nan)
    known = np.isfinite(expected)
    assert known.any()
    np.testing.assert_allclose(found[known], expected[known], rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("name", SINGLE)
@pytest.mark.usefixtures("mode")
def test_guards_are_as_good_as_elimination(name):
    """Finite and equal wherever an elimination is finite, though JAX's mode may be nan."""
    function, x = SINGLE[name]
    with jax.enable_x64(True):
        x = jnp.asarray(x)
        both = [jacve(function), jacve(function, order="reverse")]
        every = jax.jit(lambda x: [by(x) for by in both], compiler_options=QUICK)(x)
    found, expected = map(np.asarray, every)
    known = np.isfinite(expected)
    assert known.any()
    np.testing.assert_allclose(found[known], expected[known], rtol=1e-12, atol=1e-12)


WEIGHTED = {
    "product": lambda x, w: jnp.maximum(jnp.sum(w * jnp.log(x)), -1.0) * jnp.ones(2),
    "matrix": lambda x, w: jnp.where(x < 5, (w * MATRIX[:3]) @ jnp.log(x), 0.0),
    "opaque": lambda x, w: jnp.where(x < 5, w * jnp.cumprod(jnp.sqrt(x)), 0.0),
}


@pytest.mark.parametrize("name", WEIGHTED)
@pytest.mark.usefixtures("mode")
def test_zeros_that_are_values_hide_no_derivative(name):
    """A weight of 0 makes cotangents of 0, whose derivative by the weight is not 0."""
    function, x, w = WEIGHTED[name], jnp.asarray([1.5, 2.0, 3.0]), jnp.zeros(3)
    found = jax.jacfwd(jax.jit(jacve(function)), 1)(x, w)
    expected = jax.jacfwd(jax.jacrev(function), 1)(x, w)
    assert jnp.any(expected != 0)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


UNLIKELY = {
    "nan in a loop": lambda x: jnp.where(
        jnp.isnan(WITH_NAN[:3]),
        0.0,
        jax.lax.scan(lambda c, _: (c * WITH_NAN[:3], None), x, None, length=2)[0],
    ),
    "nan in a maximum": lambda x: jnp.where(
        jnp.isnan(WITH_NAN[:3]),
        0.0,
        jnp.max(jnp.stack([x, 2 * x], 1) + WITH_NAN[:3, None], axis=1),
    ),
    "pole of a complex function": lambda x: jnp.where(
        x > 1, jnp.real(jnp.arcsinh(1j * x) * (1 + 2j)), 0.0
    ),
}


@pytest.mark.parametrize("name", UNLIKELY)
@pytest.mark.usefixtures("mode")
@jax.numpy_dtype_promotion("standard")
def test_what_is_tame_for_most_operands(name):
    """But not for nan, or for complex numbers."""
    x = jnp.asarray([1.0, 2.0, 3.0])
    found = jax.jit(jacve(UNLIKELY[name]))(x)
    expected = jax.jit(jacve(UNLIKELY[name], order="reverse"))(x)
    assert jnp.all(jnp.isfinite(expected))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def names_guarded(function, *args, mode):
    """Which equations get a guard, by the name of their primitive; None if one has none."""
    found = []

    def note(*args):
        active = trace_call(function, CallArguments.of(args, {}, 0)).active
        found.append(guarded(active.program, active, mode))

    jax.eval_shape(note, *args)  # of tracers nobody knows whether they are finite
    if found[0] is None:
        return None
    return [x.name for x in found[0].equations if isinstance(x, GuardedEquation)]


@pytest.mark.parametrize(
    ("function", "args", "forward", "reverse"),
    [
        (lambda x: jnp.log(x) @ MATRIX.T, (X,), [], []),
        (lambda x: jnp.where(x > 0, jnp.sin(x) ** 3 / 2, x), (X,), [], []),
        (lambda x: jnp.where(x > 0, jnp.sqrt(x), x), (X,), [], ["sqrt"]),
        (lambda x: jnp.sqrt(jnp.where(x > 0, x, 1.0)), (X,), ["sqrt"], []),
        (lambda x: jnp.maximum(jnp.sqrt(x), 1.0), (X,), ["max"], ["sqrt"]),
        (lambda x: jnp.where(x > 0, x * np.array([1.0, np.nan, 2.0]), x), (X,), [], ["mul"]),
        (lambda x: jnp.where(x > 0, x * np.array([1.0, 3.0, 2.0]), x), (X,), [], []),
        (lambda x, y: jnp.where(x > 0, x * y, x), (X, X), [], ["mul"]),
        (lambda x, y: jax.nn.relu(y @ x), (X, MATRIX), [], ["dot_general"]),
        (lambda x, y: jax.nn.relu((y * jnp.log(x)).prod(0)), (X, MATRIX), [], None),
        (lambda x: jax.nn.relu(MATRIX @ jax.nn.relu(x)), (X,), [], []),
        (lambda x: jnp.exp(jnp.where(x > 0, jnp.log(x), x)), (X,), ["exp"], ["log"]),
    ],
)
def test_only_what_zeros_or_infinities_meet_is_guarded(function, args, forward, reverse):
    """Forward after the mask, in reverse before it, and nothing where all slopes are finite."""
    assert names_guarded(function, *args, mode="jacfwd") == forward
    assert names_guarded(function, *args, mode="jacrev") == reverse
