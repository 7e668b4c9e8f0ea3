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
from elimax.interpreter.tracing.rules.registry import LocalJacobian, register
from elimax.interpreter.tracing.rules.use import Use

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
        at: For every touched label the index of each of the ones along it.

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
def reshape(use: Use) -> LocalJacobian:
    """An entry flows to the one at its place in memory; axes that keep theirs stay tied.

    y.ravel() = x.ravel(), so J is 1 where both indices stand for the same place.

    Example: (2, 3, 4) to (2, 12) has out (a, k), in (a, i, j); a is tied, k, i and j are carried,
    with a one at k = 4 i + j.

    Reads `dimensions`, the order in which axes are read.
    https://docs.jax.dev/en/latest/_autosummary/jax.lax.reshape.html
    """
    out_shape, in_shape = use.out_shape, use.in_shape
    order = list(use.params["dimensions"] or range(len(in_shape)))
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


def slice_pairs(use: Use) -> dict[int, Pairs]:
    """y[k] = x[start + stride k] along every axis that is cut."""
    starts = use.params["start_indices"]
    strides = use.params["strides"] or (1,) * len(starts)
    pairs = {}
    for axis, (start, stride) in enumerate(zip(starts, strides, strict=True)):
        if use.out_shape[axis] != use.in_shape[axis]:
            index = np.arange(use.out_shape[axis])
            pairs[axis] = (index, start + stride * index)
    return pairs


def pad_pairs(use: Use) -> dict[int, Pairs]:
    """y[low + (interior + 1) i] = x[i] along every axis that is padded."""
    pairs = {}
    for axis, (low, high, interior) in enumerate(use.params["padding_config"]):
        if (low, high, interior) != (0, 0, 0):
            index = np.arange(use.in_shape[axis])
            place = low + (interior + 1) * index
            inside = (place >= 0) & (place < use.out_shape[axis])
            pairs[axis] = (place[inside], index[inside])
    return pairs


def concatenate_pairs(use: Use) -> dict[int, Pairs]:
    """y[offset + i] = x[i] along the axis of a concatenation."""
    axis = use.params["dimension"]
    index = np.arange(use.in_shape[axis])
    offset = sum(aval.shape[axis] for aval in use.equation.in_avals[: use.operand])
    return {axis: (offset + index, index)}


def split_pairs(use: Use) -> dict[int, Pairs]:
    """y[k] = x[offset + k] along the axis of a split."""
    axis, sizes = use.params["axis"], use.params["sizes"]
    index = np.arange(sizes[use.result])
    return {axis: (index, sum(sizes[: use.result]) + index)}


def reverse_pairs(use: Use) -> dict[int, Pairs]:
    """y[k] = x[n - 1 - k] along every reversed axis."""
    pairs = {}
    for axis in use.params["dimensions"]:
        index = np.arange(use.in_shape[axis])
        pairs[axis] = (index, index[::-1])
    return pairs


def tile_pairs(use: Use) -> dict[int, Pairs]:
    """y[n r + i] = x[i] along every axis of size n that is repeated, for all r."""
    pairs = {}
    for axis, (size, whole) in enumerate(zip(use.in_shape, use.out_shape, strict=True)):
        if size != whole:
            place = np.arange(whole)
            pairs[axis] = (place, place % size)
    return pairs


PAIRS: dict[str, Callable[[Use], dict[int, Pairs]]] = {
    "slice": slice_pairs,
    "pad": pad_pairs,
    "concatenate": concatenate_pairs,
    "split": split_pairs,
    "rev": reverse_pairs,
    "tile": tile_pairs,
}


