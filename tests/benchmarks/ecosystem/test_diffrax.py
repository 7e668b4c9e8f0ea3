"""diffrax: differential equations through all of its adjoints."""

from typing import Any

import jax
import jax.numpy as jnp
import pytest

from support.agreement import BY_ORDERS, assert_agrees

diffrax = pytest.importorskip("diffrax")
optx = pytest.importorskip("optimistix")
pytestmark = pytest.mark.filterwarnings("ignore")


def field(t: Any, y: Any, rates: Any) -> Any:
    """Predator and prey."""
    return jnp.stack([rates[0] * y[0] - y[0] * y[1], y[0] * y[1] - rates[1] * y[1]])


def final(rates: Any, adjoint: Any, solver: Any = None, **options: Any) -> Any:
    """The state after a while, from a start that depends on the parameters."""
    solution = diffrax.diffeqsolve(
        diffrax.ODETerm(field),
        diffrax.Heun() if solver is None else solver,
        t0=0.0,
        t1=0.5,
        dt0=0.1,
        y0=jnp.stack([1.0 + rates[1], 0.5 * rates[0]]),
        args=rates,
        adjoint=adjoint,
        **{"max_steps": 16} | options,
    )
    return solution.ys[-1]


def rates() -> Any:
    """Two parameters."""
    return jnp.array([0.7, 0.3])


ADJOINTS = {
    "recursive checkpoint": ("RecursiveCheckpointAdjoint", jax.jacrev),
    "direct": ("DirectAdjoint", jax.jacrev),
    "backsolve": ("BacksolveAdjoint", jax.jacrev),
    "forward mode": ("ForwardMode", jax.jacfwd),
}


@BY_ORDERS
@pytest.mark.parametrize("name", ADJOINTS)
def test_adjoint(name: str, orders: Any) -> None:
    """Constant steps; each adjoint has the one derivative that it is made for."""
    adjoint, by = ADJOINTS[name]
    assert_agrees(lambda r: final(r, getattr(diffrax, adjoint)()), rates(), by=by, orders=orders)


@pytest.mark.slow
def test_default_adjoint_eagerly_with_adaptive_steps() -> None:
    """The call that users write first."""
    controller = diffrax.PIDController(rtol=1e-3, atol=1e-3)

    def loss(r: Any) -> Any:
        adjoint = diffrax.RecursiveCheckpointAdjoint()
        return jnp.sum(final(r, adjoint, stepsize_controller=controller, max_steps=64) ** 2)

    assert_agrees(loss, rates(), jit=False)


@pytest.mark.slow
def test_implicit_solver() -> None:
    """Kvaerno3: a nonlinear solve in every stage."""
    adjoint, controller = diffrax.ForwardMode(), diffrax.PIDController(rtol=1e-3, atol=1e-3)
    assert_agrees(
        lambda r: final(r, adjoint, diffrax.Kvaerno3(), stepsize_controller=controller),
        rates(),
        by=jax.jacfwd,
        orders=("auto",),
        rtol=1e-6,
    )


def test_steady_state() -> None:
    """ImplicitAdjoint: where a relaxation ends, by the implicit function theorem."""

    def steady(rates: Any) -> Any:
        term = diffrax.ODETerm(lambda t, y, r: -r[0] * y + jnp.tanh(r[1] * y) + 1.0)
        solution = diffrax.diffeqsolve(
            term,
            diffrax.Heun(),
            t0=0.0,
            t1=jnp.inf,
            dt0=0.2,
            y0=jnp.array(1.0),
            args=rates,
            adjoint=diffrax.ImplicitAdjoint(),
            event=diffrax.Event(diffrax.steady_state_event(1e-9, 1e-9, optx.rms_norm)),
            max_steps=None,
        )
        return solution.ys[-1]

    assert_agrees(steady, rates())
