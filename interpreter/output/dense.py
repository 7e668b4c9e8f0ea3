"""Jacobian blocks that are written out in full."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from elimax.interpreter.algebra.labelled import reshaped
from elimax.interpreter.algebra.sparse_value import SparseValue, Value
from elimax.interpreter.algebra.writing import traced_array
from elimax.interpreter.graph.structure import UNTIED, EdgeStructure, Shape


def written_out(structure: EdgeStructure, value: Value, dtype: Any) -> jax.Array:
    """Writes a value out in full; nothing is multiplied.

    Args:
        structure: Structure of the block.
        value: Its value, an array over the carried labels or a sparse value.
        dtype: Wanted dtype.

    Returns:
        Array of shape out_shape + in_shape.
    """
    labels, array = structure.carried, value
    if isinstance(array, SparseValue):
        sizes = {label: structure.size(label) for label in structure.labels}
        labels = tuple(label for label in structure.carried if label in array.labels)
        array = traced_array(array, labels, sizes, dtype)
    shape = (*structure.out_shape, *structure.in_shape)
    array = array if array.dtype == dtype else jnp.asarray(array, dtype)
    array = reshaped(array, tuple(n if label in labels else 1 for label, n in enumerate(shape)))
    rank = len(structure.out_shape)
    for j, tie in enumerate(structure.ties):
        if tie != UNTIED:
            mask = _diagonal(shape, tie, rank + j)
            array = jnp.where(mask, array, jnp.zeros((), dtype))
    return jnp.asarray(array) if array.shape == shape else jnp.broadcast_to(array, shape)


def _diagonal(shape: Shape, first: int, second: int) -> Any:
    """Whether two axes have the same index, as an array that broadcasts to a shape."""
    size = shape[first]
    compact = [size if axis in (first, second) else 1 for axis in range(len(shape))]
    if size <= 64:
        return np.eye(size, dtype=bool).reshape(compact)
    # A large constant would be stored in the compiled program.
    rows, columns = (jax.lax.broadcasted_iota(np.int32, (size, size), axis) for axis in (0, 1))
    return (rows == columns).reshape(compact)