@register(*PAIRS)
def axiswise(use: Use) -> LocalJacobian:
    """An entry flows to its new places along the axes that are cut or moved; the others stay tied.

    y[a, k] = x[a, i(k)], so dy[a, k]/dx[a, i] = 1 where i = i(k); `PAIRS` has i(k) for each
    primitive. The padding value, operand 1 of pad, flows to every place that x leaves free.

    Example: y = x[:, 1:3] of x with shape (5, 7) has out (a, k), in (a, i); a is tied, k and i are
    carried, with ones at (0, 1) and (1, 2).

    Reads of slice `start_indices` and `strides`; of pad `padding_config`; of concatenate
    `dimension`; of split `axis` and `sizes`; of rev `dimensions`; of tile nothing.
    https://docs.jax.dev/en/latest/_autosummary/jax.lax.slice.html
    """
    if use.name == "pad" and use.operand == 1:  # the padding value reaches many entries
        return _padding_value(use)
    return axiswise_edge(use, PAIRS[use.name](use))


@register("stack")
def stack(use: Use) -> LocalJacobian:
    """An entry of operand k flows to the one at its place in layer k.

    y[a, k, b] = x_k[a, b], so dy[a, k, b]/dx_i[a, b] = 1 where k = i.

    Example: two arrays of shape (5, 7) along axis 1 have out (a, k, b), in (a, b), carried k, with
    a one at k = 0 for the first and at k = 1 for the second.

    Reads `axis`.
    https://docs.jax.dev/en/latest/_autosummary/jax.numpy.stack.html
    """
    axis = use.params["axis"] % len(use.out_shape)
    ties = [j if j < axis else j + 1 for j in range(len(use.in_shape))]
    structure = selecting_structure(use.out_shape, use.in_shape, ties)
    at = {axis: np.array([use.operand])}
    return LocalJacobian(structure, _constant(pattern_of(structure, at)))


@register("unstack")
def unstack(use: Use) -> LocalJacobian:
    """An entry of layer k flows to the one at its place in result k.

    y_k[a, b] = x[a, k, b], so dy_k[a, b]/dx[a, i, b] = 1 where i = k: the transpose of `stack`.

    Example: x of shape (5, 2, 7) along axis 1: y_0 has out (a, b), in (a, i, b), carried i, with a
    one at i = 0.

    Reads `axis`.
    https://docs.jax.dev/en/latest/_autosummary/jax.numpy.unstack.html
    """
    axis = use.params["axis"] % len(use.in_shape)
    ties = [UNTIED if j == axis else j - (j > axis) for j in range(len(use.in_shape))]
    structure = selecting_structure(use.out_shape, use.in_shape, ties)
    at = {len(use.out_shape) + axis: np.array([use.result])}
    return LocalJacobian(structure, _constant(pattern_of(structure, at)))


def axiswise_edge(use: Use, pairs: Mapping[int, Pairs]) -> LocalJacobian:
    """A structural edge from what happens along each axis.

    Args:
        use: The operand and the result.
        pairs: For every touched axis which entries of the result are which of the operand.

    Returns:
        The edge; axes without pairs are tied.
    """
    rank = len(use.out_shape)
    ties = [UNTIED if j in pairs else j for j in range(len(use.in_shape))]
    structure = selecting_structure(use.out_shape, use.in_shape, ties)
    lengths = tuple(len(pairs[axis][0]) for axis in pairs)
    grid = np.indices(lengths).reshape(len(lengths), math.prod(lengths))
    at: dict[int, np.ndarray] = {}
    for row, (axis, (places, index)) in zip(grid, pairs.items(), strict=True):
        at |= {axis: places[row], rank + axis: index[row]}
    return LocalJacobian(structure, _constant(pattern_of(structure, at)))


def _padding_value(use: Use) -> LocalJacobian:
    """y[k] = z wherever no entry of the padded operand lands."""
    structure = selecting_structure(use.out_shape, use.in_shape, ())
    is_free = np.ones(use.out_shape, bool)
    pairs = pad_pairs(use._replace(operand=0))
    taken = [
        pairs[axis][0] if axis in pairs else np.arange(n) for axis, n in enumerate(use.out_shape)
    ]
    is_free[np.ix_(*taken)] = False
    at = dict(enumerate(np.nonzero(is_free)))
    return LocalJacobian(structure, _constant(pattern_of(structure, at)))
