"""Products with structural and trivial edges: entries are moved, copied or negated.

The pattern is one of a lone whole number, a sparse value of such numbers, or an array of zeros and
ones that is computed at run time.
"""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np

from elimax.interpreter.algebra.labelled import (
    Labelled,
    Labels,
    arrange,
    is_constant,
    times_whole,
    with_dtype_of,
)
from elimax.interpreter.algebra.masks import cleared
from elimax.interpreter.algebra.sparse_join import join
from elimax.interpreter.algebra.sparse_value import (
    Part,
    SparseValue,
    aligned,
    as_sparse,
    is_constant_value,
    scaled,
)
from elimax.interpreter.algebra.writing import to_array

Sizes = Mapping[int, int]


def array_of(value: Labelled, sizes: Sizes) -> Labelled:
    """A value written out as an array, over its labels in ascending order.

    Args:
        value: An array or a sparse value.
        sizes: Size of every label.

    Returns:
        The same value as an array.
    """
    labels = tuple(sorted(value.labels))
    if isinstance(value.array, SparseValue):
        return Labelled(to_array(value.array, labels, sizes), labels)
    return value


def is_known_pattern(pattern: Labelled) -> bool:
    """Whether the places and signs of a pattern are known while tracing."""
    return is_constant_value(pattern.array)


def settled(value: SparseValue, labels: Labels, sizes: Sizes) -> Any:
    """A sparse value as an array over `labels` if it is one in disguise; else as it is."""
    is_full = len(value.parts) == 1 and value.parts[0].places.size == value.space
    return to_array(value, labels, sizes) if is_full else value


def move(pattern: Labelled, value: Labelled, labels: Labels, sizes: Sizes) -> Any:
    """Contracts a pattern with a value.

    Args:
        pattern: The structural or trivial factor.
        value: The other factor.
        labels: Labels of the result; shared labels that are not among them are summed over.
        sizes: Size of every label.

    Returns:
        The result: a sparse value, or an array over `labels`.
    """
    if is_constant(pattern.array) and not pattern.labels:
        is_array = not isinstance(value.array, SparseValue)
        moved = arrange(value, labels) if is_array else value.array
        return scaled_value(moved, int(pattern.array))
    if isinstance(pattern.array, np.ndarray):
        pattern = Labelled(_ones_of(pattern), pattern.labels)
    if isinstance(pattern.array, SparseValue) and is_known_pattern(pattern):
        ones = _in_one_part(pattern.array, sizes)
        return settled(join(ones, as_sparse(value), labels), labels, sizes)
    first, second = array_of(pattern, sizes), array_of(value, sizes)
    second = second._replace(array=with_dtype_of(second.array, first.array))
    first, second = cleared(first, second, (True, False), labels)
    return jnp.einsum(
        jnp.asarray(first.array, second.array.dtype),
        list(first.labels),
        second.array,
        list(second.labels),
        list(labels),
    )


def _ones_of(pattern: Labelled) -> SparseValue:
    """A constant pattern by the places of its ones."""
    places = np.flatnonzero(pattern.array)
    part = Part(pattern.array.ravel()[places], places)
    return SparseValue((), pattern.labels, pattern.array.shape, (part,) if places.size else ())


def _in_one_part(pattern: SparseValue, sizes: Sizes) -> SparseValue:
    """A pattern by the places of its ones, as the product of a slice and a mask is none yet."""
    if not pattern.dense and len(pattern.parts) <= 1:
        return pattern
    pattern = aligned(pattern, (), pattern.sparse + pattern.dense, sizes)
    entries = np.concatenate([np.empty(0), *(part.entries for part in pattern.parts)])
    places = np.concatenate([np.empty(0, np.int64), *(part.places for part in pattern.parts)])
    is_there = entries != 0
    part = Part(entries[is_there], places[is_there])
    return pattern._replace(parts=(part,) if is_there.any() else ())


def scaled_value(value: Any, factor: int) -> Any:
    """A value of any sort times a whole number.

    Args:
        value: An array or a sparse value.
        factor: The number.

    Returns:
        The product, of the same sort.
    """
    if isinstance(value, SparseValue):
        return scaled(value, factor)
    return times_whole(value, factor)
