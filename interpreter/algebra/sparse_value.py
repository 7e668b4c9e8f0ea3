"""Values of edge Jacobians with few nonzeros at places that are known while tracing.

A slice, a reshape or a diagonal is zero almost everywhere. Such a value is kept as *parts*: entries
and where they stand. Moving, joining and adding parts is index arithmetic in numpy; the arrays with
the zeros in them are written only when they must be multiplied, or at the very end.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from elimax.interpreter.algebra.labelled import (
    Array,
    Labelled,
    Labels,
    add_arrays,
    is_constant,
    namespace,
    times_whole,
)

MAX_PADDED = 4
"""Equal places are summed as rows of a padded table of at most this many times as many entries."""


class Part(NamedTuple):
    """Some entries of a sparse value.

    Attributes:
        entries: Array over the dense labels and, last, over the n entries; numpy if constant.
        places: int64[n], the index of each entry along all sparse labels, flattened in row-major
            order; all different.
    """

    entries: Any
    places: np.ndarray


class SparseValue(NamedTuple):
    """A value that is zero except at the places of its parts.

    Attributes:
        dense: Labels along which parts have an entry for every index.
        sparse: Labels along which only the places of the parts are not zero.
        sizes: Number of indices of each sparse label.
        parts: Disjoint parts.
    """

    dense: Labels
    sparse: Labels
    sizes: tuple[int, ...]
    parts: tuple[Part, ...]

    @property
    def space(self) -> int:
        """Number of places along the sparse labels, zeros included."""
        return int(np.prod(self.sizes, dtype=np.int64))

    @property
    def labels(self) -> Labels:
        """All labels."""
        return self.dense + self.sparse

    @property
    def is_constant(self) -> bool:
        """Whether all entries are known while tracing."""
        return all(is_constant(part.entries) for part in self.parts)

    def renamed(self, names: Mapping[int, int]) -> "SparseValue":
        """The same value with other labels."""
        dense, sparse = (tuple(names[x] for x in labels) for labels in (self.dense, self.sparse))
        return self._replace(dense=dense, sparse=sparse)

    def coordinates(self, part: Part) -> dict[int, np.ndarray]:
        """The index of every entry of a part along each sparse label."""
        if not self.sparse:
            return {}
        indices = np.unravel_index(part.places, self.sizes)
        return dict(zip(self.sparse, indices, strict=True))


Value: TypeAlias = Array | SparseValue
"""What an edge Jacobian holds: an array over its carried labels, or a sparse value over them."""

LabelledValue: TypeAlias = Labelled | SparseValue
"""A value that knows its labels; both have `labels`, `is_constant` and `renamed`."""


def labelled(value: Value, labels: Labels) -> LabelledValue:
    """A value with its labels.

    Args:
        value: The value.
        labels: One label for each axis if it is an array; a sparse value has its own.

    Returns:
        The same value.
    """
    return value if isinstance(value, SparseValue) else Labelled(value, labels)


def selection(labels: Labels, sizes: Sequence[int], coordinates: Sequence[Any]) -> SparseValue:
    """A 0/1 pattern.

    Args:
        labels: Its labels.
        sizes: The size of each.
        coordinates: For every label the index of each 1, all of the same length.

    Returns:
        The pattern; a constant.
    """
    sizes = tuple(sizes)
    places = places_of(dict(zip(labels, coordinates, strict=True)), labels, sizes)
    return SparseValue((), labels, sizes, (Part(np.ones(places.shape), places),))


def as_sparse(operand: LabelledValue) -> SparseValue:
    """An array as a sparse value without sparse labels; a sparse value as it is."""
    if isinstance(operand, SparseValue):
        return operand
    entries = namespace(operand.array).expand_dims(operand.array, -1)
    return SparseValue(operand.labels, (), (), (Part(entries, np.zeros(1, np.int64)),))


def scaled(value: SparseValue, factor: int) -> SparseValue:
    """A value times a whole number."""
    parts = (part._replace(entries=times_whole(part.entries, factor)) for part in value.parts)
    return value._replace(parts=tuple(parts))


def project(value: SparseValue, dropped: set[int]) -> SparseValue:
    """A value summed over some of its labels.

    Args:
        value: The value.
        dropped: Labels that go.

    Returns:
        The sum over the others.
    """
    axes = tuple(axis for axis, label in enumerate(value.dense) if label in dropped)
    dense = tuple(label for label in value.dense if label not in dropped)
    kept = [axis for axis, label in enumerate(value.sparse) if label not in dropped]
    sparse = tuple(value.sparse[axis] for axis in kept)
    sizes = tuple(value.sizes[axis] for axis in kept)
    parts = []
    for part in value.parts:
        entries = part.entries.sum(axis=axes) if axes else part.entries
        places = places_of(value.coordinates(part), sparse, sizes)
        parts.append(summed(Part(entries, places)))
    return SparseValue(dense, sparse, sizes, disjoint(parts))


def places_of(
    coordinates: Mapping[int, np.ndarray], labels: Labels, sizes: tuple[int, ...]
) -> np.ndarray:
    """Places of entries from their indices.

    Args:
        coordinates: For every label the index of each entry.
        labels: Labels of the places.
        sizes: The size of each.

    Returns:
        int64[n], one place per entry, in row-major order of the labels.
    """
    if not labels:
        length = next((len(index) for index in coordinates.values()), 1)
        return np.zeros(length, np.int64)
    indices = tuple(np.asarray(coordinates[label], np.int64) for label in labels)
    return np.ravel_multi_index(indices, sizes).astype(np.int64)


def take_last(table: Any, index: np.ndarray) -> Any:
    """`table[..., index]` for a constant index, as a slice where the index is a run."""
    size = table.shape[-1]
    if np.array_equal(index, np.arange(size)):
        return table
    if is_constant(table):
        return table[..., index]
    if index.size and np.array_equal(index, np.arange(index[0], index[0] + index.size)):
        return jax.lax.slice_in_dim(table, int(index[0]), int(index[-1]) + 1, axis=-1)
    if size == 1:
        return jnp.broadcast_to(table, (*table.shape[:-1], index.size))
    # Every index is in range; the default mode would check each and fill with nan.
    return jnp.take(table, index.astype(np.int32), axis=-1, mode="clip")


def summed(part: Part) -> Part:
    """Adds up the entries of a part whose places may repeat.

    Args:
        part: The part.

    Returns:
        The part with every place once, in ascending order if some were repeated.
    """
    places, inverse = np.unique(part.places, return_inverse=True)
    if places.size == part.places.size:
        return part
    entries, shape = part.entries, (*part.entries.shape[:-1], places.size)
    if is_constant(entries):
        total = np.zeros(shape, entries.dtype)
        np.add.at(np.moveaxis(total, -1, 0), inverse, np.moveaxis(entries, -1, 0))
        return Part(total, places)
    # Not a product with a 0/1 matrix, in which an entry that is nan would reach every place.
    longest = int(np.bincount(inverse).max())
    if places.size * longest <= MAX_PADDED * inverse.size:
        return Part(_row_sums(entries, inverse, (places.size, longest)), places)
    return Part(jnp.zeros(shape, entries.dtype).at[..., inverse].add(entries), places)


def _row_sums(entries: Any, rows: np.ndarray, shape: tuple[int, int]) -> Any:
    """Sums of entries by the number of their row, as sums along rows of a padded table."""
    count = rows.size
    order = np.argsort(rows, kind="stable")
    sizes = np.bincount(rows, minlength=shape[0])
    column = np.arange(count) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    table = np.full(shape, count)  # Padding reads the zero that is put behind the last entry.
    table[rows[order], column] = order
    if count != table.size:
        entries = jnp.pad(entries, [(0, 0)] * (entries.ndim - 1) + [(0, 1)])
    # Entries that lie column by column need no look-up.
    elif np.array_equal(table.T.ravel(), np.arange(count)):
        return entries.reshape(*entries.shape[:-1], *shape[::-1]).sum(axis=-2)
    return take_last(entries, table.ravel()).reshape(*entries.shape[:-1], *shape).sum(axis=-1)


def disjoint(parts: Sequence[Part]) -> tuple[Part, ...]:
    """Adds up parts where their places meet.

    Args:
        parts: Parts over the same labels.

    Returns:
        Disjoint parts with the same sum.
    """
    done: list[Part] = []
    for part in parts:
        if part.places.size:
            done = _insert(done, part)
    return tuple(done)


def _insert(done: list[Part], part: Part) -> list[Part]:
    """Disjoint parts with the sum of disjoint ones and one more."""
    result, rest = [], part
    for index, old in enumerate(done):
        meets = np.isin(old.places, rest.places)
        if not meets.any():
            result.append(old)
            continue
        # The old part is split where the places meet; there the new entries are added to it.
        if not meets.all():
            result.append(_restricted(old, ~meets))
            old = _restricted(old, meets)
        order = np.argsort(rest.places)
        found = order[np.searchsorted(rest.places[order], old.places)]
        result.append(Part(add_arrays(old.entries, take_last(rest.entries, found)), old.places))
        is_left = ~np.isin(rest.places, old.places)
        if not is_left.any():
            return result + done[index + 1 :]
        rest = _restricted(rest, is_left)
    return [*result, rest]


def _restricted(part: Part, mask: np.ndarray) -> Part:
    return Part(take_last(part.entries, np.flatnonzero(mask)), part.places[mask])


def aligned(
    value: SparseValue, dense: Labels, sparse: Labels, sizes: Mapping[int, int]
) -> SparseValue:
    """A value over more labels, its own among them.

    Args:
        value: The value.
        dense: Wanted dense labels; those that the value lacks are repeated.
        sparse: Wanted sparse labels; a dense label of the value may become sparse.
        sizes: Size of every label.

    Returns:
        The same value.
    """
    if (value.dense, value.sparse) == (dense, sparse):
        return value
    shape = tuple(sizes[label] for label in sparse)
    added = tuple(label for label in sparse if label not in value.sparse)
    added_shape = tuple(sizes[label] for label in added)
    width = math.prod(added_shape)
    everywhere = np.indices(added_shape).reshape(len(added), width)
    parts = []
    for part in value.parts:
        count = part.places.size
        at = {x: np.repeat(index, width) for x, index in value.coordinates(part).items()}
        at |= {x: np.tile(index, count) for x, index in zip(added, everywhere, strict=True)}
        spread = _over(part.entries, value.dense, dense, added, sizes)
        places = places_of(at, sparse, shape) if sparse else part.places
        parts.append(Part(spread, places))
    return SparseValue(dense, sparse, shape, tuple(parts))


def _over(entries: Any, had: Labels, dense: Labels, added: Labels, sizes: Mapping[int, int]) -> Any:
    """Entries over the wanted dense labels and, last, over entries and added labels together."""
    xp, last = namespace(entries), len(had)
    wanted = (*dense, None, *added)  # None is the axis of the entries.
    order = [last if x is None else had.index(x) for x in wanted if x is None or x in had]
    table = entries.transpose(order)
    missing = tuple(axis for axis, x in enumerate(wanted) if x is not None and x not in had)
    table = xp.expand_dims(table, missing)
    shape = tuple(entries.shape[-1] if x is None else sizes[x] for x in wanted)
    if table.shape != shape:
        table = xp.broadcast_to(table, shape)
    return table.reshape(*shape[: len(dense)], math.prod(shape[len(dense) :]))


def with_diagonal(value: SparseValue, label: int, copy: int) -> SparseValue:
    """A value after a tie is broken: zero unless two labels have the same index.

    Args:
        value: The value; `label` is one of its sparse labels.
        label: The label that stood for both axes.
        copy: The new label of one of them.

    Returns:
        The value with `copy` as its last sparse label.
    """
    size = value.sizes[value.sparse.index(label)]
    # As the last label `copy` varies fastest in row-major order.
    parts = tuple(
        Part(part.entries, part.places * size + value.coordinates(part)[label])
        for part in value.parts
    )
    return SparseValue(value.dense, (*value.sparse, copy), (*value.sizes, size), parts)
