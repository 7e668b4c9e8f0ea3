"""Elementwise primitives: y[a] = f(x[a], ...), so out axis and in axis are tied everywhere.

JAX lets operands of rank 0, and axes of size one, stand beside full arrays; for them J has out (a),
in () and out (a), in (1). The derivative is a formula of `rules.slopes`, or else JAX's own with a
tangent of ones, which picks the diagonal of the Jacobian.

A sample is a function of its parameters: random_gamma of keys (B,) and a of shape (B, K) has out
(b, k), in (b, k) and value (b, k), which is dy/da at the sample drawn; the keys have no edge.
"""

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from elimax.interpreter.algebra.labelled import (
    is_constant,
    namespace,
    reciprocal,
    reshaped,
)
from elimax.interpreter.graph.structure import EdgeStructure, Kind, edge_structure
from elimax.interpreter.tracing.program import Equation
from elimax.interpreter.tracing.rules.fallback import fallback_jacobian
from elimax.interpreter.tracing.rules.registry import LocalJacobian, register
from elimax.interpreter.tracing.rules.slopes import slope

SIGNS = {"add": (1, 1), "sub": (1, -1), "neg": (-1,), "add_any": (1, 1), "nextafter": (1, 0)}
"""The derivative with respect to each operand; 0 where there is no edge.

JAX refuses to differentiate `nextafter`. It is x plus a distance that stays the same between two
powers of two, so the derivative is 1 wherever there is one, and that of `jnp.spacing` is 0.
"""

# Elementwise primitives without a rule of their own below: formulas where `slopes` has one.
BY_JVP = (
    "abs",
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "bessel_i0e",
    "bessel_i1e",
    "cbrt",
    "clamp",
    "conj",
    "cos",
    "cosh",
    "digamma",
    "erf",
    "erf_inv",
    "erfc",
    "exp",
    "exp2",
    "expm1",
    "igamma",
    "igammac",
    "integer_pow",
    "lgamma",
    "log",
    "log1p",
    "logistic",
    "max",
    "min",
    "polygamma",
    "pow",
    "random_gamma",
    "regularized_incomplete_beta",
    "rem",
    "rsqrt",
    "select_n",
    "sin",
    "sinh",
    "sqrt",
    "square",
    "tan",
    "tanh",
    "zeta",
)

MASKS = frozenset({"clamp", "max", "min", "select_n"})
"""Primitives whose derivative is 0 where another operand was chosen."""


def _structure(equation: Equation, operand: int, kind: Kind = Kind.GENERAL) -> EdgeStructure:
    """Out and in axes tied, or no in axes; a general value varies along the out axes."""
    out_shape, in_shape = equation.out_avals[0].shape, equation.in_avals[operand].shape
    rank = len(out_shape)
    carried = range(rank) if kind == Kind.GENERAL else ()
    return edge_structure(out_shape, in_shape, range(len(in_shape)), carried, kind)


@register(*SIGNS)
def signed_sum(equation: Equation, operand: int, result: int) -> LocalJacobian:
    """y = x1 + x2, x1 - x2 or -x: the edge Jacobian is +1 or -1, a trivial edge.

    Args:
        equation: The equation.
        operand: Number of the operand.
        result: Number of the result, 0.

    Returns:
        Out (a), in (a), no carried label; in () for a rank-0 operand.
    """
    del result
    sign = SIGNS[equation.name][operand]
    structure = _structure(equation, operand, Kind.TRIVIAL)
    return LocalJacobian(structure, lambda inputs, outputs: np.asarray(float(sign)))


@register("mul")
def product(equation: Equation, operand: int, result: int) -> LocalJacobian:
    """y = x1 * x2: dy/dx1 = x2.

    Args:
        equation: The equation.
        operand: Number of the operand.
        result: Number of the result, 0.

    Returns:
        Out (a), in (a), value x2[a], also where x2 is the same everywhere.
    """
    del result
    other = 1 - operand
    structure = _structure(equation, operand)

    def value(inputs: Sequence[Any], outputs: Sequence[Any]) -> Any:
        del outputs
        return _along(structure, inputs[other])

    return LocalJacobian(structure, value)


@register("div")
def quotient(equation: Equation, operand: int, result: int) -> LocalJacobian:
    """y = x1 / x2: dy/dx1 = 1 / x2 and dy/dx2 = -y / x2.

    Args:
        equation: The equation.
        operand: Number of the operand.
        result: Number of the result, 0.

    Returns:
        Out (a), in (a), value (a), also where x2 is the same everywhere.
    """
    del result
    structure = _structure(equation, operand)

    def value(inputs: Sequence[Any], outputs: Sequence[Any]) -> Any:
        if operand == 0:
            return _along(structure, reciprocal(inputs[1]))
        return _along(structure, _minus_ratio(outputs[0], inputs[1]))

    return LocalJacobian(structure, value)


def _minus_ratio(y: Any, x: Any) -> Any:
    if y.shape == x.shape and not is_constant(x):
        return jax.lax.neg(jax.lax.div(y, x))
    return -y / x


@register(*BY_JVP)
def by_jvp(equation: Equation, operand: int, result: int) -> LocalJacobian:
    """y = f(x1, ...) elementwise: df/dx along the diagonal, by formula or by a tangent of ones.

    Non-differentiable points follow JAX (ties of max are split, abs has slope 1 at 0).

    Args:
        equation: The equation.
        operand: Number of the operand.
        result: Number of the result, 0.

    Returns:
        Out (a), in (a), value (a).
    """
    ties = range(len(equation.in_avals[operand].shape))
    structure, derivative = fallback_jacobian(equation, operand, result, ties=ties)

    def value(inputs: Sequence[Any], outputs: Sequence[Any]) -> Any:
        known = slope(equation, operand, inputs, outputs[result])
        return derivative(inputs, outputs) if known is None else _along(structure, known)

    return LocalJacobian(structure, value, drops=equation.name in MASKS)


def _along(structure: EdgeStructure, value: Any) -> Any:
    """An array that broadcasts over the out axes as an array over the carried labels."""
    if structure.carried and value.shape != structure.out_shape:
        value = namespace(value).broadcast_to(value, structure.out_shape)
    return reshaped(value, structure.carried_shape)
