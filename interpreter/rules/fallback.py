"""Edge Jacobians of primitives without a rule: JAX's own derivative of that one equation.

The result is dense: every axis of it is carried and none is tied. Slow, but never wrong, and any
primitive that JAX can differentiate works, future ones included.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from interpreter.program import Equation
from interpreter.structure import UNTIED, EdgeStructure, Kind, edge_structure

# What an equation may contain that one of JAX's modes cannot differentiate.
REVERSE_ONLY = ("custom_vjp_call", "custom_vjp_call_jaxpr")
FORWARD_ONLY = ("while",)

Value = Callable[[Sequence[Any], Sequence[Any]], Any]


def fallback_jacobian(
    equation: Equation, operand: int, result: int, kind: Kind = Kind.GENERAL
) -> tuple[EdgeStructure, Value]:
    """The dense edge Jacobian of any equation.

    Args:
        equation: The equation.
        operand: Number of the operand.
        result: Number of the result.
        kind: Kind of the edge.

    Returns:
        The structure, without ties and with all labels carried, and its value function.
    """
    out_shape, in_shape = equation.out_avals[result].shape, equation.in_avals[operand].shape
    rank = len(out_shape) + len(in_shape)
    structure = edge_structure(out_shape, in_shape, [UNTIED] * len(in_shape), range(rank), kind)

    def value(inputs: Sequence[Any], outputs: Sequence[Any]) -> Any:
        del outputs
        return dense_jacobian(equation, inputs, operand, result).reshape(structure.carried_shape)

    return structure, value


def dense_jacobian(
    equation: Equation,
    inputs: Sequence[Any],
    operand: int,
    result: int,
    encode: Callable[[Any], Any] = lambda array: array,
    decode: Callable[[Any], Any] = lambda array: array,
) -> Any:
    """The Jacobian of one equation by `jax.jvp` or `jax.vjp`, whichever is possible and cheaper.

    Args:
        equation: The equation.
        inputs: Values of its operands.
        operand: Number of the operand to differentiate with respect to.
        result: Number of the result.
        encode: How operand and result are written, for example as real and imaginary parts.
        decode: The inverse of that.

    Returns:
        Array of shape out_shape + in_shape, shapes as they are written.
    """

    def function(x: Any) -> Any:
        replaced = [*inputs[:operand], decode(x), *inputs[operand + 1 :]]
        return encode(equation.bind(replaced)[result])

    x = encode(jnp.asarray(inputs[operand]))
    out_aval = jax.eval_shape(function, x)
    out_size, in_size = int(np.prod(out_aval.shape)), int(np.prod(x.shape))
    reverse = _contains(equation, REVERSE_ONLY) or (
        out_size < in_size and not _contains(equation, FORWARD_ONLY)
    )
    if reverse:
        _, pullback = jax.vjp(function, x)
        basis = jnp.eye(out_size, dtype=out_aval.dtype).reshape(out_size, *out_aval.shape)
        rows = apply_linear(lambda cotangents: jax.vmap(pullback)(cotangents)[0], basis)
        return rows.reshape(*out_aval.shape, *x.shape)
    basis = jnp.eye(in_size, dtype=x.dtype).reshape(in_size, *x.shape)
    columns = apply_linear(jax.vmap(lambda tangent: jax.jvp(function, (x,), (tangent,))[1]), basis)
    return jnp.moveaxis(columns, 0, -1).reshape(*out_aval.shape, *x.shape)


def apply_linear(linear: Callable[[Any], Any], basis: Any) -> Any:
    """J b, also where JAX's linear map gives Re(J b) only, between complex and real numbers.

    The edge Jacobian of a real y that depends on a complex z is the J with dy = Re(J dz).

    Args:
        linear: A pushforward or a pullback.
        basis: What it is applied to.

    Returns:
        J b; complex if either side is.
    """
    image = linear(basis)
    if jnp.iscomplexobj(basis) and not jnp.iscomplexobj(image):
        return jax.lax.complex(image, -linear(1j * basis))
    return image


def _contains(equation: Equation, names: Sequence[str]) -> bool:
    if equation.name in names:
        return True
    return any(_jaxpr_contains(jaxpr, names) for jaxpr in _jaxprs(equation.params))


def _jaxprs(params: dict[str, Any]) -> list[Any]:
    found = []
    for param in params.values():
        for item in param if isinstance(param, (tuple, list)) else (param,):
            inner = getattr(item, "jaxpr", item)
            if hasattr(inner, "eqns"):
                found.append(inner)
    return found


def _jaxpr_contains(jaxpr: Any, names: Sequence[str]) -> bool:
    return any(
        eqn.primitive.name in names
        or any(_jaxpr_contains(inner, names) for inner in _jaxprs(eqn.params))
        for eqn in jaxpr.eqns
    )
