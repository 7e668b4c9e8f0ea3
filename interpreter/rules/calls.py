"""Functions with their own derivative: custom_jvp and custom_vjp.

It is the rule for the derivative that counts, never the derivative of the body, so ties are those
of the rule: from a tangent that goes in to those that come out, or likewise for cotangents.
"""

from collections.abc import Callable
from typing import Any

import jax

from interpreter.program import Equation, trace_program
from interpreter.rules.dependence import identity, ties_of
from interpreter.rules.fallback import fallback_jacobian
from interpreter.rules.registry import LocalJacobian, register
from interpreter.structure import UNTIED


@register("custom_jvp_call")
def custom_jvp(equation: Equation, operand: int, result: int) -> LocalJacobian:
    """A function with its own JVP rule, for example `jax.nn.relu`: out (a), in (a), value (a).

    Args:
        equation: The equation.
        operand: Number of the operand.
        result: Number of the result.

    Returns:
        A general edge with the ties that the rule has between tangents.
    """
    ties = pushforward_ties(equation, operand, result)
    return LocalJacobian(*fallback_jacobian(equation, operand, result, ties=ties))


@register("custom_vjp_call")
def custom_vjp(equation: Equation, operand: int, result: int) -> LocalJacobian:
    """A function with its own VJP rule: out (a), in (a), value (a) where it acts entry by entry.

    Args:
        equation: The equation.
        operand: Number of the operand.
        result: Number of the result.

    Returns:
        A general edge with the ties that the rule has between cotangents.
    """

    def pullback(cotangent: Any, *inputs: Any) -> Any:
        function = _of_operand(equation, inputs, operand, result)
        return jax.vjp(function, inputs[operand])[1](cotangent)[0]

    ties = [UNTIED] * len(equation.in_avals[operand].shape)
    for out_axis, in_axis in enumerate(_ties(pullback, equation, equation.out_avals[result]) or ()):
        if in_axis != UNTIED:
            ties[in_axis] = out_axis
    return LocalJacobian(*fallback_jacobian(equation, operand, result, ties=ties))


def pushforward_ties(equation: Equation, operand: int, result: int) -> tuple[int, ...] | None:
    """Ties of any equation that JAX can differentiate forwards, read off its pushforward.

    Args:
        equation: The equation.
        operand: Number of the operand.
        result: Number of the result.

    Returns:
        For each axis of the operand the axis of the result that it is tied to, or UNTIED; None if
        the result does not depend on the operand.
    """

    def pushforward(tangent: Any, *inputs: Any) -> Any:
        function = _of_operand(equation, inputs, operand, result)
        return jax.jvp(function, (inputs[operand],), (tangent,))[1]

    return _ties(pushforward, equation, equation.in_avals[operand])


def _of_operand(
    equation: Equation, inputs: tuple[Any, ...], operand: int, result: int
) -> Callable[[Any], Any]:
    """One result of an equation as a function of one operand."""
    return lambda x: equation.bind([*inputs[:operand], x, *inputs[operand + 1 :]])[result]


def _ties(linear: Callable[..., Any], equation: Equation, aval: Any) -> tuple[int, ...] | None:
    """Ties of a linear map of (moving array, *inputs of the equation) to what moves it."""
    program = trace_program(lambda *leaves: [linear(*leaves)], [aval, *equation.in_avals])
    sources = [{0: identity(len(aval.shape))}, *({} for _ in equation.in_avals)]
    return ties_of(program, sources)[0].get(0)
