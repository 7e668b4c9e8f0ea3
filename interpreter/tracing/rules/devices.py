"""Primitives that tell devices apart: none of them has an edge Jacobian."""

from elimax.interpreter.errors import TracingError
from elimax.interpreter.tracing.program import Equation
from elimax.interpreter.tracing.rules.registry import LocalJacobian, register


@register("pvary")
def spread_over_devices(equation: Equation, operand: int, result: int) -> LocalJacobian:
    """y = x on every device of an axis, x being the same on all of them.

    Forward and reverse mode disagree about it: jax.jacfwd gives the Jacobian of what each device
    computes, jax.jacrev the sum of these over the devices. Constants are spread all the time, but
    have no Jacobian.

    Args:
        equation: The equation.
        operand: Number of the operand.
        result: Number of the result.

    Raises:
        TracingError: Always.
    """
    del operand, result
    axes = ", ".join(map(repr, equation.params["axes"]))
    raise TracingError(
        f"a differentiated input is the same on all devices of the axis {axes}, but what is "
        "computed from it is not, so that jax.jacfwd and jax.jacrev have different Jacobians of "
        "it: apply jax.lax.pcast(x, axis, to='varying') to the input before jacve for the "
        "Jacobian on each device, and jax.lax.psum to the Jacobian for their sum"
    )
