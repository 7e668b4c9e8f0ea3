"""Products with structural and trivial edges: entries are moved, copied or negated.

Such an edge is a constant array over its carried labels, of zeros and ones, or of zeros and minus
ones. Applying it to a value is a slice, a pad or a gather where each place receives at most one
entry.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from interpreter.labelled import Labelled, Labels, arrange, is_constant, spread, with_dtype_of


def apply_pattern(pattern: Labelled, value: Labelled, labels: Labels) -> Any:
    """Contracts a pattern with a value.

    Args:
        pattern: The structural or trivial factor, usually a constant.
        value: The other factor.
        labels: Labels of the result; shared labels that are not among them are summed over.

    Returns:
        The array over `labels`.
    """
    # A constant meets a pattern that is read at run time: one dtype for both.
    value = value._replace(array=with_dtype_of(value.array, pattern.array))
    shared = {label for label in value.labels if label in pattern.labels}
    summed = shared - set(labels)
    if is_constant(pattern.array) and bool(np.isin(pattern.array, (0, 1)).all()):
        if not pattern.labels and pattern.array == 1:
            return arrange(value, labels)
        if not summed:
            mask, spread_value = spread(pattern, labels) == 1, spread(value, labels)
            return jnp.where(mask, spread_value, jnp.zeros((), spread_value.dtype))
        if summed == shared:
            picked = _pick_entries(pattern, value, labels, summed)
            if picked is not None:
                return picked
    elif is_constant(pattern.array) and bool(np.isin(pattern.array, (0, -1)).all()):
        return -apply_pattern(pattern._replace(array=-pattern.array), value, labels)
    return jnp.einsum(
        jnp.asarray(pattern.array, value.array.dtype),
        list(pattern.labels),
        value.array,
        list(value.labels),
        list(labels),
    )


def _pick_entries(
    pattern: Labelled, value: Labelled, labels: Labels, summed: set[int]
) -> Any | None:
    """The contraction as a gather, or None if some place receives more than one entry."""
    rows = tuple(label for label in pattern.labels if label in summed)
    columns = tuple(label for label in pattern.labels if label not in summed)
    block = arrange(pattern, rows + columns)
    if not block.size:
        return None
    matrix = block.reshape(int(np.prod(block.shape[: len(rows)])), -1)
    if (matrix.sum(axis=0) > 1).any():
        return None
    rest = tuple(label for label in value.labels if label not in summed)
    table = arrange(value, rest + rows)
    kept = table.shape[: len(rest)]
    picked = _pick_columns(table.reshape(*kept, matrix.shape[0]), matrix)
    picked = picked.reshape(*kept, *block.shape[len(rows) :])
    return arrange(Labelled(picked, rest + columns), labels)


def _pick_columns(table: Any, matrix: np.ndarray) -> Any:
    """table @ matrix, where every column of the matrix has at most one 1.

    Args:
        table: Array (..., R).
        matrix: Zeros and ones, (R, C).

    Returns:
        Array (..., C).
    """
    source, present = matrix.argmax(axis=0), matrix.max(axis=0) > 0
    filled = np.flatnonzero(present)
    if not filled.size:
        return jnp.zeros((*table.shape[:-1], matrix.shape[1]), table.dtype)
    first, last = filled[0], filled[-1]
    start = source[first]
    is_run = present[first : last + 1].all() and np.array_equal(
        source[first : last + 1], np.arange(start, start + last + 1 - first)
    )
    if is_run:
        run = table[..., start : start + last + 1 - first]
        before, after = int(first), int(matrix.shape[1] - 1 - last)
        if not before and not after:
            return run
        config = [(0, 0, 0)] * (table.ndim - 1) + [(before, after, 0)]
        return jax.lax.pad(run, jnp.zeros((), table.dtype), config)
    picked = jnp.take(table, source, axis=-1)
    return picked if present.all() else jnp.where(present, picked, jnp.zeros((), table.dtype))
