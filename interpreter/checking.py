"""A self-check that users can run: elimination against `jax.jacrev`, in float64."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from interpreter.errors import JacobianMismatchError
from interpreter.jacobian import Order, jacve


class JacobianCheck(NamedTuple):
    """The outcome of a check that passed.

    Attributes:
        max_error: Largest max|J - R| / max|R| over the blocks, R by `jax.jacrev`.
        blocks: Number of blocks compared (output leaves times input leaves).
    """

    max_error: float
    blocks: int


def check_jacobian(
    fun: Callable[..., Any],
    *args: Any,
    argnums: int | Sequence[int] = 0,
    order: Order = "auto",
    rtol: float = 1e-10,
) -> JacobianCheck:
    """Compares `jacve(fun)` with `jax.jacrev(fun)` in float64 at one point.

    Args:
        fun: The function.
        *args: Arguments to compare at; floats are converted to float64.
        argnums: As for `jacve`.
        order: As for `jacve`.
        rtol: Largest allowed max|J - R| / max|R| of a block.

    Returns:
        The largest relative error found.

    Raises:
        JacobianMismatchError: If a block differs by more; the message says which, where, how far.
    """
    with jax.enable_x64(True):
        arguments = jax.tree.map(_as_float64, args)
        ours = jax.jit(jacve(fun, argnums, order=order))(*arguments)
        theirs = jax.jit(jax.jacrev(fun, argnums))(*arguments)
        paths = [
            jax.tree_util.keystr(path) for path, _ in jax.tree_util.tree_leaves_with_path(ours)
        ]
        blocks = [
            (np.asarray(x), np.asarray(y))
            for x, y in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True)
        ]
    errors = [_relative_error(x, y) for x, y in blocks]
    for path, (x, y), error in zip(paths, blocks, errors, strict=True):
        if not error <= rtol:
            worst = np.unravel_index(np.argmax(np.nan_to_num(np.abs(x - y), nan=np.inf)), x.shape)
            where = ", ".join(str(int(index)) for index in worst)
            raise JacobianMismatchError(
                f"block {path or 'of the only output'} differs from jax.jacrev by {error:.1e} "
                f"relative to its largest entry, more than {rtol:.1e}; worst at [{where}]: "
                f"{x[worst]!r} by elimination, {y[worst]!r} by jax.jacrev. Please report the "
                "function"
            )
    return JacobianCheck(max(errors, default=0.0), len(errors))


def _as_float64(leaf: Any) -> Any:
    array = jnp.asarray(leaf)
    if jnp.issubdtype(array.dtype, jnp.complexfloating):
        return array.astype(jnp.complex128)
    return array.astype(jnp.float64) if jnp.issubdtype(array.dtype, jnp.floating) else array


def _relative_error(ours: np.ndarray, theirs: np.ndarray) -> float:
    if ours.shape != theirs.shape:
        return float("inf")
    if not ours.size:
        return 0.0
    difference, scale = np.abs(ours - theirs), np.abs(theirs)
    if np.array_equal(ours, theirs, equal_nan=True):
        return 0.0
    return float(difference.max() / scale.max()) if scale.max() > 0 else float("inf")
