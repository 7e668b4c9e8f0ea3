"""Products of two arrays with labels, as the one primitive that each needs."""

from typing import Any

import jax
import numpy as np

from elimax.interpreter.algebra.labelled import (
    Labelled,
    Labels,
    arrange,
    multiply_arrays,
    reshaped,
    spread,
    with_dtype_of,
)


def contract(first: Labelled, second: Labelled, labels: Labels) -> Any:
    """One product of arrays, summed over the labels that both have and the result lacks.

    Args:
        first: One factor; numpy if it is a constant.
        second: The other.
        labels: Labels of the result, each of which a factor has.

    Returns:
        The array over `labels`; numpy if both factors are constant.
    """
    if set(first.labels) & set(second.labels) <= set(labels):
        return _elementwise(first, second, labels)
    if first.is_constant and second.is_constant:
        return np.einsum(
            first.array, list(first.labels), second.array, list(second.labels), list(labels)
        )
    first = first._replace(array=with_dtype_of(first.array, second.array))
    second = second._replace(array=with_dtype_of(second.array, first.array))
    return _dot(first, second, labels)


def _elementwise(first: Labelled, second: Labelled, labels: Labels) -> Any:
    """A product of arrays that sums over nothing."""
    sizes = dict(zip(first.labels, first.array.shape, strict=True))
    sizes |= dict(zip(second.labels, second.array.shape, strict=True))
    shape = tuple(sizes[label] for label in labels)
    one, other = (x.array if not x.labels else spread(x, labels, shape) for x in (first, second))
    product = multiply_arrays(one, other)
    return reshaped(product, shape)


def _dot(first: Labelled, second: Labelled, labels: Labels) -> Any:
    """A dot_general whose result needs as little transposing as its two forms allow."""
    shared = [label for label in first.labels if label in second.labels]
    batch = [label for label in labels if label in shared]
    summed = [label for label in shared if label not in labels]
    with jax.numpy_dtype_promotion("standard"):
        dtype = jax.numpy.result_type(first.array.dtype, second.array.dtype)
    forms = []
    for one, other in ((first, second), (second, first)):
        free = [
            [label for label in labels if label in x.labels and label not in shared]
            for x in (one, other)
        ]
        rest = [[label for label in x.labels if label not in shared] for x in (one, other)]
        moves = (free[0] != rest[0]) + (free[1] != rest[1])
        result = (*batch, *rest[0], *rest[1])
        forms.append((result != labels, moves, len(forms), one, other, result))
    *_, one, other, result = min(forms, key=lambda form: form[:3])

    def axes(group: list[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        return (
            tuple(one.labels.index(label) for label in group),
            tuple(other.labels.index(label) for label in group),
        )

    left, right = (_in_dtype(x.array, dtype) for x in (one, other))
    numbers = axes(summed), axes(batch)
    product = jax.lax.dot_general(left, right, numbers, preferred_element_type=dtype)
    return arrange(Labelled(product, result), labels)


def _in_dtype(array: Any, dtype: Any) -> Any:
    return array if array.dtype == dtype else jax.numpy.asarray(array, dtype)
