"""Elementwise primitives: y[a] = f(x[a], ...), so out axis and in axis are tied everywhere.

JAX accepts operands of rank 0, and axes of size one, next to full arrays; their J has out (a),
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
from elimax.interpreter.tracing.rules.fallback import fallback_jacobian
from elimax.interpreter.tracing.rules.registry import LocalJacobian, register
from elimax.interpreter.tracing.rules.slopes import slope
from elimax.interpreter.tracing.rules.use import Use

SIGNS = {"add": (1, 1), "sub": (1, -1), "neg": (-1,), "add_any": (1, 1), "nextafter": (1, 0)}
"""The derivative with respect to each operand; 0 where there is no edge.

JAX refuses to differentiate `nextafter`. It is x plus a distance that is constant between two
powers of two, so the derivative is 1 wherever it exists, and that of `jnp.spacing` is 0.
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


def _structure(use: Use, kind: Kind = Kind.GENERAL) -> EdgeStructure:
    """Out and in axes tied, or no in axes; a general value varies along the out axes."""
    carried = range(len(use.out_shape)) if kind == Kind.GENERAL else ()
    return edge_structure(use.out_shape, use.in_shape, range(len(use.in_shape)), carried, kind)


@register(*SIGNS)
def signed_sum(use: Use) -> LocalJacobian:
    """An entry flows to the one at its place, with its sign or the opposite one.

    y[a] = x0[a] + x1[a], x0[a] - x1[a] or -x0[a]: the edge Jacobian is +1 or -1, a trivial edge. So
    is that of nextafter(x0[a], x1[a]) for x0, see `SIGNS`.

    Example: x1 of x0 - x1 with shape (2, 3): out (a, b), in (a, b), no carried label, value -1; for
    an x1 of rank 0 out (a, b), in ().

    Reads no parameter.
    https://docs.jax.dev/en/latest/_autosummary/jax.lax.add.html
    """
    sign = SIGNS[use.name][use.operand]
    structure = _structure(use, Kind.TRIVIAL)
    return LocalJacobian(structure, lambda inputs, outputs: np.asarray(float(sign)))


@register("mul")
def product(use: Use) -> LocalJacobian:
    """An entry flows to the one at its place, times the other factor.

    y[a] = x0[a] x1[a], so dy[a]/dx0[a] = x1[a] and dy[a]/dx1[a] = x0[a].

    Example: x0 with shape (2, 3): out (a, b), in (a, b), value x1 over (a, b), repeated if x1 has
    rank 0.

    Reads no parameter.
    https://docs.jax.dev/en/latest/_autosummary/jax.lax.mul.html
    """
    other = 1 - use.operand
    structure = _structure(use)

    def value(inputs: Sequence[Any], outputs: Sequence[Any]) -> Any:
        del outputs
        return _along(structure, inputs[other])

    return LocalJacobian(structure, value)


@register("div")
def quotient(use: Use) -> LocalJacobian:
    """An entry of the numerator, and one of the denominator, flow to the one at their place.

    y[a] = x0[a] / x1[a], so dy[a]/dx0[a] = 1 / x1[a] and dy[a]/dx1[a] = -y[a] / x1[a].

    Example: x1 with shape (2, 3): out (a, b), in (a, b), value -y / x1 over (a, b); for an x1 of
    rank 0 out (a, b), in () and the same value.

    Reads no parameter.
    https://docs.jax.dev/en/latest/_autosummary/jax.lax.div.html
    """
    structure = _structure(use)

    def value(inputs: Sequence[Any], outputs: Sequence[Any]) -> Any:
        if use.operand == 0:
            return _along(structure, reciprocal(inputs[1]))
        return _along(structure, _minus_ratio(outputs[0], inputs[1]))

    return LocalJacobian(structure, value)


def _minus_ratio(y: Any, x: Any) -> Any:
    if y.shape == x.shape and not is_constant(x):
        return jax.lax.neg(jax.lax.div(y, x))
    return -y / x


@register(*BY_JVP)
def by_jvp(use: Use) -> LocalJacobian:
    """An entry flows to the one at its place.

    y[a] = f(x0[a], ...), so dy[a]/dx0[a] = f'(x0[a], ...), by a formula or by a tangent of ones.
    Points without a derivative follow JAX: both of two equal operands of max have slope 1/2, abs
    has slope 1 at 0.

    Example: sin with shape (2, 3): out (a, b), in (a, b), value cos(x) over (a, b).

    Reads what the formula reads, or all parameters where JAX's own rule is taken.
    https://docs.jax.dev/en/latest/jax.lax.html
    """
    structure, derivative = fallback_jacobian(use, ties=range(len(use.in_shape)))

    def value(inputs: Sequence[Any], outputs: Sequence[Any]) -> Any:
        known = slope(use, inputs, outputs[use.result])
        return derivative(inputs, outputs) if known is None else _along(structure, known)

    return LocalJacobian(structure, value, drops=use.name in MASKS)


def _along(structure: EdgeStructure, value: Any) -> Any:
    """An array that broadcasts over the out axes as an array over the carried labels."""
    if structure.carried and value.shape != structure.out_shape:
        value = namespace(value).broadcast_to(value, structure.out_shape)
    return reshaped(value, structure.carried_shape)
