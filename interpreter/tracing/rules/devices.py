"""Primitives that tell devices apart: none of them has an edge Jacobian."""

from elimax.interpreter.errors import TracingError
from elimax.interpreter.tracing.rules.registry import LocalJacobian, register
from elimax.interpreter.tracing.rules.use import Use


@register("pvary")
def spread_over_devices(use: Use) -> LocalJacobian:
    """A value that is the same on all devices flows to each of them.

    y = x on every device of an axis. Forward and reverse mode disagree about it: jax.jacfwd gives
    the Jacobian of what each device computes, jax.jacrev the sum of these over the devices.
    Constants are often spread, but nothing is differentiated with respect to them.

    Reads `axes`.
    https://docs.jax.dev/en/latest/_autosummary/jax.lax.pcast.html

    Raises:
        TracingError: Always.
    """
    axes = ", ".join(map(repr, use.params["axes"]))
    raise TracingError(
        f"a differentiated input is the same on all devices of the axis {axes}, but what is "
        "computed from it is not, so that jax.jacfwd and jax.jacrev give different Jacobians: "
        "apply jax.lax.pcast(x, axis, to='varying') to the input before jacve for the "
        "Jacobian on each device, and jax.lax.psum to the Jacobian for their sum"
    )
