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
    reference = reference_jacobian(fun, *args, argnums=argnums)
    return check_against(reference, fun, *args, argnums=argnums, order=order, rtol=rtol)


def reference_jacobian(
    fun: Callable[..., Any], *args: Any, argnums: int | Sequence[int] = 0
) -> Any:
    """`jax.jacrev(fun)` in float64, to check several orders against.

    Args:
        fun: The function.
        *args: Arguments; floats are converted to float64.
        argnums: As for `jacve`.

    Returns:
        The Jacobian.
    """
    return _in_float64(jax.jacrev(fun, argnums), args)


def check_against(
    reference: Any,
    fun: Callable[..., Any],
    *args: Any,
    argnums: int | Sequence[int] = 0,
    order: Order = "auto",
    rtol: float = 1e-10,
) -> JacobianCheck:
    """Compares `jacve(fun)` with a reference that was computed before.

    Args:
        reference: What `reference_jacobian` returned for the same function and arguments.
        fun: As for `check_jacobian`.
        *args: As for `check_jacobian`.
        argnums: As for `check_jacobian`.
        order: As for `check_jacobian`.
        rtol: As for `check_jacobian`.

    Returns:
        The largest relative error found.

    Raises:
        JacobianMismatchError: As `check_jacobian` does.
    """
    ours = _in_float64(jacve(fun, argnums, order=order), args)
    paths = [jax.tree_util.keystr(path) for path, _ in jax.tree_util.tree_leaves_with_path(ours)]
    blocks = [
        (np.asarray(x), np.asarray(y))
        for x, y in zip(jax.tree.leaves(ours), jax.tree.leaves(reference), strict=True)
    ]
    errors = [_relative_error(x, y) for x, y in blocks]
    for path, (x, y), error in zip(paths, blocks, errors, strict=True):
        if not error <= rtol:
            raise JacobianMismatchError(_describe_mismatch(path, x, y, error, rtol))
    return JacobianCheck(max(errors, default=0.0), len(errors))


def _describe_mismatch(
    path: str, ours: np.ndarray, theirs: np.ndarray, error: float, rtol: float
) -> str:
    block = f"block {path}" if path else "the Jacobian"
    if ours.shape != theirs.shape:
        return (
            f"{block} has shape {ours.shape} by elimination and {theirs.shape} by jax.jacrev: "
            "please report the function"
        )
    distance = np.nan_to_num(np.abs(ours - theirs), nan=np.inf)
    worst = np.unravel_index(np.argmax(distance), ours.shape)
    where = ", ".join(str(int(index)) for index in worst)
    return (
        f"{block} differs from jax.jacrev by {error:.1e} relative to its largest entry, more than "
        f"{rtol:.1e}; worst at [{where}]: {ours[worst]!r} by elimination, {theirs[worst]!r} by "
        "jax.jacrev. Please report the function"
    )


def _in_float64(jacobian: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    with jax.enable_x64(True):
        arguments = jax.tree.map(_as_float64, args)
        # Scalar operations share a few kernels, so a scalar function is quicker uncompiled; with
        # arrays every operation would be compiled on its own.
        if any(np.size(leaf) > 1 for leaf in jax.tree.leaves(arguments)):
            jacobian = jax.jit(jacobian)
        return jacobian(*arguments)


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
