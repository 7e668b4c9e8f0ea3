"""Products with structural and trivial edges: entries are moved, copied or negated.

A pattern is a single whole number, a sparse value of such numbers, or an array of zeros and ones
that is computed at run time.
"""

from collections.abc import Mapping

import jax.numpy as jnp
import numpy as np

from elimax.interpreter.algebra.labelled import (
    Labelled,
    Labels,
    arrange,
    times_whole,
    with_dtype_of,
)
from elimax.interpreter.algebra.masks import cleared
from elimax.interpreter.algebra.sparse_join import join
from elimax.interpreter.algebra.sparse_value import (
    LabelledValue,
    Part,
    SparseValue,
    Value,
    aligned,
    as_sparse,
    scaled,
)
from elimax.interpreter.algebra.writing import to_array

Sizes = Mapping[int, int]


def array_of(value: LabelledValue, sizes: Sizes) -> Labelled:
    """A value as an array; a sparse one is written out, over its labels in ascending order.

    Args:
        value: An array or a sparse value.
        sizes: Size of every label.

    Returns:
        The same value as an array.
    """
    if isinstance(value, Labelled):
        return value
    labels = tuple(sorted(value.labels))
    return Labelled(to_array(value, labels, sizes), labels)


def settled(value: SparseValue, labels: Labels, sizes: Sizes) -> Value:
    """A sparse value as an array over `labels` if it is one in disguise; else as it is."""
    is_full = len(value.parts) == 1 and value.parts[0].places.size == value.space
    return to_array(value, labels, sizes) if is_full else value


def move(
    pattern: LabelledValue,
    value: LabelledValue,
    labels: Labels,
    sizes: Sizes,
    is_finite: bool = False,
) -> Value:
    """Contracts a pattern with a value.

    Args:
        pattern: The structural or trivial factor.
        value: The other factor.
        labels: Labels of the result; shared labels that are not among them are summed over.
        sizes: Size of every label.
        is_finite: Whether the other factor is known to be finite.

    Returns:
        The result: a sparse value, or an array over `labels`.
    """
    if isinstance(pattern, Labelled) and pattern.is_constant:
        if not pattern.labels:
            moved = arrange(value, labels) if isinstance(value, Labelled) else value
            return scaled_value(moved, int(pattern.array))
        pattern = _ones_of(pattern)
    if isinstance(pattern, SparseValue) and pattern.is_constant:
        ones = _in_one_part(pattern, sizes)
        return settled(join(ones, as_sparse(value), labels), labels, sizes)
    # The pattern is a mask that is computed at run time; its zeros exclude.
    first, second = array_of(pattern, sizes), array_of(value, sizes)
    second = second._replace(array=with_dtype_of(second.array, first.array))
    first, second = cleared(first, second, (True, False), labels, (False, is_finite))
    return jnp.einsum(
        jnp.asarray(first.array, second.array.dtype),
        list(first.labels),
        second.array,
        list(second.labels),
        list(labels),
    )


def _ones_of(pattern: Labelled) -> SparseValue:
    """A constant pattern by the places of its ones."""
    array = np.asarray(pattern.array)
    places = np.flatnonzero(array)
    part = Part(array.ravel()[places], places)
    return SparseValue((), pattern.labels, array.shape, (part,) if places.size else ())


def _in_one_part(pattern: SparseValue, sizes: Sizes) -> SparseValue:
    """A pattern as one part over sparse labels alone, as a product of patterns may not be yet."""
    if not pattern.dense and len(pattern.parts) <= 1:
        return pattern
    pattern = aligned(pattern, (), pattern.sparse + pattern.dense, sizes)
    entries = np.concatenate([np.empty(0), *(part.entries for part in pattern.parts)])
    places = np.concatenate([np.empty(0, np.int64), *(part.places for part in pattern.parts)])
    is_there = entries != 0
    part = Part(entries[is_there], places[is_there])
    return pattern._replace(parts=(part,) if is_there.any() else ())


def scaled_value(value: Value, factor: int) -> Value:
    """A value times a whole number.

    Args:
        value: An array or a sparse value.
        factor: The number.

    Returns:
        The product, an array or a sparse value as before.
    """
    if isinstance(value, SparseValue):
        return scaled(value, factor)
    return times_whole(value, factor)
