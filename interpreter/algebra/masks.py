"""Products with values whose zeros exclude, so that nothing excluded makes nan.

The edge Jacobian of select, max or clamp is 0 where another entry was chosen. What stands there in
the neighbouring edge must not matter, even if it is infinite or nan, as the slope of a square root
at 0 is; but 0 times infinity is nan. So such a value *drops*: before a product the other factor is
cleared where it is excluded, and 0 times 0 is 0. A product drops if one of its factors does.

Only what is infinite or nan is cleared. A product that drops may be 0 because of a value, such as a
weight, and not because of a mask. Clearing a finite factor would not change the product, but its
derivative with respect to that value, which is the factor.

A contraction of A[o, k], which drops, with B[k, i] clears B[o, k, i] if that is small, and else the
B[k, i] whose k is excluded for every o. What is excluded for some o only then behaves as in one of
JAX's modes.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from elimax.interpreter.algebra.labelled import (
    Labelled,
    Labels,
    is_constant,
    spread,
)

MAX_CLEARED = 1 << 14
"""Entries up to which a factor is repeated along the other's labels to be cleared exactly."""


def cleared(
    first: Labelled,
    second: Labelled,
    drops: tuple[bool, bool],
    labels: Labels,
    are_finite: tuple[bool, bool] = (False, False),
) -> tuple[Labelled, Labelled]:
    """The factors of a product, each without what a zero of the other excludes.

    Args:
        first: One factor.
        second: The other.
        drops: For each of them whether its zeros exclude.
        labels: Labels of the product.
        are_finite: For each of them whether it is known to be finite, so that it stays as it is.

    Returns:
        The factors; one that is cleared may have more labels than before.
    """
    one = _without(first, second, labels) if drops[1] and not are_finite[0] else first
    other = _without(second, first, labels) if drops[0] and not are_finite[1] else second
    return one, other


def _without(value: Labelled, by: Labelled, labels: Labels) -> Labelled:
    """A value, 0 where it is not finite and the zeros of another exclude it."""
    if value.is_constant and np.isfinite(value.array).all():
        return value
    excluded = Labelled(_is_zero(by.array), by.labels)
    if excluded.is_constant and not excluded.array.any():
        return value
    sizes = dict(zip(by.labels, by.array.shape, strict=True))
    sizes |= dict(zip(value.labels, value.array.shape, strict=True))
    both = tuple(sorted(sizes))
    # Without a sum the product itself has as many entries, so any size is cleared exactly.
    is_summed = any(label not in labels for label in both)
    if is_summed and math.prod(sizes.values()) > MAX_CLEARED:
        excluded = _for_all_others(excluded, value.labels)
        both = value.labels
    elif set(both) == set(value.labels):
        both = value.labels
    shape = tuple(sizes[label] for label in both)
    array = spread(value, both, shape)
    return Labelled(_where(spread(excluded, both, shape) & ~_is_finite(array), array), both)


def _for_all_others(excluded: Labelled, labels: Labels) -> Labelled:
    """Where a mask holds at all indices of the labels that are not among the given ones."""
    axes = tuple(axis for axis, label in enumerate(excluded.labels) if label not in labels)
    kept = tuple(label for label in excluded.labels if label in labels)
    if excluded.is_constant:
        return Labelled(np.asarray(excluded.array.all(axis=axes)), kept)
    # Behind a barrier: XLA would fold the reduction of a mask that does not depend on the point,
    # which takes it longer than all the rest.
    mask = jax.lax.optimization_barrier(excluded.array)
    return Labelled(jax.lax.reduce_and(mask, axes), kept)


def _is_zero(array: Any) -> Any:
    zero = np.zeros((), array.dtype)
    return array == zero if is_constant(array) else jax.lax.eq(array, zero)


def _is_finite(array: Any) -> Any:
    return np.isfinite(array) if is_constant(array) else jnp.isfinite(array)


def _where(excluded: Any, array: Any) -> Any:
    """The array, 0 where it is excluded."""
    if is_constant(excluded) and is_constant(array):
        return np.where(excluded, np.zeros((), array.dtype), array)
    array = jnp.asarray(array)
    return jax.lax.select(jnp.asarray(excluded), jax.lax.full_like(array, 0), array)
