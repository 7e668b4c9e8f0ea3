"""Complex numbers as pairs of real ones, for functions with steps that are not holomorphic.

Between complex vertices an edge is one complex number per entry as long as every complex vertex is
a holomorphic function of the complex ones before it. If one is not (`conj`, or |z| from which a
complex number is made again), every complex vertex of shape s stands for a real one of shape
s + (2,): its real and its imaginary part. Values are still computed in complex numbers; only the
edges change:

| edge | derivative | out, in | value |
|---|---|---|---|
| real to complex | dz = c dx | out (a, 2), in (a) | (Re c, Im c) |
| complex to real | dy = Re(c dz) | out (a), in (a, 2) | (Re c, -Im c) |
| holomorphic | dw = c dz | out (a, 2), in (a, 2) | ((Re c, -Im c), (Im c, Re c)) |
| structural | dw = c dz, c real | out (a, t), in (a, t) | c, the parts are tied |
| any other | dw = u dRe(z) + v dIm(z) | out (a, 2), in (a, 2) | ((Re u, Re v), (Im u, Im v)) |
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.core
import jax.numpy as jnp

from elimax.interpreter.algebra.labelled import namespace
from elimax.interpreter.algebra.linear_map import LinearMap
from elimax.interpreter.algebra.moving import array_of
from elimax.interpreter.algebra.sparse_value import SparseValue, labelled
from elimax.interpreter.graph.pair_structure import OpaqueStructure, PairStructure
from elimax.interpreter.graph.structure import (
    UNTIED,
    EdgeStructure,
    Kind,
    edge_structure,
)
from elimax.interpreter.tracing.program import Program
from elimax.interpreter.tracing.rules import LocalJacobian
from elimax.interpreter.tracing.rules.complex_parts import PARTS
from elimax.interpreter.tracing.rules.fallback import tied_jacobian
from elimax.interpreter.tracing.rules.registry import has_formula, is_complex_linear
from elimax.interpreter.tracing.rules.use import Use
from elimax.interpreter.tracing.uses import ActiveUse


def is_holomorphic(program: Program, uses: Sequence[ActiveUse]) -> bool:
    """Whether one complex number per entry can stand for every edge between complex vertices.

    A real vertex keeps Re(J dz) of a complex one. From there no path may lead back to complex
    numbers, because what Re has dropped would come back with a product of Jacobians. An opaque
    equation counts as a function of real numbers.

    Args:
        program: The program.
        uses: Its active uses of nodes, in program order.

    Returns:
        True if it can, also if there are no complex numbers at all.
    """
    is_complex = [_is_complex(aval) for aval in program.node_avals]
    parts: set[int] = set()
    for use in uses:
        equation, pred, succ = program.equations[use.equation], use.pred, use.succ
        if pred in parts or (is_complex[pred] and not is_complex[succ]):
            parts.add(succ)
        if is_complex[succ] and (
            succ in parts or (is_complex[pred] and not is_complex_linear(equation))
        ):
            return False
        if not has_formula(equation) and (is_complex[succ] or is_complex[pred]):
            return False
    return True


def real_aval(aval: Any) -> Any:
    """Shape and dtype of a node in real parts.

    Args:
        aval: Its shape and dtype.

    Returns:
        The same for a node that is not complex, else with one more axis for the two parts.
    """
    if not _is_complex(aval):
        return aval
    return jax.core.ShapedArray((*aval.shape, 2), jnp.finfo(aval.dtype).dtype)


def split_parts(array: Any) -> Any:
    """Complex numbers as an array with a last axis of two; anything else as it is.

    Args:
        array: Any array.

    Returns:
        An array of the shape and dtype that `real_aval` gives.
    """
    return jnp.stack([array.real, array.imag], axis=-1) if jnp.iscomplexobj(array) else array


def join_parts(array: Any, axis: int = -1) -> Any:
    """Complex numbers from their parts.

    Args:
        array: A real array with an axis of two.
        axis: That axis.

    Returns:
        A complex array without that axis.
    """
    real, imaginary = jnp.moveaxis(array, axis, 0)
    return jax.lax.complex(real, imaginary)


def complex_block(block: Any, out_rank: int) -> Any:
    """The complex block of a Jacobian as `jax.jacfwd` with `holomorphic=True` defines it.

    That is the derivative along the real axis, whether or not the function is holomorphic.

    Args:
        block: Real, of shape out_shape + (2,) + in_shape + (2,).
        out_rank: Number of axes of the output.

    Returns:
        Complex array of shape out_shape + in_shape.
    """
    return join_parts(block[..., 0], out_rank)


def gradient_block(block: Any) -> Any:
    """The complex J with dy = Re(J dz) of a real output y and a complex input z.

    Args:
        block: Real, of shape out_shape + in_shape + (2,).

    Returns:
        Complex array of shape out_shape + in_shape.
    """
    return jax.lax.complex(block[..., 0], -block[..., 1])


def _is_complex(aval: Any) -> bool:
    return jnp.issubdtype(aval.dtype, jnp.complexfloating)


def real_jacobian(use: Use, local: LocalJacobian) -> LocalJacobian:
    """The edge Jacobian between the real parts of both ends.

    Args:
        use: The operand and the result of an equation with a formula.
        local: The edge between complex numbers.

    Returns:
        The edge; it still takes the complex inputs and results of the equation.
    """
    is_complex = _is_complex(use.in_aval), _is_complex(use.out_aval)
    if not any(is_complex):
        return local
    if isinstance(local.structure, PairStructure):
        return _of_map(local, local.structure)
    if not all(is_complex) or is_complex_linear(use.equation):
        return _of_linear(use, local, local.structure, *is_complex)
    return _of_parts(use, local.structure)


def _of_map(local: LocalJacobian, pair: PairStructure) -> LocalJacobian:
    """The edge of a function that moves and adds entries: it does the same to both parts."""
    (part,) = pair.parts
    assert isinstance(part, OpaqueStructure)
    array = _with_parts(part.as_array, True, True, part.as_array.kind)
    structure = PairStructure((dataclasses.replace(part, as_array=array),))

    def value(inputs: Sequence[Any], outputs: Sequence[Any]) -> Any:
        linear_map = local.value(inputs, outputs)

        def in_parts(function: Callable[[Any], Any] | None) -> Callable[[Any], Any] | None:
            return function and jax.vmap(function, in_axes=-1, out_axes=-1)

        forward, backward = in_parts(linear_map.forward), in_parts(linear_map.backward)
        return LinearMap.of(array, jnp.finfo(linear_map.dtype).dtype, forward, backward)

    return LocalJacobian(structure, value)


def _with_parts(
    structure: EdgeStructure, splits_in: bool, splits_out: bool, kind: Kind
) -> EdgeStructure:
    """A structure with one more axis at every end that is split."""
    rank, in_rank = len(structure.out_shape), len(structure.in_shape)
    out_shape = (*structure.out_shape, 2) if splits_out else structure.out_shape
    in_shape = (*structure.in_shape, 2) if splits_in else structure.in_shape
    carried = [x if x < rank else x + splits_out for x in structure.carried]
    ties = list(structure.ties)
    is_tied = splits_in and splits_out and kind != Kind.GENERAL
    if splits_in:
        ties.append(rank if is_tied else UNTIED)
    if not is_tied:
        carried += [rank] * splits_out + [len(out_shape) + in_rank] * splits_in
    return edge_structure(out_shape, in_shape, ties, carried, kind)


def _of_linear(
    use: Use,
    local: LocalJacobian,
    before: EdgeStructure,
    splits_in: bool,
    splits_out: bool,
) -> LocalJacobian:
    """The edge in real parts, from complex numbers c with dw = c dz, dz = c dx or dy = Re(c dz)."""
    # Picking a part, or making a number of two, is an edge of zeros and ones between parts.
    kind = Kind.STRUCTURAL if use.name in PARTS else before.kind
    structure = _with_parts(before, splits_in, splits_out, kind)
    # Labels of the output come first in the value, and the parts are the last of them.
    axis = sum(label < len(before.out_shape) for label in before.carried)

    def value(inputs: Sequence[Any], outputs: Sequence[Any]) -> Any:
        written = local.value(inputs, outputs)
        if splits_in and splits_out and kind != Kind.GENERAL:
            # The value is the same for both parts. The label of the output's parts, which is not
            # carried, comes before those of the input.
            rank = len(before.out_shape)
            if isinstance(written, SparseValue):
                return written.renamed({x: x + (x >= rank) for x in written.labels})
            return written.real
        c = _as_array(before, written)
        xp, real, imaginary = namespace(c), c.real, c.imag
        if not splits_in:
            return xp.stack([real, imaginary], axis)
        row = xp.stack([real, -imaginary], -1)
        return xp.stack([row, xp.stack([imaginary, real], -1)], axis) if splits_out else row

    return LocalJacobian(structure, value, local.drops)


def _as_array(structure: EdgeStructure, value: Any) -> Any:
    sizes = {label: structure.size(label) for label in structure.labels}
    return array_of(labelled(value, structure.carried), sizes).array


def _of_parts(use: Use, local: EdgeStructure) -> LocalJacobian:
    """The edge in real parts, from the derivative of the equation as a function of parts."""
    ties = (*local.ties, UNTIED)
    rank = len(local.out_shape) + len(local.in_shape) + 2
    out_shape, in_shape = (*local.out_shape, 2), (*local.in_shape, 2)
    structure = edge_structure(out_shape, in_shape, ties, range(rank), Kind.GENERAL)

    def value(inputs: Sequence[Any], outputs: Sequence[Any]) -> Any:
        del outputs
        parts = tied_jacobian(use, inputs, ties, split_parts, join_parts)
        return parts.reshape(structure.carried_shape)

    return LocalJacobian(structure, value)
