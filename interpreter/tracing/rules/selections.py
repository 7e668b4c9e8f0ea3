"""Primitives that cut, move or rearrange entries at places known from shapes and parameters.

Axes that a primitive leaves alone stay tied. Along the others the edge is a constant 0/1 pattern,
stored as the places of its ones.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from elimax.interpreter.algebra.sparse_value import SparseValue, selection
from elimax.interpreter.graph.structure import (
    UNTIED,
    EdgeStructure,
    Kind,
    Shape,
    edge_structure,
)
from elimax.interpreter.tracing.program import Equation
from elimax.interpreter.tracing.rules.registry import LocalJacobian, register

# Which entry of the result, along one axis, is which entry of the operand.
Pairs = tuple[np.ndarray, np.ndarray]


def selecting_structure(out_shape: Shape, in_shape: Shape, ties: Sequence[int]) -> EdgeStructure:
    """A structural edge that carries every axis that is not tied.

    Args:
        out_shape: Shape of the result.
        in_shape: Shape of the operand.
        ties: For each axis of the operand its out axis, or `UNTIED`.

    Returns:
        The structure.
    """
    rank = len(out_shape)
    out_touched = [i for i in range(rank) if i not in ties]
    in_touched = [rank + j for j, tie in enumerate(ties) if tie == UNTIED]
    carried = (*out_touched, *in_touched)
    return edge_structure(out_shape, in_shape, ties, carried, Kind.STRUCTURAL)


def pattern_of(structure: EdgeStructure, at: Mapping[int, np.ndarray]) -> Any:
    """The value of a selecting edge.

    Args:
        structure: Its structure.
        at: For every touched label the index of each one.

    Returns:
        The pattern over the carried labels.
    """
    labels = structure.carried
    if not labels:  # at most one entry, and no label to tell its place by
        is_there = all(len(index) for index in at.values())
        return np.asarray(1.0) if is_there else SparseValue((), (), (), ())
    return selection(labels, structure.carried_shape, [at[label] for label in labels])


def _constant(value: Any) -> Callable[[Sequence[Any], Sequence[Any]], Any]:
    return lambda inputs, outputs: value


@register("reshape")
def reshape(equation: Equation, operand: int, result: int) -> LocalJacobian:
    """y = x.reshape(...): axes that keep their place in memory stay tied.

    Example: (2, 3, 4) to (2, 12) has out (a, k), in (a, i, j); a is tied, k, i and j are carried,
    with a one at k = 4 i + j.

    Args:
        equation: The equation; reads `dimensions`, the order in which axes are read.
        operand: Number of the operand, 0.
        result: Number of the result, 0.

    Returns:
        A structural edge.
    """
    out_shape, in_shape = equation.out_avals[result].shape, equation.in_avals[operand].shape
    order = list(equation.params["dimensions"] or range(len(in_shape)))
    read_ties = _reshape_ties(out_shape, tuple(in_shape[j] for j in order))
    ties = [read_ties[order.index(j)] for j in range(len(in_shape))]
    structure = selecting_structure(out_shape, in_shape, ties)
    rank = len(out_shape)
    touched = (
        [i for i in range(rank) if i not in ties],
        [j for j in order if ties[j] == UNTIED],
    )
    at: dict[int, np.ndarray] = {}
    for axes, shape, offset in ((touched[0], out_shape, 0), (touched[1], in_shape, rank)):
        sizes = tuple(shape[axis] for axis in axes)
        index = np.indices(sizes).reshape(len(sizes), math.prod(sizes))
        at |= {offset + axis: index[k] for k, axis in enumerate(axes)}
    return LocalJacobian(structure, _constant(pattern_of(structure, at)))


def _reshape_ties(out_shape: Shape, in_shape: Shape) -> list[int]:
    """Ties of axes with the same size and the same number of entries before them."""
    if 0 in in_shape:  # all numbers of entries behind an empty axis are zero
        return [UNTIED] * len(in_shape)
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


def slice_pairs(equation: Equation, operand: int, result: int) -> dict[int, Pairs]:
    """y[k] = x[start + stride k] along every axis that is cut."""
    out_shape, in_shape = equation.out_avals[result].shape, equation.in_avals[operand].shape
    starts = equation.params["start_indices"]
    strides = equation.params["strides"] or (1,) * len(starts)
    pairs = {}
    for axis, (start, stride) in enumerate(zip(starts, strides, strict=True)):
        if out_shape[axis] != in_shape[axis]:
            index = np.arange(out_shape[axis])
            pairs[axis] = (index, start + stride * index)
    return pairs


def pad_pairs(equation: Equation, operand: int, result: int) -> dict[int, Pairs]:
    """y[low + (interior + 1) i] = x[i] along every axis that is padded."""
    out_shape, in_shape = equation.out_avals[result].shape, equation.in_avals[operand].shape
    pairs = {}
    for axis, (low, high, interior) in enumerate(equation.params["padding_config"]):
        if (low, high, interior) != (0, 0, 0):
            index = np.arange(in_shape[axis])
            place = low + (interior + 1) * index
            inside = (place >= 0) & (place < out_shape[axis])
            pairs[axis] = (place[inside], index[inside])
    return pairs


def concatenate_pairs(equation: Equation, operand: int, result: int) -> dict[int, Pairs]:
    """y[offset + i] = x[i] along the axis of a concatenation."""
    del result
    axis = equation.params["dimension"]
    index = np.arange(equation.in_avals[operand].shape[axis])
    offset = sum(aval.shape[axis] for aval in equation.in_avals[:operand])
    return {axis: (offset + index, index)}


def split_pairs(equation: Equation, operand: int, result: int) -> dict[int, Pairs]:
    """y[k] = x[offset + k] along the axis of a split."""
    del operand
    axis, sizes = equation.params["axis"], equation.params["sizes"]
    index = np.arange(sizes[result])
    return {axis: (index, sum(sizes[:result]) + index)}


def reverse_pairs(equation: Equation, operand: int, result: int) -> dict[int, Pairs]:
    """y[k] = x[n - 1 - k] along every reversed axis."""
    del result
    pairs = {}
    for axis in equation.params["dimensions"]:
        index = np.arange(equation.in_avals[operand].shape[axis])
        pairs[axis] = (index, index[::-1])
    return pairs


def tile_pairs(equation: Equation, operand: int, result: int) -> dict[int, Pairs]:
    """y[n r + i] = x[i] along every axis of size n that is repeated, for all r."""
    out_shape, in_shape = equation.out_avals[result].shape, equation.in_avals[operand].shape
    pairs = {}
    for axis, (size, whole) in enumerate(zip(in_shape, out_shape, strict=True)):
        if size != whole:
            place = np.arange(whole)
            pairs[axis] = (place, place % size)
    return pairs


PAIRS: dict[str, Callable[[Equation, int, int], dict[int, Pairs]]] = {
    "slice": slice_pairs,
    "pad": pad_pairs,
    "concatenate": concatenate_pairs,
    "split": split_pairs,
    "rev": reverse_pairs,
    "tile": tile_pairs,
}


@register(*PAIRS)
def axiswise(equation: Equation, operand: int, result: int) -> LocalJacobian:
    """Slice, pad, concatenate, split, rev, tile: some axes are cut or moved, the others stay tied.

    Example: y = x[:, 1:3] of x with shape (5, 7) has out (a, k), in (a, i); a is tied, k and i are
    carried, with ones at (0, 1) and (1, 2).

    Args:
        equation: The equation.
        operand: Number of the operand.
        result: Number of the result.

    Returns:
        A structural edge.
    """
    if equation.name == "pad" and operand == 1:  # the padding value reaches many entries
        return _padding_value(equation, operand, result)
    return axiswise_edge(equation, operand, result, PAIRS[equation.name](equation, operand, result))


@register("stack")
def stack(equation: Equation, operand: int, result: int) -> LocalJacobian:
    """y[a, k, b] = x_k[a, b]: the axes of x are tied, and the new one says whose entries they are.

    Example: two arrays of shape (5, 7) along axis 1 have out (a, k, b), in (a, b), carried k, with
    a one at k = 0 for the first and at k = 1 for the second.

    Args:
        equation: The equation; reads `axis`.
        operand: Number of the operand.
        result: Number of the result, 0.

    Returns:
        A structural edge.
    """
    out_shape, in_shape = equation.out_avals[result].shape, equation.in_avals[operand].shape
    axis = equation.params["axis"] % len(out_shape)
    ties = [j if j < axis else j + 1 for j in range(len(in_shape))]
    structure = selecting_structure(out_shape, in_shape, ties)
    return LocalJacobian(structure, _constant(pattern_of(structure, {axis: np.array([operand])})))


@register("unstack")
def unstack(equation: Equation, operand: int, result: int) -> LocalJacobian:
    """y_k[a, b] = x[a, k, b]: the transpose of `stack`.

    Example: x of shape (5, 2, 7) along axis 1: y_0 has out (a, b), in (a, i, b), carried i, with a
    one at i = 0.

    Args:
        equation: The equation; reads `axis`.
        operand: Number of the operand, 0.
        result: Number of the result.

    Returns:
        A structural edge.
    """
    out_shape, in_shape = equation.out_avals[result].shape, equation.in_avals[operand].shape
    axis = equation.params["axis"] % len(in_shape)
    ties = [UNTIED if j == axis else j - (j > axis) for j in range(len(in_shape))]
    structure = selecting_structure(out_shape, in_shape, ties)
    at = {len(out_shape) + axis: np.array([result])}
    return LocalJacobian(structure, _constant(pattern_of(structure, at)))


def axiswise_edge(
    equation: Equation, operand: int, result: int, pairs: Mapping[int, Pairs]
) -> LocalJacobian:
    """A structural edge from what happens along each axis.

    Args:
        equation: The equation.
        operand: Number of the operand.
        result: Number of the result.
        pairs: For every touched axis which entries of the result are which of the operand.

    Returns:
        The edge; axes without pairs are tied.
    """
    out_shape, in_shape = equation.out_avals[result].shape, equation.in_avals[operand].shape
    rank = len(out_shape)
    ties = [UNTIED if j in pairs else j for j in range(len(in_shape))]
    structure = selecting_structure(out_shape, in_shape, ties)
    lengths = tuple(len(pairs[axis][0]) for axis in pairs)
    grid = np.indices(lengths).reshape(len(lengths), math.prod(lengths))
    at: dict[int, np.ndarray] = {}
    for row, (axis, (places, index)) in zip(grid, pairs.items(), strict=True):
        at |= {axis: places[row], rank + axis: index[row]}
    return LocalJacobian(structure, _constant(pattern_of(structure, at)))


def _padding_value(equation: Equation, operand: int, result: int) -> LocalJacobian:
    """y[k] = z wherever no entry of the padded operand lands."""
    out_shape, in_shape = equation.out_avals[result].shape, equation.in_avals[operand].shape
    structure = selecting_structure(out_shape, in_shape, ())
    is_free = np.ones(out_shape, bool)
    pairs = pad_pairs(equation, 0, result)
    taken = [pairs[axis][0] if axis in pairs else np.arange(n) for axis, n in enumerate(out_shape)]
    is_free[np.ix_(*taken)] = False
    at = dict(enumerate(np.nonzero(is_free)))
    return LocalJacobian(structure, _constant(pattern_of(structure, at)))
