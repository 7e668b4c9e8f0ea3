"""Which rule gives the edge Jacobians of which primitive."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp

from interpreter.program import Equation
from interpreter.rules.fallback import fallback_jacobian
from interpreter.structure import EdgeStructure

# Their derivative is zero by JAX's own convention, though floats go in and come out.
# Whatever returns or takes integers and booleans has none either, without being listed.
ZERO_DERIVATIVE = frozenset(
    ("stop_gradient", "floor", "ceil", "round", "sign", "nextafter", "argmax", "argmin")
    + ("bitcast_convert_type",)
)

# They have one result per operand, and operand k reaches result k alone.
PASS_THROUGH = frozenset({"device_put", "optimization_barrier"})

# The derivative of a complex number by another is one complex number in all other rules. Here it
# may be any real 2x2 matrix, as for `conj`.
NOT_COMPLEX_LINEAR = frozenset(
    ("conj", "custom_jvp_call", "custom_vjp_call", "cond", "scan", "while", "custom_linear_solve")
    + ("cholesky", "eigh", "householder_product", "qr", "svd", "triangular_solve")
)


class LocalJacobian(NamedTuple):
    """The Jacobian of one result of an equation with respect to one operand.

    Attributes:
        structure: Its structure, known without any values.
        value: Computes the value array from the equation's inputs and results; its axes are the
            structure's carried labels in ascending order. A numpy array is a constant.
    """

    structure: EdgeStructure
    value: Callable[[Sequence[Any], Sequence[Any]], Any]


Rule = Callable[[Equation, int, int], LocalJacobian]

_RULES: dict[str, Rule] = {}


def register(*names: str) -> Callable[[Rule], Rule]:
    """Makes a function the rule of some primitives.

    Args:
        *names: Names of primitives.

    Returns:
        A decorator. The rule is called with the equation, the number of the operand and the number
        of the result.

    Raises:
        ValueError: If one of them has a rule already.
    """

    def decorate(rule: Rule) -> Rule:
        for name in names:
            if name in _RULES:
                raise ValueError(f"the primitive {name!r} has a rule already: {_RULES[name]}")
            _RULES[name] = rule
        return rule

    return decorate


def has_derivative(equation: Equation, operand: int, result: int) -> bool:
    """Whether there is an edge from an operand to a result at all.

    Args:
        equation: The equation.
        operand: Number of the operand.
        result: Number of the result.

    Returns:
        False for integers, booleans, keys and primitives whose derivative is zero by convention.
    """
    if equation.name in PASS_THROUGH and operand != result:
        return False
    if equation.name == "custom_linear_solve" and _is_solver_constant(equation, operand):
        return False
    return (
        equation.name not in ZERO_DERIVATIVE
        and is_differentiable(equation.in_avals[operand])
        and is_differentiable(equation.out_avals[result])
    )


def _is_solver_constant(equation: Equation, operand: int) -> bool:
    """Whether an operand only tells how to solve, as a factorisation does, and not what."""
    lengths = equation.params["const_lengths"]
    return lengths.matvec <= operand < sum(lengths)


def is_differentiable(aval: Any) -> bool:
    """Whether values of a shape and dtype are real or complex numbers.

    Args:
        aval: Anything with a dtype.

    Returns:
        True for floating-point and complex dtypes.
    """
    return jnp.issubdtype(aval.dtype, jnp.inexact)


def is_complex_linear(equation: Equation) -> bool:
    """Whether the derivative of an equation on complex numbers is one complex number per entry.

    Args:
        equation: The equation.

    Returns:
        False if that is not known, as for a function with its own derivative.
    """
    return equation.name in _RULES and equation.name not in NOT_COMPLEX_LINEAR


def local_jacobian(equation: Equation, operand: int, result: int) -> LocalJacobian:
    """The edge Jacobian of an equation by its primitive's rule, or by JAX's own derivative.

    Args:
        equation: The equation; `has_derivative` must hold.
        operand: Number of the operand.
        result: Number of the result.

    Returns:
        Structure and value.
    """
    rule = _RULES.get(equation.name)
    if rule is None:
        structure, value = fallback_jacobian(equation, operand, result)
        return LocalJacobian(structure, value)
    return rule(equation, operand, result)
