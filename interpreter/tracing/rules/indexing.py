"""Reads and writes at places that index arrays give: gather, scatter, dynamic slices.

Large ones are opaque edges, applied to their neighbours, so that no one-hot array is written for
them. Small ones are patterns: constant where the indices are known while tracing. Batch axes, and
axes that are read or written whole, stay tied.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from elimax.interpreter.algebra.linear_map import LinearMap
from elimax.interpreter.algebra.sparse_value import scaled
from elimax.interpreter.graph.pair_structure import Direction, opaque_edge
from elimax.interpreter.graph.structure import (
    UNTIED,
    EdgeStructure,
    Kind,
    edge_structure,
)
from elimax.interpreter.tracing.index_places import places
from elimax.interpreter.tracing.known_values import known_value
from elimax.interpreter.tracing.program import Equation
from elimax.interpreter.tracing.rules.registry import LocalJacobian, is_differentiable, register
from elimax.interpreter.tracing.rules.selections import pattern_of, selecting_structure
from elimax.interpreter.tracing.rules.use import Use

MAX_PATTERN = 1 << 22
"""Entries of an operand up to which constant indices become a constant pattern."""

MAX_ONE_HOT, MAX_SLIM = 1 << 14, 8
"""Entries of an array of zeros and ones, or of its shorter side, up to which it may be written."""


def _untied_except(use: Use, ties: dict[int, int]) -> list[int]:
    """Ties of an operand's axes from those that have one."""
    return [ties.get(axis, UNTIED) for axis in range(len(use.in_shape))]


@register("dynamic_slice")
def dynamic_slice(use: Use) -> LocalJacobian:
    """An entry that is cut out flows to one place; the starts, operands 1 and on, have no edge.

    y[a, k] = x[a, start + k], so dy[a, k]/dx[a, i] = 1 where i = start + k, along every axis that
    is cut; the others stay tied.

    Example: a slice of size (5, 2) of x with shape (5, 7): out (a, k), in (a, i) with a tied.

    Reads no parameter.
    https://docs.jax.dev/en/latest/_autosummary/jax.lax.dynamic_slice.html
    """
    out_shape = use.out_shape
    ties = [j if out_shape[j] == size else UNTIED for j, size in enumerate(use.in_shape)]
    return _mapped(use, ties)


@register("dynamic_update_slice")
def dynamic_update_slice(use: Use) -> LocalJacobian:
    """An entry of u, operand 1, flows into the block; one of x, operand 0, stays if outside of it.

    y[a, start + k] = u[a, k], and y = x elsewhere, so dy[a, k]/du[a, i] = 1 where k = start + i,
    and dy/dx is 0 inside the block and 1 outside.

    Example: for x of shape (5, 7) and u of shape (5, 2): dy/du has out (a, k), in (a, i) with a
    tied, and dy/dx has all axes tied and a mask over k as its value.

    Reads no parameter.
    https://docs.jax.dev/en/latest/_autosummary/jax.lax.dynamic_update_slice.html
    """
    out_shape = use.out_shape
    if use.operand == 0:
        update_shape = use.equation.in_avals[1].shape
        touched = [
            j for j, size in enumerate(update_shape) if size != out_shape[j] or 0 in update_shape
        ]
        return _mask(use, touched)
    ties = [j if out_shape[j] == size else UNTIED for j, size in enumerate(use.in_shape)]
    return _mapped(use, ties)


@register("gather")
def gather(use: Use) -> LocalJacobian:
    """An entry flows to all places that read it; the indices, operand 1, have no edge.

    y[n, d] = x[index[n], d], so dy[n, d]/dx[i, d] = 1 where i = index[n].

    Example: rows of x with shape (5, 3), read at two indices: out (n, d), in (i, d) with d tied.
    Batch axes are tied as well.

    Reads `dimension_numbers`, `slice_sizes` and `mode`.
    https://docs.jax.dev/en/latest/_autosummary/jax.lax.gather.html
    """
    numbers, sizes, shape = use.params["dimension_numbers"], use.params["slice_sizes"], use.in_shape
    batching: tuple[int, ...] = tuple(numbers.operand_batching_dims)
    index_batching: tuple[int, ...] = tuple(numbers.start_indices_batching_dims)
    windows = [j for j in range(len(shape)) if j not in (*numbers.collapsed_slice_dims, *batching)]
    others = [i for i in range(len(use.out_shape)) if i not in numbers.offset_dims]
    ties: dict[int, int] = {
        j: others[axis] for j, axis in zip(batching, index_batching, strict=True)
    }
    for j, out_axis in zip(windows, numbers.offset_dims, strict=True):
        if sizes[j] == shape[j] and j not in numbers.start_index_map:
            ties[j] = out_axis
    dependent = tuple(ties[j] for j in batching)
    return _mapped(use, _untied_except(use, ties), dependent)


