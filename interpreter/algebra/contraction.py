"""Products of two arrays with labels, as the one primitive that each needs."""

import functools
import operator
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

FEW = 8
"""Terms up to which a product of two matrices is written as a sum of products of columns and rows.

XLA computes small matrix products in a batch one by one, in CPU code of general sizes. A sum of
eight terms takes a half to a tenth of the time, and is fused with what stands around it. From
sixteen terms on matrix products are as quick, and compile quicker.
"""


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
    summed = [label for label in first.labels if label in second.labels and label not in labels]
    if len(summed) == 1 and _is_small(first, second, summed[0]):
        return _sum_of_outer_products(first, second, labels, summed[0])
    return _dot(first, second, labels)


def _is_small(first: Labelled, second: Labelled, summed: int) -> bool:
    """Whether few terms are added up, and both factors are matrices and not vectors."""
    factors = ((first, second), (second, first))
    have_others = all(
        any(n > 1 for label, n in _sizes(x).items() if label not in y.labels) for x, y in factors
    )
    return have_others and 0 < _sizes(first)[summed] <= FEW


def _sum_of_outer_products(first: Labelled, second: Labelled, labels: Labels, summed: int) -> Any:
    first, second = _in_common_dtype(first, second)
    terms = [
        _elementwise(_at(first, summed, k), _at(second, summed, k), labels)
        for k in range(_sizes(first)[summed])
    ]
    return functools.reduce(operator.add, terms)


def _at(factor: Labelled, label: int, place: int) -> Labelled:
    """The slice at one index of a label."""
    axis = factor.labels.index(label)
    rest = tuple(x for x in factor.labels if x != label)
    if factor.is_constant:
        return Labelled(np.take(factor.array, place, axis), rest)
    return Labelled(jax.lax.index_in_dim(factor.array, place, axis, keepdims=False), rest)


def _sizes(factor: Labelled) -> dict[int, int]:
    return dict(zip(factor.labels, factor.array.shape, strict=True))


def _elementwise(first: Labelled, second: Labelled, labels: Labels) -> Any:
    """A product of arrays that sums over nothing."""
    sizes = _sizes(first) | _sizes(second)
    shape = tuple(sizes[label] for label in labels)
    one, other = (x.array if not x.labels else spread(x, labels, shape) for x in (first, second))
    product = multiply_arrays(one, other)
    return reshaped(product, shape)


def _dot(first: Labelled, second: Labelled, labels: Labels) -> Any:
    """A dot_general, with its operands in the order that needs less transposing of the result."""
    shared = [label for label in first.labels if label in second.labels]
    batch = [label for label in labels if label in shared]
    summed = [label for label in shared if label not in labels]
    first, second = _in_common_dtype(first, second)
    forms = []
    for one, other in ((first, second), (second, first)):
        free = [
            [label for label in labels if label in x.labels and label not in shared]
            for x in (one, other)
        ]
        rest = [[label for label in x.labels if label not in shared] for x in (one, other)]
        moves = (free[0] != rest[0]) + (free[1] != rest[1])
        result = (*batch, *rest[0], *rest[1])
        # Operands that need transposing count less than a result that does; then the first form.
        forms.append((result != labels, moves, len(forms), one, other, result))
    *_, one, other, result = min(forms, key=lambda form: form[:3])

    def axes(group: list[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        return (
            tuple(one.labels.index(label) for label in group),
            tuple(other.labels.index(label) for label in group),
        )

    numbers, dtype = (axes(summed), axes(batch)), first.array.dtype
    product = jax.lax.dot_general(one.array, other.array, numbers, preferred_element_type=dtype)
    return arrange(Labelled(product, result), labels)


def _in_common_dtype(*factors: Labelled) -> list[Labelled]:
    with jax.numpy_dtype_promotion("standard"):
        dtype = jax.numpy.result_type(*(x.array.dtype for x in factors))
    return [
        x if x.array.dtype == dtype else x._replace(array=jax.numpy.asarray(x.array, dtype))
        for x in factors
    ]
