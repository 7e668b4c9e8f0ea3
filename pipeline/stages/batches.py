"""Batches of inputs around the example of a task."""

import math
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np


def jitter_batch(arguments: Sequence[Any], argnums: Sequence[int], batch: int, seed: int) -> Any:
    """Makes a batch of inputs around one point.

    Args:
        arguments: Example arguments without a batch axis.
        argnums: Positions of the arguments whose leaves of floating dtype get one.
        batch: Size B of the batch.
        seed: Seed of the jitter.

    Returns:
        The arguments, batched leaves with a leading axis B: x (1 + 0.05 n) with normal n, and
        0.01 n where x is zero.
    """
    generator = np.random.default_rng(seed)

    def jitter(leaf: Any) -> Any:
        if not is_floating(leaf):
            return leaf
        array = np.asarray(leaf)
        noise = generator.standard_normal((batch, *array.shape))
        spread = np.where(array == 0, 0.01 * noise, array * (1 + 0.05 * noise))
        return spread.astype(array.dtype)

    return tuple(
        jax.tree.map(jitter, argument) if position in argnums else argument
        for position, argument in enumerate(arguments)
    )


def batch_axes(arguments: Sequence[Any], argnums: Sequence[int]) -> tuple[Any, ...]:
    """Returns `in_axes` of vmap for the arguments that `jitter_batch` makes."""
    return tuple(
        jax.tree.map(lambda leaf: 0 if is_floating(leaf) else None, argument)
        if position in argnums
        else None
        for position, argument in enumerate(arguments)
    )


def is_floating(leaf: Any) -> bool:
    """Whether a leaf is of floating dtype."""
    return jax.numpy.issubdtype(np.asarray(leaf).dtype, np.floating)


def fitting_batch(batch: int, bytes_each: int, limit: float) -> int:
    """Returns the largest batch size whose dense Jacobians fit in memory.

    Args:
        batch: The wanted size.
        bytes_each: Bytes of the dense Jacobian of one input.
        limit: Bytes that all of them may take.

    Returns:
        `batch` if it fits, else the largest power of two that does, at least 1.
    """
    if batch * bytes_each <= limit:
        return batch
    return 2 ** max(0, math.floor(math.log2(max(1.0, limit / max(1, bytes_each)))))