@register("scatter", "scatter-add", "scatter-sub")
def scatter(use: Use) -> LocalJacobian:
    """An entry of u, operand 2, flows to where it is written; x, operand 0, stays or is replaced.

    y[index[n], d] is u[n, d], or x there plus or minus u[n, d]; elsewhere y = x. So
    dy[k, d]/du[n, d] = 1 where k = index[n], or -1, a trivial edge, if u is subtracted; dy/dx is 1,
    but 0 where x is replaced.

    Example: for x of shape (5, 3) and u of shape (2, 3): dy/du has out (k, d), in (n, d) with d
    tied; dy/dx has all axes tied. Batch axes are tied as well.

    Reads `dimension_numbers` and `mode`.
    https://docs.jax.dev/en/latest/_autosummary/jax.lax.scatter_add.html
    """
    shape = use.out_shape
    if use.operand == 0 and use.name != "scatter":
        structure = edge_structure(shape, shape, range(len(shape)), (), Kind.STRUCTURAL)
        return LocalJacobian(structure, lambda inputs, outputs: np.asarray(1.0))
    if use.operand == 0:
        return _mask(use, range(len(shape)))
    numbers, updates = use.params["dimension_numbers"], use.in_shape
    batching: tuple[int, ...] = tuple(numbers.operand_batching_dims)
    index_batching: tuple[int, ...] = tuple(numbers.scatter_indices_batching_dims)
    windows = [j for j in range(len(shape)) if j not in (*numbers.inserted_window_dims, *batching)]
    others = [i for i in range(len(updates)) if i not in numbers.update_window_dims]
    ties: dict[int, int] = {
        others[axis]: j for j, axis in zip(batching, index_batching, strict=True)
    }
    for j, axis in zip(windows, numbers.update_window_dims, strict=True):
        if updates[axis] == shape[j] and j not in numbers.scatter_dims_to_operand_dims:
            ties[axis] = j
    kind = Kind.TRIVIAL if use.name.endswith("sub") else Kind.STRUCTURAL
    return _mapped(use, _untied_except(use, ties), batching, kind)


def _mask(use: Use, touched: Sequence[int]) -> LocalJacobian:
    """The edge of operand 0, which passes where it is not overwritten: zeros and ones."""
    shape, dtype = use.out_shape, use.in_aval.dtype
    structure = edge_structure(shape, shape, range(len(shape)), touched, Kind.STRUCTURAL)
    index = tuple(slice(None) if axis in structure.carried else 0 for axis in range(len(shape)))

    def value(inputs: Sequence[Any], outputs: Sequence[Any]) -> Any:
        del outputs
        written = _known_places(use.equation, inputs)
        if written is None:
            return _alone(use, inputs)(jnp.ones(shape, dtype))[index]
        mask = np.ones(math.prod(shape), np.float32)
        mask[written] = 0
        return mask.reshape(shape)[index]

    return LocalJacobian(structure, value)


def _mapped(
    use: Use,
    ties: Sequence[int],
    depends_on_ties: Sequence[int] = (),
    kind: Kind = Kind.STRUCTURAL,
) -> LocalJacobian:
    """An edge that is the primitive itself, as a function of one operand alone.

    It stays a function unless it is small. Sizes alone decide, because whether the indices are
    known depends on where the function is traced, and must not change the graph.
    """
    out_shape, in_shape = use.out_shape, use.in_shape
    touched = selecting_structure(out_shape, in_shape, ties).carried
    structure = edge_structure(out_shape, in_shape, ties, (*touched, *depends_on_ties), kind)
    is_written = _is_small(structure, touched)

    def value(inputs: Sequence[Any], outputs: Sequence[Any]) -> Any:
        del outputs
        is_small = math.prod(out_shape + in_shape) <= MAX_PATTERN
        known = _known_places(use.equation, inputs) if is_written and is_small else None
        if known is not None:
            pattern = (_read_pattern if use.operand == 0 else _write_pattern)(structure, known)
            return scaled(pattern, -1) if kind == Kind.TRIVIAL else pattern
        linear_map = _linear_map(structure, _alone(use, inputs), use.in_aval.dtype)
        return linear_map.materialised(structure.carried) if is_written else linear_map

    if is_written:
        return LocalJacobian(structure, value)
    return LocalJacobian(opaque_edge(structure, 0, Direction.BOTH), value)


