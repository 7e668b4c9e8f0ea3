"""What `order="auto"` leaves to a native kernel."""

import types
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from elimax.interpreter.native import kernel_choice
from elimax.interpreter.native.kernel_choice import LEAST_POINTS, suits_kernel
from elimax.interpreter.tracing.call import trace_call
from elimax.interpreter.tracing.flat_call import CallArguments

X = jnp.array([0.3, 0.7, 0.2])
MATRIX = np.eye(3, dtype=np.float32)


def numbers(x: Any) -> Any:
    """Single numbers, and a small product of a matrix."""
    return jnp.stack([jnp.sin(x[0]) * x[1], jnp.max(x)]), MATRIX @ x


def suits(function: Any, x: Any = X, points: int = LEAST_POINTS) -> bool:
    """Whether a function's Jacobian is left to a kernel."""
    traced = trace_call(function, CallArguments.of((x,), {}, 0))
    return suits_kernel(traced.program, traced.active, points)


def test_batches_of_small_functions():
    """From some points on."""
    assert suits(numbers)
    assert not suits(numbers, points=LEAST_POINTS - 1)


@pytest.mark.parametrize(
    "function",
    [
        jnp.sort,
        lambda x: jax.lax.fori_loop(0, 3, lambda _, c: jnp.sin(c), x),
        lambda x: jax.lax.cond(x[0] > 0, jnp.sin, jnp.cos, x),
        lambda x: jnp.linalg.cholesky(jnp.outer(x, x) + jnp.eye(3)),
    ],
)
def test_what_has_no_counterpart(function):
    """Loops, branches, sorting and factorisations are XLA's."""
    assert not suits(function)


def test_constants_may_be_computed_by_anything():
    """They are known before."""
    assert suits(lambda x: jnp.sort(MATRIX[0]) * x)


@pytest.mark.parametrize("function", [jnp.sin, lambda x: jnp.sum(jnp.outer(x, x))])
def test_what_is_large(function):
    """In results, or in what lies between."""
    assert not suits(function, jnp.ones(60))


def test_other_devices(monkeypatch):
    """A kernel runs on CPUs."""
    devices = [*jax.devices(), types.SimpleNamespace(platform="gpu")]
    monkeypatch.setattr(kernel_choice.jax, "devices", lambda: devices)
    assert not suits(numbers)


def test_under_a_mesh():
    """XLA divides the program among devices."""
    with jax.set_mesh(jax.make_mesh((1,), ("d",))):
        assert not suits(numbers)
