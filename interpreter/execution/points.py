"""How many points `jax.vmap` evaluates at once."""

import math
from collections.abc import Iterator, Sequence
from typing import Any


def points_at_once(leaves: Sequence[Any]) -> int:
    """How many points `jax.vmap` evaluates at once, if no other transformation lies in between.

    Args:
        leaves: Values of the input leaves.

    Returns:
        The number; 1 without `vmap`, and for symbolic sizes (`jax.export.symbolic_shape`).
    """
    return max((math.prod(_batch_sizes(leaf)) for leaf in leaves), default=1)


def _batch_sizes(leaf: Any) -> Iterator[int]:
    # JAX's tracer of a batch has no public class.
    while hasattr(leaf, "batch_dim"):
        if leaf.batch_dim is not None:
            size = leaf.val.shape[leaf.batch_dim]
            yield size if isinstance(size, int) else 1
        leaf = leaf.val
