"""Where gathers, scatters and dynamic slices read or write, for indices that are known."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import jax.lax
import numpy as np

Mode = jax.lax.GatherScatterMode


def places(
    name: str, shapes: Sequence[Sequence[int]], indices: Sequence[Any], params: Mapping[str, Any]
) -> np.ndarray | None:
    """Finds the entry of an array from which each entry of a window is read, or to which it goes.

    Args:
        name: Name of the primitive: gather, dynamic_slice, a scatter or dynamic_update_slice.
        shapes: Shapes of the array that is read from or written to, and of the window, which is
            what is read or written.
        indices: The arrays of indices: one for a gather or scatter, one number per axis for a
            slice.
        params: Parameters of the primitive.

    Returns:
        Integer array with the shape of the window: the number of an entry of the array, from 0 in
        row-major order; -1 where nothing is read. None if only JAX can tell.
    """
    shape, window = tuple(shapes[0]), tuple(shapes[1])
    if name in ("dynamic_slice", "dynamic_update_slice"):
        starts = [int(index) for index in indices]
        along = [
            np.clip(start, 0, size - length) + np.arange(length)
            for start, size, length in zip(starts, shape, window, strict=True)
        ]
        return _numbers(np.ix_(*along) if along else (), shape, window)
    numbers, (index,) = params["dimension_numbers"], indices
    if name == "gather":
        return _window_places(
            shape,
            window,
            np.asarray(index),
            params["mode"],
            window_axes=numbers.offset_dims,
            dropped=numbers.collapsed_slice_dims,
            start_map=numbers.start_index_map,
            batching=(numbers.operand_batching_dims, numbers.start_indices_batching_dims),
            is_read=True,
        )
    return _window_places(
        shape,
        window,
        np.asarray(index),
        params["mode"],
        window_axes=numbers.update_window_dims,
        dropped=numbers.inserted_window_dims,
        start_map=numbers.scatter_dims_to_operand_dims,
        batching=(numbers.operand_batching_dims, numbers.scatter_indices_batching_dims),
        is_read=False,
    )


def _numbers(
    along: Sequence[np.ndarray], shape: tuple[int, ...], window: tuple[int, ...]
) -> np.ndarray:
    """Row-major numbers of entries from their index along every axis."""
    numbers = np.zeros(window, np.int64)
    for axis, index in enumerate(along):
        numbers = numbers + index.astype(np.int64) * math.prod(shape[axis + 1 :])
    return numbers


def _window_places(
    shape: tuple[int, ...],
    window: tuple[int, ...],
    index: np.ndarray,
    mode: Any,
    *,
    window_axes: Sequence[int],
    dropped: Sequence[int],
    start_map: Sequence[int],
    batching: tuple[Sequence[int], Sequence[int]],
    is_read: bool,
) -> np.ndarray | None:
    """Places of a gather or a scatter, whose dimension numbers have the same meaning.

    The axes of the window that are not among `window_axes` are those of the index array except its
    last, which holds the start along every axis of `start_map`.
    """
    others = [axis for axis in range(len(window)) if axis not in window_axes]
    kept = [j for j in range(len(shape)) if j not in (*dropped, *batching[0])]
    length = [1] * len(shape)
    along = [np.zeros((1,) * len(window), np.int64)] * len(shape)
    for j, axis in zip(kept, window_axes, strict=True):
        length[j] = window[axis]
        along[j] = _spread(np.arange(window[axis]), (axis,), len(window))
    inside = np.ones((1,) * len(window), bool)
    for k, j in enumerate(start_map):
        last = shape[j] - length[j]
        start = _spread(index[..., k].astype(np.int64), others, len(window))
        inside = inside & (start >= 0) & (start <= last)
        along[j] = along[j] + np.clip(start, 0, max(last, 0))
    for j, axis in zip(*batching, strict=True):
        along[j] = along[j] + _spread(np.arange(shape[j]), (others[axis],), len(window))
    numbers = _numbers(along, shape, window)
    if mode == Mode.CLIP or inside.all():
        return numbers
    if not is_read:  # What a scatter does out of bounds is up to XLA.
        return None
    # XLA clamps a window that was promised to be in bounds.
    return np.where(inside, numbers, -1) if mode == Mode.FILL_OR_DROP else numbers


def _spread(x: np.ndarray, axes: Sequence[int], rank: int) -> np.ndarray:
    """Gives an array the rank of the window, its axes placed at `axes`, which ascend."""
    spread = [1] * rank
    for axis, size in zip(axes, x.shape, strict=True):
        spread[axis] = size
    return x.reshape(spread)
