"""Edge Jacobians of primitives without formula: JAX's own derivative of that one equation.

Without ties the result is dense: slow, but never wrong, and any primitive that JAX can
differentiate works, future ones included. Where a rule knows which axes are tied, the derivative is
taken once for all their indices: a tangent of ones along a tied axis loses nothing, because every
entry of the result depends on one index of it only. Example: y[b, i] = f(x[b])[i] with x of shape
(B, K) takes K tangents of shape (B, K) instead of B K, and has out (b, i), in (b, k), value
(b, i, k).
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from interpreter.program import Equation
from interpreter.structure import UNTIED, EdgeStructure, Kind, edge_structure

# What an equation may contain that one of JAX's modes cannot differentiate.
REVERSE_ONLY = ("custom_vjp_call",)
FORWARD_ONLY = ("while",)

Value = Callable[[Sequence[Any], Sequence[Any]], Any]


def fallback_jacobian(
    equation: Equation,
    operand: int,
    result: int,
    kind: Kind = Kind.GENERAL,
    ties: Sequence[int] | None = None,
) -> tuple[EdgeStructure, Value]:
    """The edge Jacobian of any equation, with all labels carried.

    Args:
        equation: The equation.
        operand: Number of the operand.
        result: Number of the result.
        kind: Kind of the edge.
        ties: For each axis of the operand the axis of the result that it is tied to, or UNTIED;
            None if nothing is known.

    Returns:
        The structure and its value function.
    """
    out_shape, in_shape = equation.out_avals[result].shape, equation.in_avals[operand].shape
    rank = len(out_shape) + len(in_shape)
    known = [UNTIED] * len(in_shape) if ties is None else list(ties)
    # Where two axes are tied to one, the first is enough.
    known = [UNTIED if tie in known[:axis] else tie for axis, tie in enumerate(known)]
    structure = edge_structure(out_shape, in_shape, known, range(rank), kind)

    def value(inputs: Sequence[Any], outputs: Sequence[Any]) -> Any:
        del outputs
        dense = tied_jacobian(equation, inputs, operand, result, structure.ties)
        return dense.reshape(structure.carried_shape)

    return structure, value


def dense_jacobian(equation: Equation, inputs: Sequence[Any], operand: int, result: int) -> Any:
    """The Jacobian of one equation, written out in full.

    Args:
        equation: The equation.
        inputs: Values of its operands.
        operand: Number of the operand to differentiate with respect to.
        result: Number of the result.

    Returns:
        Array of shape out_shape + in_shape.
    """
    ties = [UNTIED] * len(equation.in_avals[operand].shape)
    return tied_jacobian(equation, inputs, operand, result, ties)


def tied_jacobian(
    equation: Equation,
    inputs: Sequence[Any],
    operand: int,
    result: int,
    ties: Sequence[int],
    encode: Callable[[Any], Any] = lambda array: array,
    decode: Callable[[Any], Any] = lambda array: array,
) -> Any:
    """The Jacobian of one equation by `jax.jvp` or `jax.vjp`, whichever is possible and cheaper.

    Args:
        equation: The equation.
        inputs: Values of its operands.
        operand: Number of the operand to differentiate with respect to.
        result: Number of the result.
        ties: For each axis of the operand the axis of the result that it is tied to, or UNTIED.
        encode: How operand and result are written, for example as real and imaginary parts; it
            keeps axes and may append some.
        decode: The inverse of that.

    Returns:
        Array over the axes of the result, then those axes of the operand that are not tied.
    """

    def function(x: Any) -> Any:
        replaced = [*inputs[:operand], decode(x), *inputs[operand + 1 :]]
        return encode(equation.bind(replaced)[result])

    x = encode(jnp.asarray(inputs[operand]))
    out_aval = jax.eval_shape(function, x)
    tied = {axis: tie for axis, tie in enumerate(ties) if tie != UNTIED}
    in_free = [axis for axis in range(x.ndim) if axis not in tied]
    if 0 in (*out_aval.shape, *x.shape):
        # JAX does not differentiate every function without entries.
        return jnp.zeros((*out_aval.shape, *(x.shape[axis] for axis in in_free)), x.dtype)
    out_free = [axis for axis in range(out_aval.ndim) if axis not in tied.values()]

    def push(tangent: Any) -> Any:
        return jax.jvp(function, (x,), (tangent,))[1]

    def forward() -> Any:
        seeds = _seeds(x, in_free)
        if len(seeds) == 1:
            columns = apply_linear(push, seeds[0])
        else:
            columns = jnp.moveaxis(apply_linear(jax.vmap(push), seeds), 0, -1)
        return columns.reshape(*out_aval.shape, *(x.shape[axis] for axis in in_free))

    def backward() -> Any:
        _, pullback = jax.vjp(function, x)
        pull = jax.vmap(lambda cotangent: pullback(cotangent)[0])
        rows = apply_linear(pull, _seeds(out_aval, out_free))
        rows = rows.reshape(*(out_aval.shape[axis] for axis in out_free), *x.shape)
        position = {axis: len(out_free) + j for j, axis in tied.items()}
        position |= {axis: i for i, axis in enumerate(out_free)}
        order = [position[axis] for axis in range(out_aval.ndim)]
        return rows.transpose(*order, *(len(out_free) + axis for axis in in_free))

    sizes = [
        int(np.prod([shape[axis] for axis in axes], dtype=int))
        for shape, axes in ((x.shape, in_free), (out_aval.shape, out_free))
    ]
    reverse = _contains(equation, REVERSE_ONLY) or (
        sizes[1] < sizes[0] and not _contains(equation, FORWARD_ONLY)
    )
    return _first_possible([backward, forward] if reverse else [forward, backward])


def _first_possible(modes: Sequence[Callable[[], Any]]) -> Any:
    """The result of the first mode, or of the second where JAX refuses the first.

    What only one mode can do may be hidden in the rule of a custom_jvp, where it shows only when
    the rule is run.
    """
    try:
        return modes[0]()
    except Exception as first:  # JAX has no common class for this refusal
        try:
            return modes[1]()
        except Exception:
            raise first from None


def _seeds(aval: Any, axes: Sequence[int]) -> Any:
    """One array for every index of some axes: 1 there and 0 elsewhere, the same along all others.

    Args:
        aval: Shape and dtype of the arrays.
        axes: The axes, ascending.

    Returns:
        Array of shape (number of indices,) + shape.
    """
    sizes = [aval.shape[axis] for axis in axes]
    count = int(np.prod(sizes, dtype=int))
    spread = [size if axis in axes else 1 for axis, size in enumerate(aval.shape)]
    if count == 1:
        return jnp.ones((1, *aval.shape), aval.dtype)
    seeds = jnp.eye(count, dtype=aval.dtype).reshape(count, *spread)
    return jnp.broadcast_to(seeds, (count, *aval.shape))


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
