"""Primitives that move, copy or drop entries: structural edges.

Axes that a primitive leaves alone stay tied. Along the others the Jacobian is a constant 0/1 array,
read off by sending entry numbers through the primitive itself instead of through a formula.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.core
import jax.numpy as jnp
import numpy as np

from interpreter.program import Equation
from interpreter.rules.fallback import dense_jacobian, fallback_jacobian
from interpreter.rules.registry import PASS_THROUGH, LocalJacobian, register
from interpreter.structure import UNTIED, EdgeStructure, Kind, Shape, edge_structure

Touched = Callable[[Equation, int], tuple[int, ...]]


def _ones(inputs: Sequence[Any], outputs: Sequence[Any]) -> Any:
    del inputs, outputs
    return np.asarray(1.0)


def _relabelling(equation: Equation, operand: int, ties: Sequence[int]) -> LocalJacobian:
    """An edge that is all ties: no label is carried, the value is one."""
    out_shape, in_shape = equation.out_avals[0].shape, equation.in_avals[operand].shape
    structure = edge_structure(out_shape, in_shape, ties, (), Kind.STRUCTURAL)
    return LocalJacobian(structure, _ones)


@register("convert_element_type", "copy", "reduce_precision", *PASS_THROUGH)
def same_entries(equation: Equation, operand: int, result: int) -> LocalJacobian:
    """y = x in another dtype or another buffer.

    Args:
        equation: The equation.
        operand: Number of the operand.
        result: Number of the result.

    Returns:
        Out (a), in (a), no carried label.
    """
    out_shape, in_shape = equation.out_avals[result].shape, equation.in_avals[operand].shape
    ties = range(len(in_shape))
    structure = edge_structure(out_shape, in_shape, ties, (), Kind.STRUCTURAL)
    return LocalJacobian(structure, _ones)


@register("broadcast_in_dim")
def broadcast(equation: Equation, operand: int, result: int) -> LocalJacobian:
    """y[a, b] = x[b]: out (a, b), in (b), no carried label.

    Args:
        equation: The equation; reads `broadcast_dimensions`.
        operand: Number of the operand.
        result: Number of the result, 0.

    Returns:
        A structural edge.
    """
    del result
    # JAX's own functions put numpy integers here, which a stored graph cannot hold.
    dimensions = [int(axis) for axis in equation.params["broadcast_dimensions"]]
    return _relabelling(equation, operand, dimensions)


@register("transpose")
def transpose(equation: Equation, operand: int, result: int) -> LocalJacobian:
    """y[a, b] = x[b, a]: out (a, b), in (b, a), no carried label.

    Args:
        equation: The equation; reads `permutation`.
        operand: Number of the operand, 0.
        result: Number of the result, 0.

    Returns:
        A structural edge.
    """
    del result
    permutation = equation.params["permutation"]
    return _relabelling(equation, operand, [permutation.index(j) for j in range(len(permutation))])


@register("squeeze")
def squeeze(equation: Equation, operand: int, result: int) -> LocalJacobian:
    """y[a] = x[a, 0]: out (a), in (a, 1), no carried label.

    Args:
        equation: The equation; reads `dimensions`.
        operand: Number of the operand, 0.
        result: Number of the result, 0.

    Returns:
        A structural edge.
    """
    del result
    rank = len(equation.in_avals[operand].shape)
    dropped = {d % rank for d in equation.params["dimensions"]}
    kept = [j for j in range(rank) if j not in dropped]
    ties = [UNTIED if j in dropped else kept.index(j) for j in range(rank)]
    return _relabelling(equation, operand, ties)


@register("reshape")
def reshape(equation: Equation, operand: int, result: int) -> LocalJacobian:
    """y = x.reshape(...): axes that keep their place in memory stay tied.

    Example: (2, 3, 4) to (2, 12) has out (a, k), in (a, i, j); a is tied, k, i and j are carried.

    Args:
        equation: The equation; reads `dimensions`, the order in which axes are read.
        operand: Number of the operand, 0.
        result: Number of the result, 0.

    Returns:
        A structural edge.
    """
    del result
    out_shape, in_shape = equation.out_avals[0].shape, equation.in_avals[operand].shape
    order = list(equation.params["dimensions"] or range(len(in_shape)))
    read_ties = _reshape_ties(out_shape, tuple(in_shape[j] for j in order))
    ties = [read_ties[order.index(j)] for j in range(len(in_shape))]
    return _selection(equation, operand, 0, ties)


def _reshape_ties(out_shape: Shape, in_shape: Shape) -> list[int]:
    """Ties of axes with the same size and the same number of entries before them."""
    before, position = {}, 1
    for axis, size in enumerate(out_shape):
        if size != 1:
            before[position, size] = axis
        position *= size
    ties, position = [], 1
    for size in in_shape:
        ties.append(before.get((position, size), UNTIED) if size != 1 else UNTIED)
        position *= size
    return ties


def _touched_slice(equation: Equation, operand: int) -> tuple[int, ...]:
    out_shape, in_shape = equation.out_avals[0].shape, equation.in_avals[operand].shape
    return tuple(j for j, size in enumerate(in_shape) if out_shape[j] != size)


def _touched_pad(equation: Equation, operand: int) -> tuple[int, ...]:
    del operand
    config = equation.params["padding_config"]
    return tuple(j for j, padding in enumerate(config) if tuple(padding) != (0, 0, 0))


TOUCHED_AXES: dict[str, Touched] = {
    "slice": _touched_slice,
    "dynamic_slice": _touched_slice,
    "pad": _touched_pad,
    "concatenate": lambda equation, operand: (equation.params["dimension"],),
    "rev": lambda equation, operand: tuple(equation.params["dimensions"]),
    "split": lambda equation, operand: (equation.params["axis"],),
}


@register(*TOUCHED_AXES)
def axiswise(equation: Equation, operand: int, result: int) -> LocalJacobian:
    """Slice, pad, concatenate, rev, split: some axes are cut or moved, the others stay tied.

    Example: y = x[:, 1:3] of x with shape (5, 7) has out (a, k), in (a, i); a is tied, k and i are
    carried, and the value is the (2, 7) array with ones at [0, 1] and [1, 2].

    Args:
        equation: The equation.
        operand: Number of the operand.
        result: Number of the result.

    Returns:
        A structural edge.
    """
    if equation.name == "pad" and operand == 1:  # the padding value reaches many entries
        return LocalJacobian(*fallback_jacobian(equation, operand, result, Kind.STRUCTURAL))
    touched = TOUCHED_AXES[equation.name](equation, operand)
    rank = len(equation.in_avals[operand].shape)
    ties = [UNTIED if j in touched else j for j in range(rank)]
    return _selection(equation, operand, result, ties)


@register("gather", "dynamic_update_slice", "scatter", "scatter-add", "select_and_scatter_add")
def by_index(equation: Equation, operand: int, result: int) -> LocalJacobian:
    """Reads and writes at computed places: structural, every axis touched.

    Args:
        equation: The equation.
        operand: Number of the operand.
        result: Number of the result, 0.

    Returns:
        A structural edge that carries all labels; for the base of `scatter-add`, which every entry
        passes through, all axes are tied.
    """
    if equation.name == "scatter-add" and operand == 0:
        return _relabelling(equation, operand, range(len(equation.in_avals[operand].shape)))
    return LocalJacobian(*fallback_jacobian(equation, operand, result, Kind.STRUCTURAL))


@register("cumsum")
def cumulative_sum(equation: Equation, operand: int, result: int) -> LocalJacobian:
    """y[k] = x[0] + ... + x[k] along one axis: a lower triangle of ones, other axes tied.

    Args:
        equation: The equation; reads `axis` and `reverse`.
        operand: Number of the operand, 0.
        result: Number of the result, 0.

    Returns:
        A structural edge that carries both labels of the axis.
    """
    del result
    axis, shape = int(equation.params["axis"]), equation.in_avals[operand].shape
    ties = [UNTIED if j == axis else j for j in range(len(shape))]
    carried = (axis, len(shape) + axis)
    structure = edge_structure(shape, shape, ties, carried, Kind.STRUCTURAL)
    triangle = np.tril(np.ones((shape[axis], shape[axis])))
    values = (triangle.T if equation.params["reverse"] else triangle).reshape(
        structure.carried_shape
    )
    return LocalJacobian(structure, lambda inputs, outputs: values)


def _selection(equation: Equation, operand: int, result: int, ties: Sequence[int]) -> LocalJacobian:
    """An edge that copies each entry to at most one place per index of the tied axes."""
    out_shape, in_shape = equation.out_avals[result].shape, equation.in_avals[operand].shape
    rank = len(out_shape)
    out_touched = [i for i in range(rank) if i not in ties]
    in_touched = [rank + j for j, tie in enumerate(ties) if tie == UNTIED]
    structure = edge_structure(
        out_shape, in_shape, ties, (*out_touched, *in_touched), Kind.STRUCTURAL
    )

    def value(inputs: Sequence[Any], outputs: Sequence[Any]) -> Any:
        del outputs
        if 0 in structure.out_shape + structure.in_shape:
            return np.zeros(structure.carried_shape)
        indices = [
            x for x, aval in zip(inputs, equation.in_avals, strict=True) if aval.dtype.kind in "iu"
        ]
        if any(isinstance(x, jax.core.Tracer) for x in indices):
            return _block(structure, ties, dense_jacobian(equation, inputs, operand, result))
        numbers = _send_numbers(equation, inputs, operand, result)
        return _one_hot_block(structure, ties, numbers)

    return LocalJacobian(structure, value)


def _send_numbers(
    equation: Equation, inputs: Sequence[Any], operand: int, result: int
) -> np.ndarray:
    """Which entry of the operand, counted from 1, each entry of the result is; 0 for none."""
    shape = equation.in_avals[operand].shape
    numbered: list[Any] = [
        x if aval.dtype.kind in "iu" else np.zeros(aval.shape, np.int32)
        for x, aval in zip(inputs, equation.in_avals, strict=True)
    ]
    numbered[operand] = np.arange(1, 1 + int(np.prod(shape)), dtype=np.int32).reshape(shape)
    with jax.ensure_compile_time_eval():
        return np.asarray(equation.bind([jnp.asarray(x) for x in numbered])[result])


def _one_hot_block(
    structure: EdgeStructure, ties: Sequence[int], numbers: np.ndarray
) -> np.ndarray:
    """The 0/1 array over the carried labels from the numbers of the copied entries."""
    tied_out = {tie for tie in structure.ties if tie != UNTIED}
    numbers = numbers[tuple(0 if i in tied_out else slice(None) for i in range(numbers.ndim))]
    # numpy has no coordinates in a shape without axes.
    entries = np.unravel_index(np.maximum(numbers, 1) - 1, structure.in_shape or (1,))
    present = numbers > 0
    columns = np.zeros(numbers.shape, np.int64)
    width = 1
    for j, (tie, size) in enumerate(zip(structure.ties, structure.in_shape, strict=True)):
        if tie == UNTIED:
            columns = columns * size + entries[j]
            width *= size
        else:
            present &= entries[j] == 0
    block = np.zeros((numbers.size, width))
    rows = np.flatnonzero(present.ravel())
    block[rows, columns.ravel()[rows]] = 1
    return block.reshape(structure.carried_shape)


def _block(structure: EdgeStructure, ties: Sequence[int], dense: Any) -> Any:
    """The array over the carried labels from the whole Jacobian: tied axes at index 0."""
    rank = len(structure.out_shape)
    tied = {x for j, tie in enumerate(structure.ties) if tie != UNTIED for x in (tie, rank + j)}
    index = tuple(0 if axis in tied else slice(None) for axis in range(dense.ndim))
    return dense[index].reshape(structure.carried_shape)
