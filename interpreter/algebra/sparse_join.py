"""The product of a pattern and a value, both sparse: entries that meet are paired.

In a sum over products of zeros and ones with values, only those pairs matter whose indices agree
along the labels that both have. Finding them is a join of two tables, done in numpy while tracing.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from elimax.interpreter.algebra.labelled import Labels, times_whole
from elimax.interpreter.algebra.sparse_value import (
    Part,
    SparseValue,
    disjoint,
    places_of,
    summed,
    take_last,
)


def join(pattern: SparseValue, value: SparseValue, labels: Labels) -> SparseValue:
    """The product of a 0/1 pattern and a value: entries move, nothing is multiplied.

    Args:
        pattern: The pattern, constant ones or minus ones, in one part without dense labels.
        value: The value.
        labels: Labels of the product; the others are summed over.

    Returns:
        The product. Its sparse labels are those of both factors that are not summed over.
    """
    if not pattern.parts:
        return _nothing(pattern, value, labels)
    (ones,) = pattern.parts
    at = pattern.coordinates(ones)
    # Dense labels of the value along which the pattern picks entries; they become sparse or go.
    by_place = [label for label in value.dense if label in pattern.sparse]
    dense = tuple(label for label in value.dense if label not in pattern.sparse)
    kept = {**dict(zip(pattern.sparse, pattern.sizes, strict=True))}
    kept |= dict(zip(value.sparse, value.sizes, strict=True))
    sparse = tuple(sorted(label for label in kept if label in labels))
    sizes = tuple(kept[label] for label in sparse)
    parts = []
    for part in value.parts:
        there = value.coordinates(part)
        here, other = _matches(at, there, ones.places.size, part.places.size, kept)
        coordinates = {label: index[here] for label, index in at.items()}
        coordinates |= {label: index[other] for label, index in there.items()}
        picked = [coordinates[label] for label in by_place]
        entries = _pick(part.entries, value.dense, by_place, picked, other)
        entries = times_whole(entries, ones.entries[here])
        parts.append(summed(Part(entries, places_of(coordinates, sparse, sizes))))
    return SparseValue(dense, sparse, sizes, disjoint(parts))


def _nothing(pattern: SparseValue, value: SparseValue, labels: Labels) -> SparseValue:
    """The product with a pattern that selects nothing."""
    kept = dict(zip(pattern.sparse + value.sparse, pattern.sizes + value.sizes, strict=True))
    sparse = tuple(sorted(label for label in kept if label in labels))
    dense = tuple(label for label in value.dense if label not in kept)
    return SparseValue(dense, sparse, tuple(kept[label] for label in sparse), ())


def _matches(
    first: Mapping[int, np.ndarray],
    second: Mapping[int, np.ndarray],
    num_first: int,
    num_second: int,
    sizes: Mapping[int, int],
) -> tuple[np.ndarray, np.ndarray]:
    """All pairs of entries with the same indices along the labels that both have."""
    shared = tuple(label for label in first if label in second)
    if not shared:
        pairs = np.indices((num_first, num_second)).reshape(2, -1)
        return pairs[0], pairs[1]
    # A sort-merge join: a key of the first table meets a run of equal keys in the sorted second.
    shape = tuple(sizes[label] for label in shared)
    keys, others = places_of(first, shared, shape), places_of(second, shared, shape)
    by_key = np.argsort(others, kind="stable")
    low = np.searchsorted(others[by_key], keys, side="left")
    count = np.searchsorted(others[by_key], keys, side="right") - low
    here = np.repeat(np.arange(num_first), count)
    offset = np.arange(here.size) - np.repeat(np.cumsum(count) - count, count)
    return here, by_key[np.repeat(low, count) + offset]


def _pick(
    entries: Any,
    dense: Labels,
    by_place: Sequence[int],
    coordinates: Sequence[np.ndarray],
    other: np.ndarray,
) -> Any:
    """Entries of a part at given indices of some of its dense labels, in the order given."""
    rest = [axis for axis, label in enumerate(dense) if label not in by_place]
    moved = [dense.index(label) for label in by_place]
    order = (*rest, *moved, len(dense))
    table = entries if order == tuple(range(len(order))) else entries.transpose(order)
    shape = table.shape[len(rest) :]
    index = np.ravel_multi_index((*coordinates, other), shape) if other.size else other
    return take_last(table.reshape(*table.shape[: len(rest)], math.prod(shape)), index)
