"""A guard against orders that amplify rounding errors.

All orders give the same Jacobian in exact arithmetic, but not the same rounding: with
y = a h - b h and h = c x, elimination of h last computes (a - b) c, elimination of h first
a c - b c, and where a and b are nearly equal the second has lost most of its digits. The search for
cheap orders does not look at rounding, so a check can be worthwhile.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from elimax.interpreter.checking import reference_jacobian
from elimax.interpreter.differentiation import Order
from elimax.interpreter.errors import RoundingWarning
from elimax.interpreter.jacobian import jacve
from elimax.interpreter.precision import evaluate_in
from elimax.interpreter.tracing.call_checks import is_array


class RoundingCheck(NamedTuple):
    """How well Jacobians in float32 agree with the one in float64.

    Attributes:
        error: Largest max|J - R| / max|R| over the blocks by elimination.
        error_of_jax: The same by `jax.jacrev` (or `jax.jacfwd` where that fails).
        amplified: Blocks that elimination rounds much worse than JAX, by their paths.
    """

    error: float
    error_of_jax: float
    amplified: tuple[str, ...]


def check_rounding(
    fun: Callable[..., Any],
    *args: Any,
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    order: Order = "auto",
    factor: float = 10.0,
    rtol: float = 1e-5,
    kwargs: Mapping[str, Any] | None = None,
) -> RoundingCheck:
    """Checks whether an order amplifies rounding errors of float32 at one point.

    Args:
        fun: The function. Numbers that matter should be arguments: constants inside of it are
            rounded in float32 only, for JAX and elimination alike.
        *args: Arguments to compare at; floats are rounded to float32 first.
        argnums: As for `jacve`.
        has_aux: As for `jacve`.
        holomorphic: As for `jacve`.
        order: As for `jacve`.
        factor: A block is amplified if its error is more than `factor` times that of JAX ...
        rtol: ... and more than `rtol`, relative to its largest entry.
        kwargs: Keyword arguments of the function.

    Returns:
        Both errors, and the blocks that are amplified.

    Warns:
        RoundingWarning: If a block is amplified.
    """
    args, keywords = jax.tree.map(_rounded, (args, dict(kwargs or {})))
    options = {"argnums": argnums, "has_aux": has_aux, "holomorphic": holomorphic}
    reference = reference_jacobian(fun, *args, kwargs=keywords, **options)

    def errors(jacobian: Callable[..., Any]) -> dict[str, float]:
        narrow = evaluate_in("float32", jacobian, args, keywords, argnums, has_aux)
        return _errors(narrow, reference.jacobian)

    ours = errors(jacve(fun, order=order, **options))
    theirs = errors(
        {"jax.jacrev": jax.jacrev, "jax.jacfwd": jax.jacfwd}[reference.source](fun, **options)
    )
    amplified = [path for path in ours if ours[path] > max(factor * theirs[path], rtol)]
    if amplified:
        worst = max(amplified, key=ours.__getitem__)
        warnings.warn(
            f"the order rounds {f'block {worst}' if worst else 'the Jacobian'} much worse than "
            f"{reference.source}: in float32 it is wrong by {ours[worst]:.1e} of its largest "
            f"entry, with {reference.source} by {theirs[worst]:.1e}. Choose another order, for "
            "example order='reverse', or compute in float64",
            RoundingWarning,
            stacklevel=2,
        )
    return RoundingCheck(
        max(ours.values(), default=0.0), max(theirs.values(), default=0.0), tuple(amplified)
    )


def _rounded(leaf: Any) -> Any:
    """A leaf that float32 can hold: rounding of the arguments is not the order's fault."""
    if isinstance(leaf, float):
        return float(np.float32(leaf))
    if isinstance(leaf, complex):
        return complex(np.complex64(leaf))
    if not is_array(leaf) or leaf.dtype not in (np.float64, np.complex128):
        return leaf
    return leaf.astype(np.float32 if leaf.dtype == np.float64 else np.complex64)


def _errors(jacobian: Any, reference: Any) -> dict[str, float]:
    """The relative error of every block by its path, where the reference is finite."""
    right = [np.asarray(block) for block in jax.tree.leaves(reference)]
    finite = [np.isfinite(block) for block in right]
    scales = [np.abs(y[mask]).max(initial=0.0) for y, mask in zip(right, finite, strict=True)]
    errors = {}
    for (path, block), y, mask, scale in zip(
        jax.tree_util.tree_leaves_with_path(jacobian), right, finite, scales, strict=True
    ):
        distance = np.nan_to_num(
            np.abs(np.asarray(block) - y)[mask], nan=np.inf, posinf=np.inf
        ).max(initial=0.0)
        # A block of zeros has no scale of its own: that of the largest block stands in.
        size = scale or max(scales)
        errors[jax.tree_util.keystr(path)] = float(distance / size) if size else float(distance)
    return errors
