"""jax.experimental.ode: adaptive integration whose adjoint is integrated backwards."""

from typing import Any

import jax
import jax.numpy as jnp
import pytest
from jax.experimental.ode import odeint

from support.agreement import assert_agrees

pytestmark = pytest.mark.filterwarnings("ignore")

TIMES = jnp.array([0.0, 0.4, 1.0])


def solution(start: Any, times: Any, rates: Any) -> Any:
    """Predator and prey."""

    def field(y: Any, t: Any, rates: Any) -> Any:
        return jnp.stack([rates[0] * y[0] - y[0] * y[1], y[0] * y[1] - rates[1] * y[1] * (1 + t)])

    return odeint(field, start, times, rates, rtol=1e-8, atol=1e-8)


ARGS = (jnp.array([1.0, 0.5]), TIMES, jnp.array([0.7, 0.3]))


def test_with_respect_to_everything() -> None:
    """Start, times and parameters: the adjoint gives all of them at once."""
    args = tuple(x.astype(jnp.float64) for x in ARGS)
    assert_agrees(solution, *args, argnums=(0, 1, 2), rtol=1e-6)


def test_loss_of_parameters() -> None:
    """A scalar between other functions; the other arguments do not move."""
    start, times, rates = (x.astype(jnp.float64) for x in ARGS)
    loss = lambda rates: jnp.sum(jnp.sin(solution(start, times, jnp.exp(rates))))  # noqa: E731
    assert_agrees(loss, rates, rtol=1e-6)


@pytest.mark.slow
def test_eagerly() -> None:
    """Outside of jit."""
    start, times, rates = (x.astype(jnp.float64) for x in ARGS)
    assert_agrees(lambda rates: solution(start, times, rates), rates, jit=False, rtol=1e-6)


@pytest.mark.slow
def test_under_vmap() -> None:
    """A batch of starting points."""
    _, times, rates = (x.astype(jnp.float64) for x in ARGS)
    starts = jnp.array([[1.0, 0.5], [0.3, 0.8]])
    batched = jax.vmap(lambda start: solution(start, times, rates)[-1])
    assert_agrees(batched, starts, rtol=1e-6)
