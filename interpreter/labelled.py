"""Arrays whose axes have labels, constant (numpy) or computed (JAX)."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

Labels = tuple[int, ...]


class Labelled(NamedTuple):
    """An array and the label of each of its axes.

    Attributes:
        array: The array; numpy if it is a constant.
        labels: One label per axis, all different.
    """

    array: Any
    labels: Labels


def is_constant(array: Any) -> bool:
    """Whether an array is known while tracing, so that work on it costs nothing at run time."""
    return isinstance(array, np.ndarray | np.generic)


def namespace(array: Any) -> Any:
    """numpy for constants, so that they stay constants, and jax.numpy for the rest."""
    return np if is_constant(array) else jnp


def arrange(operand: Labelled, labels: Labels) -> Any:
    """The array with its axes in the order of `labels`, a permutation of its own."""
    order = [operand.labels.index(label) for label in labels]
    return operand.array if order == sorted(order) else operand.array.transpose(order)


def spread(operand: Labelled, labels: Labels) -> Any:
    """The array with its axes in the order of `labels`, of size one where it lacks a label."""
    arranged = arrange(operand, tuple(label for label in labels if label in operand.labels))
    missing = tuple(axis for axis, label in enumerate(labels) if label not in operand.labels)
    return namespace(arranged).expand_dims(arranged, missing) if missing else arranged


def with_dtype_of(constant: Any, other: Any) -> Any:
    """A constant in the dtype of what it is combined with; anything else as it is."""
    if not is_constant(constant) or is_constant(other):
        return constant
    if np.iscomplexobj(constant):
        wide = other.dtype in (np.float64, np.complex128)
        return np.asarray(constant, np.complex128 if wide else np.complex64)
    return np.asarray(constant, other.dtype)


def reshaped(array: Any, shape: tuple[int, ...]) -> Any:
    """An array in another shape; untouched, and nothing traced, if it has that shape."""
    return array if array.shape == shape else array.reshape(shape)


def add_arrays(first: Any, second: Any) -> Any:
    """The sum of two arrays that broadcast to each other; a constant takes the other's dtype."""
    first, second = with_dtype_of(first, second), with_dtype_of(second, first)
    if not is_constant(first) and not is_constant(second) and _is_alike(first, second):
        return jax.lax.add(first, second)  # the operator of jax.numpy would be traced as a call
    with jax.numpy_dtype_promotion("standard"):
        return first + second


def multiply_arrays(first: Any, second: Any) -> Any:
    """The product of two arrays that broadcast to each other, likewise."""
    first, second = with_dtype_of(first, second), with_dtype_of(second, first)
    if not is_constant(first) and not is_constant(second) and _is_alike(first, second):
        return jax.lax.mul(first, second)
    with jax.numpy_dtype_promotion("standard"):
        return first * second


def negative(array: Any) -> Any:
    """Minus an array."""
    return -array if is_constant(array) else jax.lax.neg(array)


def reciprocal(array: Any) -> Any:
    """One divided by an array."""
    return 1 / array if is_constant(array) else jax.lax.reciprocal(array)


def _is_alike(first: Any, second: Any) -> bool:
    return first.shape == second.shape and first.dtype == second.dtype
