"""Evaluates a Jacobian in a given precision, and measures how far two blocks are apart."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np

from elimax.interpreter.tracing.call_checks import is_array
from elimax.interpreter.tracing.flat_call import CallArguments

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
            as they are, and numpy arrays stay numpy arrays.
        kwargs: Keyword arguments.
        argnums: Positions of the differentiated arguments.
        has_aux: Whether the Jacobian returns a pair whose second entry is dropped.

    Returns:
        What the Jacobian returns.
    """
    with jax.enable_x64(precision == "float64"):
        arguments = CallArguments.of(args, kwargs, argnums)
        leaves = [_convert(leaf, precision) for leaf in arguments.leaves]
        arguments = dataclasses.replace(arguments, leaves=tuple(leaves))

        def call(*values: Any) -> Any:
            positional, keywords = arguments.with_traced(values)
            result = jacobian(*positional, **keywords)
            return result[0] if has_aux else result

        traced = [leaves[node] for node in arguments.traced]
        # Scalar operations share a few kernels, so a scalar function is quicker uncompiled; with
        # arrays every operation would be compiled on its own. Arguments that are not
        # differentiated may steer the function, so their values must be concrete.
        steers = any(is_array(leaf) for k, leaf in enumerate(leaves) if k not in arguments.nodes)
        compiled = not steers and any(np.size(leaf) > 1 for leaf in traced)
        return (jax.jit(call) if compiled else call)(*traced)


def _convert(leaf: Any, precision: Precision) -> Any:
    """A leaf in another precision; anything but an array of inexact numbers stays as it is."""
    if not is_array(leaf):
        return leaf
    if jnp.issubdtype(leaf.dtype, jnp.complexfloating):
        return leaf.astype(_COMPLEX[precision])
    return leaf.astype(precision) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf


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
