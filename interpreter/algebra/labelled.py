"""Arrays whose axes have labels, constant (numpy) or computed (JAX)."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

Labels = tuple[int, ...]

Array: TypeAlias = np.ndarray | jax.Array
"""numpy for constants, which are folded while tracing; JAX for all else."""


class Labelled(NamedTuple):
    """An array and the label of each of its axes.

    Attributes:
        array: The array; numpy if it is a constant.
        labels: One label per axis, all different.
    """

    array: Array
    labels: Labels

    @property
    def is_constant(self) -> bool:
        """Whether the array is known while tracing."""
        return is_constant(self.array)

    def renamed(self, names: Mapping[int, int]) -> "Labelled":
        """The same array with other labels."""
        return Labelled(self.array, tuple(names[label] for label in self.labels))


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


def spread(operand: Labelled, labels: Labels, shape: tuple[int, ...]) -> Any:
    """The array repeated along the labels that it lacks.

    Args:
        operand: The array.
        labels: Labels of the wanted axes, its own among them.
        shape: Their sizes.

    Returns:
        The array over `labels`.
    """
    if operand.labels == labels:
        return operand.array
    axes = tuple(axis for axis, label in enumerate(labels) if label in operand.labels)
    arranged = arrange(operand, tuple(labels[axis] for axis in axes))
    if is_constant(arranged):
        missing = tuple(axis for axis in range(len(labels)) if axis not in axes)
        return np.broadcast_to(np.expand_dims(arranged, missing), shape)
    return jax.lax.broadcast_in_dim(arranged, shape, axes)


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
    """The sum of two arrays of one shape; a constant takes the other's dtype."""
    return _combined(np.add, jax.lax.add, first, second)


def multiply_arrays(first: Any, second: Any) -> Any:
    """The product of two arrays of one shape, or of an array and a single number; likewise."""
    return _combined(np.multiply, jax.lax.mul, first, second)


def _combined(
    on_constants: Callable[..., Any], operation: Callable[..., Any], first: Any, second: Any
) -> Any:
    if is_constant(first) and is_constant(second):
        return on_constants(first, second)
    first, second = with_dtype_of(first, second), with_dtype_of(second, first)
    if first.dtype != second.dtype:
        with jax.numpy_dtype_promotion("standard"):
            dtype = jnp.result_type(first.dtype, second.dtype)
        first, second = jnp.asarray(first, dtype), jnp.asarray(second, dtype)
    # The operators of jax.numpy would be traced as calls.
    return operation(first, second)


def times_whole(array: Any, factors: Any) -> Any:
    """An array times whole numbers, which are usually signs.

    Args:
        array: The array.
        factors: A number, or an array of numbers that broadcasts to the array.

    Returns:
        The product; by 1 nothing is done, and by -1 the array is negated, not multiplied.
    """
    if np.all(factors == 1):
        return array
    if np.all(factors == -1):
        return -array if is_constant(array) else jax.lax.neg(array)
    return array * np.asarray(factors, array.dtype)


def reciprocal(array: Any) -> Any:
    """One divided by an array."""
    return 1 / array if is_constant(array) else jax.lax.reciprocal(array)
