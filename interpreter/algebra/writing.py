"""Writes sparse values out as arrays: every place is written once, nothing is multiplied.

XLA compiles one flat concatenation much better than nested ones or many updates, so a few runs of
places are concatenated; a regular grid of places becomes one padding. Few entries in each row are
written by comparison (`sparse_rows`), anything else by one look-up.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from elimax.interpreter.algebra.labelled import (
    Labelled,
    Labels,
    arrange,
    is_constant,
    reshaped,
)
from elimax.interpreter.algebra.sparse_rows import few_per_row
from elimax.interpreter.algebra.sparse_value import (
    Part,
    SparseValue,
    aligned,
    places_of,
    take_last,
)

MAX_CONSTANT = 1 << 12
"""Entries up to which an array is put into the program as a constant."""

MAX_BACKGROUND = 1 << 18
"""Places up to which known entries of a table, zeros included, are put into the program as they
are; a look-up puts as many indices there."""

MAX_PIECES = 16
"""Runs of places, beyond one per part, up to which they are concatenated and not looked up."""


def to_array(value: SparseValue, labels: Labels, sizes: Mapping[int, int]) -> Any:
    """Writes a value out over its labels, zeros included.

    Args:
        value: A sparse value.
        labels: Its labels in the order of the wanted axes.
        sizes: Size of every label.

    Returns:
        The array; numpy if the value is constant.
    """
    sparse = tuple(label for label in labels if label in value.sparse)
    dense = tuple(label for label in labels if label in value.dense)
    ordered = _reordered(value, dense, sparse, sizes)
    shape = tuple(sizes[label] for label in dense + sparse)
    flat = _written(ordered, shape[: len(dense)])
    return arrange(Labelled(reshaped(flat, shape), dense + sparse), labels)


def traced_array(value: SparseValue, labels: Labels, sizes: Mapping[int, int], dtype: Any) -> Any:
    """Writes a value out at run time, even if it is constant.

    XLA would look at every entry of a large constant, and fold what is computed from it.

    Args:
        value: A sparse value.
        labels: Its labels in the order of the wanted axes.
        sizes: Size of every label.
        dtype: Dtype of the array if the value is constant.

    Returns:
        The array.
    """
    shape = tuple(sizes[label] for label in labels)
    if not value.is_constant or math.prod(shape) <= MAX_CONSTANT:
        array = to_array(value, labels, sizes)
        return jnp.asarray(array, dtype) if is_constant(array) else array
    total = jnp.zeros((), dtype)
    whole = aligned(value, (), value.sparse + value.dense, sizes)
    for part in whole.parts:
        at = whole.coordinates(part)
        total = total + _ones_at(part.entries, [at[x] for x in labels], shape, dtype)
    return jnp.broadcast_to(total, shape)


def _ones_at(
    entries: np.ndarray, at: Sequence[np.ndarray], shape: tuple[int, ...], dtype: Any
) -> Any:
    """Entries at their indices; by comparison, not a scatter, if each index of an axis has one."""
    for axis, index in enumerate(at):
        if index.size != shape[axis] or np.unique(index).size != index.size:
            continue
        order = np.argsort(index)
        across = [1] * len(shape)
        across[axis] = index.size
        is_there = jnp.ones((), bool)
        for other, places in enumerate(at):
            if other != axis:
                iota = jax.lax.broadcasted_iota(np.int32, shape, other)
                wanted = places[order].astype(np.int32).reshape(across)
                is_there = is_there & (iota == wanted)
        signs = entries[order].reshape(across)
        return jnp.where(is_there, jnp.asarray(signs, dtype), jnp.zeros((), dtype))
    return jnp.zeros(shape, dtype).at[tuple(at)].set(jnp.asarray(entries, dtype))


def _reordered(
    value: SparseValue, dense: Labels, sparse: Labels, sizes: Mapping[int, int]
) -> SparseValue:
    """The same value with its labels in another order."""
    if (value.dense, value.sparse) == (dense, sparse):
        return value
    order = (*(value.dense.index(label) for label in dense), len(dense))
    shape = tuple(sizes[label] for label in sparse)
    parts = tuple(
        Part(
            part.entries if order == tuple(range(len(order))) else part.entries.transpose(order),
            places_of(value.coordinates(part), sparse, shape) if sparse else part.places,
        )
        for part in value.parts
    )
    return SparseValue(dense, sparse, shape, parts)


def _written(value: SparseValue, shape: tuple[int, ...]) -> Any:
    """The entries at their places, over the dense labels and all places: (*shape, space)."""
    if value.is_constant:
        return _constant(value.parts, value.space, shape)
    parts = [_sorted(part) for part in value.parts]
    dtype = jnp.result_type(*(p.entries.dtype for p in parts if not is_constant(p.entries)))
    runs = sum(len(_run_starts(part.places)) for part in parts)
    by_rows = _by_rows(parts, value.sizes, shape, dtype) if runs > 1 else None
    if by_rows is not None:
        return by_rows
    if len(parts) == 1 and parts[0].places.size < value.space:
        grid = _on_grid(parts[0], value.space, dtype)
        if grid is not None:
            return grid
    if runs > len(parts) + MAX_PIECES:
        return _looked_up(parts, value.space, dtype)
    return _concatenated(parts, value.space, shape, dtype)


def _sorted(part: Part) -> Part:
    if (np.diff(part.places) > 0).all():
        return part
    order = np.argsort(part.places)
    return Part(take_last(part.entries, order), part.places[order])


def _run_starts(places: np.ndarray) -> np.ndarray:
    """Indices of the entries at which runs of consecutive places start."""
    # What is prepended is not right before the first place, so that a run starts there.
    return np.flatnonzero(np.diff(places, prepend=places[0] - 2) != 1)


def _concatenated(parts: Sequence[Part], space: int, shape: tuple[int, ...], dtype: Any) -> Any:
    """Runs of places one after the other, with zeros between them."""
    runs: list[tuple[int, int, Part, int]] = []
    for part in parts:
        starts = _run_starts(part.places)
        for start, stop in itertools.pairwise((*starts, part.places.size)):
            runs.append((int(part.places[start]), int(stop - start), part, int(start)))
    pieces, position = [], 0
    for place, length, part, start in sorted(runs, key=lambda run: run[0]):
        if place > position:
            pieces.append(np.zeros((*shape, place - position), dtype))
        piece = take_last(part.entries, np.arange(start, start + length))
        if piece.shape[:-1] != shape:
            piece = jnp.broadcast_to(piece, (*shape, length))
        pieces.append(np.asarray(piece, dtype) if is_constant(piece) else piece.astype(dtype))
        position = place + length
    if position < space:
        pieces.append(np.zeros((*shape, space - position), dtype))
    if len(pieces) == 1:
        return pieces[0]
    return jax.lax.concatenate([jnp.asarray(piece) for piece in _joined(pieces)], len(shape))


def _joined(pieces: Sequence[Any]) -> list[Any]:
    """Neighbouring constants as one."""
    result: list[Any] = []
    for piece in pieces:
        if result and is_constant(piece) and is_constant(result[-1]):
            result[-1] = np.concatenate([result[-1], piece], axis=-1)
        else:
            result.append(piece)
    return result


def _on_grid(part: Part, space: int, dtype: Any) -> Any | None:
    """One padding, if the places are a grid of one or two constant strides; else None."""
    places = part.places
    inner = int(places[1] - places[0]) if places.size > 1 else 1
    breaks = np.flatnonzero(np.diff(places) != inner)
    width = int(breaks[0]) + 1 if breaks.size else places.size
    if places.size % width:
        return None
    rows = places.reshape(-1, width)
    outer = int(rows[1, 0] - rows[0, 0]) if len(rows) > 1 else 0
    grid = places[0] + outer * np.arange(len(rows))[:, None] + inner * np.arange(width)
    if not np.array_equal(grid, rows):
        return None
    zero = jnp.zeros((), dtype)
    entries = part.entries.astype(dtype)
    before = entries.shape[:-1]
    unpadded = [(0, 0, 0)] * len(before)
    # Each row is padded to the outer stride; what the last one has too much of is cut off below,
    # where a negative padding crops.
    if len(rows) > 1:
        used = (width - 1) * inner + 1
        entries = entries.reshape(*before, len(rows), width)
        config = [*unpadded, (0, 0, 0), (0, outer - used, inner - 1)]
        entries = jax.lax.pad(entries, zero, config).reshape(*before, len(rows) * outer)
        low, step = int(places[0]), 1
    else:
        low, step = int(places[0]), inner
    length = (entries.shape[-1] - 1) * step + 1
    return jax.lax.pad(entries, zero, [*unpadded, (low, space - low - length, step - 1)])


def _by_rows(
    parts: Sequence[Part], sizes: tuple[int, ...], shape: tuple[int, ...], dtype: Any
) -> Any | None:
    """Layer by layer: for each place whether the entry of its row stands there; None if slower."""
    space = math.prod(sizes)
    # What is known is the background.
    is_behind = [space <= MAX_BACKGROUND and is_constant(part.entries) for part in parts]
    known = list(itertools.compress(parts, is_behind))
    rows = few_per_row([x for x, behind in zip(parts, is_behind, strict=True) if not behind], sizes)
    if rows is None:
        return None
    written = jnp.zeros((), dtype)
    if known:
        before = np.broadcast_shapes(*(part.entries.shape[:-1] for part in known))
        background = _constant(known, space, before).reshape(*before, *rows.shape)
        written = jnp.asarray(background, dtype)
    at = jax.lax.broadcasted_iota(np.int32, rows.shape, 1)
    for of_layer, columns in rows.layers:
        entries = _written(SparseValue((), (0,), rows.shape[:1], of_layer), shape)
        entries = jnp.asarray(entries, dtype)[..., None]
        written = jnp.where(at == columns[:, None], entries, written)
    return jnp.broadcast_to(written, (*shape, *rows.shape)).reshape(*shape, space)


def _constant(parts: Sequence[Part], space: int, shape: tuple[int, ...]) -> np.ndarray:
    """Known entries at their places, over the dense labels and all places."""
    dtype = np.result_type(float, *(part.entries.dtype for part in parts))
    array = np.zeros((*shape, space), dtype)
    for part in parts:
        array[..., part.places] = part.entries
    return array


def _looked_up(parts: Sequence[Part], space: int, dtype: Any) -> Any:
    """A look-up: for each place which entry of the table it holds."""
    index = np.zeros(space, np.int32)
    index[np.concatenate([part.places for part in parts])] = np.arange(
        1, 1 + sum(part.places.size for part in parts)
    )
    return jnp.take(_table(parts, dtype), index, axis=-1, mode="clip")


def _table(parts: Sequence[Part], dtype: Any) -> Any:
    """The entries of all parts, one behind the other, behind a zero."""
    before = np.broadcast_shapes(*(part.entries.shape[:-1] for part in parts))
    pieces = [
        jnp.broadcast_to(part.entries, (*before, part.places.size)).astype(dtype) for part in parts
    ]
    return jnp.concatenate([jnp.zeros((*before, 1), dtype), *pieces], axis=-1)