def _is_small(structure: EdgeStructure, touched: Sequence[int]) -> bool:
    """Whether a pattern of unknown places is written as an array of zeros and ones."""
    rank = len(structure.out_shape)
    sides = [
        math.prod(structure.size(label) for label in touched if (label < rank) == is_out)
        for is_out in (True, False)
    ]
    return min(sides) <= MAX_SLIM or math.prod(sides) <= MAX_ONE_HOT


def _linear_map(structure: EdgeStructure, function: Callable[[Any], Any], dtype: Any) -> LinearMap:
    """A function that is linear, and its transpose, as one map."""

    def backward(image: Any) -> Any:
        source = jax.ShapeDtypeStruct(structure.in_shape, image.dtype)
        return jax.linear_transpose(function, source)(image)[0]

    return LinearMap.of(structure, dtype, function, backward)


def _known_places(equation: Equation, inputs: Sequence[Any]) -> np.ndarray | None:
    """What `places` returns; None if an index is not known while tracing, or only JAX can tell."""
    shapes = [aval.shape for aval in equation.in_avals]
    window = equation.out_avals[0].shape
    if equation.name == "dynamic_update_slice":
        indices, window = inputs[2:], shapes[1]
    elif equation.name.startswith("scatter"):
        indices, window = inputs[1:2], shapes[2]
    else:
        indices = inputs[1:]
    known = [known_value(index) for index in indices]
    if any(index is None for index in known):
        return None
    found = places(equation.name, (shapes[0], window), known, equation.params)
    # If two updates are written to one place, JAX decides which one counts.
    if found is not None and equation.name == "scatter" and len(np.unique(found)) < found.size:
        return None
    return found


def _alone(use: Use, inputs: Sequence[Any]) -> Callable[[Any], Any]:
    """An equation as a linear function of one of its float operands."""

    def function(x: Any) -> Any:
        others = [
            jnp.zeros(aval.shape, x.dtype) if is_differentiable(aval) else value
            for value, aval in zip(inputs, use.equation.in_avals, strict=True)
        ]
        return use.apply(x, others)

    def tangent(x: Any) -> Any:
        return jax.jvp(function, (jnp.zeros_like(x),), (x,))[1]

    # Where one place is written twice, JAX's derivative knows which write counts; and it is zero
    # where a gather out of bounds returns a fill value, which is NaN unless told otherwise.
    is_filled = use.params.get("mode") == jax.lax.GatherScatterMode.FILL_OR_DROP
    is_linear = use.name != "scatter" and not (use.name == "gather" and is_filled)
    return function if is_linear else tangent


def _read_pattern(structure: EdgeStructure, read: np.ndarray) -> Any:
    """The pattern of a map that copies entries, from where it reads them."""
    at, found = _there(structure, read, range(read.ndim))
    sources = np.unravel_index(found, structure.in_shape or (1,))
    rank = len(structure.out_shape)
    at |= {rank + j: sources[j] for j, tie in enumerate(structure.ties) if tie == UNTIED}
    return pattern_of(structure, at)


def _write_pattern(structure: EdgeStructure, written: np.ndarray) -> Any:
    """The pattern of a map that writes entries, from where it writes them."""
    at, found = _there(structure, written, structure.in_labels)
    targets = np.unravel_index(found, structure.out_shape or (1,))
    at |= {i: targets[i] for i in range(len(structure.out_shape)) if i not in structure.ties}
    return pattern_of(structure, at)


def _there(
    structure: EdgeStructure, where: np.ndarray, labels: Sequence[int]
) -> tuple[dict[int, np.ndarray], np.ndarray]:
    """Index along each label, and place, of what is moved; along tied axes for index 0 alone."""
    index = tuple(slice(None) if label in structure.carried else slice(0, 1) for label in labels)
    where = where[index]
    moved = np.flatnonzero(where >= 0)
    indices = np.unravel_index(moved, where.shape) if where.ndim else ()
    return dict(zip(labels, indices, strict=True)), where.ravel()[moved]
