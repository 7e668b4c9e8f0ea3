"""Evaluates a Jacobian in a precision of choice, and tells how far two of them are apart."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np

from interpreter.call_checks import positions_of
from interpreter.flat_call import split_static

Precision = Literal["float32", "float64"]
_COMPLEX = {"float32": jnp.complex64, "float64": jnp.complex128}


def evaluate_in(
    precision: Precision,
    jacobian: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    argnums: int | Sequence[int],
    has_aux: bool,
) -> Any:
    """Calls a Jacobian with all floating-point arguments converted.

    Args:
        precision: "float32" or "float64"; complex numbers get twice the size.
        jacobian: The Jacobian.
        args: Positional arguments. Python values in arguments that are not differentiated stay
            as they are.
        kwargs: Keyword arguments.
        argnums: Positions of the differentiated arguments.
        has_aux: Whether the Jacobian returns a pair, of which the second entry is dropped.

    Returns:
        What the Jacobian returns.
    """
    positions = positions_of(argnums, len(args))
    active = [k in positions for k, arg in enumerate(args) for _ in jax.tree.leaves(arg)]
    leaves, tree = jax.tree.flatten((tuple(args), dict(kwargs)))
    active += [False] * (len(leaves) - len(active))
    leaves, static = split_static(leaves, active)

    def call(*flat: Any) -> Any:
        replaced = [static.get(k, leaf) for k, leaf in enumerate(flat)]
        positional, keywords = jax.tree.unflatten(tree, replaced)
        result = jacobian(*positional, **keywords)
        return result[0] if has_aux else result

    with jax.enable_x64(precision == "float64"):
        converted = [_convert(leaf, precision) for leaf in leaves]
        # Scalar operations share a few kernels, so a scalar function is quicker uncompiled; with
        # arrays every operation would be compiled on its own.
        compiled = any(np.size(leaf) > 1 for leaf in converted)
        return (jax.jit(call) if compiled else call)(*converted)


def _convert(leaf: Any, precision: Precision) -> jax.Array:
    array = jnp.asarray(leaf)
    if jnp.issubdtype(array.dtype, jnp.complexfloating):
        return array.astype(_COMPLEX[precision])
    return array.astype(precision) if jnp.issubdtype(array.dtype, jnp.floating) else array


def relative_error(ours: np.ndarray, theirs: np.ndarray) -> float:
    """How far a block is from a reference.

    Args:
        ours: The block.
        theirs: The reference.

    Returns:
        max|J - R| / max|R| over finite entries; infinite for other shapes, and where all of R is
        zero but J is not; nan if infinities or nans differ.
    """
    if ours.shape != theirs.shape:
        return float("inf")
    if not ours.size or np.array_equal(ours, theirs, equal_nan=True):
        return 0.0
    finite = np.isfinite(ours) & np.isfinite(theirs)
    if not np.array_equal(ours[~finite], theirs[~finite], equal_nan=True):
        return float("nan")
    if not finite.any():
        return 0.0
    difference, scale = np.abs(ours[finite] - theirs[finite]), np.abs(theirs[finite])
    return float(difference.max() / scale.max()) if scale.max() > 0 else float("inf")
