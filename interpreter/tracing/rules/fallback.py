"""Slopes of elementwise primitives without a formula: JAX's own pushforward of that one equation.

Every entry of the result depends on one entry of the operand, so a tangent of ones is the whole
derivative. Real and imaginary parts of a complex operand are two entries, and take two tangents.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from elimax.interpreter.graph.structure import (
    UNTIED,
    EdgeStructure,
    Kind,
    edge_structure,
)
from elimax.interpreter.tracing.rules.use import Use

Value = Callable[[Sequence[Any], Sequence[Any]], Any]


def fallback_jacobian(use: Use, ties: Sequence[int]) -> tuple[EdgeStructure, Value]:
    """The edge Jacobian of an elementwise equation, with all labels carried.

    Args:
        use: The operand and the result.
        ties: For each axis of the operand the axis of the result that it is tied to.

    Returns:
        The structure and its value function.
    """
    rank = len(use.out_shape) + len(use.in_shape)
    structure = edge_structure(use.out_shape, use.in_shape, ties, range(rank), Kind.GENERAL)

    def value(inputs: Sequence[Any], outputs: Sequence[Any]) -> Any:
        del outputs
        slopes = tied_jacobian(use, inputs, structure.ties)
        return slopes.reshape(structure.carried_shape)

    return structure, value


def tied_jacobian(
    use: Use,
    inputs: Sequence[Any],
    ties: Sequence[int],
    encode: Callable[[Any], Any] = lambda array: array,
    decode: Callable[[Any], Any] = lambda array: array,
) -> Any:
    """The Jacobian of one equation by `jax.jvp`.

    Args:
        use: The operand to differentiate with respect to, and the result.
        inputs: Values of all operands.
        ties: For each axis of the operand the axis of the result that it is tied to, or UNTIED.
        encode: Writes operand and result in another form, for example as real and imaginary parts;
            it keeps all axes and may append some.
        decode: The inverse of `encode`.

    Returns:
        Array over the axes of the result, then those axes of the operand that are not tied.
    """

    def function(x: Any) -> Any:
        return encode(use.apply(decode(x), inputs))

    x = encode(jnp.asarray(inputs[use.operand]))
    out_aval = jax.eval_shape(function, x)
    in_free = [axis for axis in range(x.ndim) if ties[axis] == UNTIED]
    if 0 in (*out_aval.shape, *x.shape):
        # JAX fails to differentiate some functions of arrays without entries.
        return jnp.zeros((*out_aval.shape, *(x.shape[axis] for axis in in_free)), x.dtype)

    def push(tangent: Any) -> Any:
        return jax.jvp(function, (x,), (tangent,))[1]

    seeds = unit_vectors(x, in_free)
    if len(seeds) == 1:
        columns = apply_linear(push, seeds[0])
    else:
        columns = jnp.moveaxis(apply_linear(jax.vmap(push), seeds), 0, -1)
    return columns.reshape(*out_aval.shape, *(x.shape[axis] for axis in in_free))


def unit_vectors(aval: Any, axes: Sequence[int]) -> Any:
    """One array for every index of some axes: 1 there and 0 elsewhere, constant along the others.

    Args:
        aval: Shape and dtype of one array.
        axes: The axes, ascending.

    Returns:
        Array of shape (number of indices,) + `aval.shape`.
    """
    count = math.prod(aval.shape[axis] for axis in axes)
    if count == 1:
        return jnp.ones((1, *aval.shape), aval.dtype)
    spread = [size if axis in axes else 1 for axis, size in enumerate(aval.shape)]
    seeds = jnp.eye(count, dtype=aval.dtype).reshape(count, *spread)
    return jnp.broadcast_to(seeds, (count, *aval.shape))


def apply_linear(linear: Callable[[Any], Any], basis: Any) -> Any:
    """J b, also where JAX's linear map gives only Re(J b): from complex to real numbers.

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
