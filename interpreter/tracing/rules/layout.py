"""Primitives that only rename axes: entries stay, all axes of more than one entry are tied."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from elimax.interpreter.graph.structure import UNTIED, Kind, edge_structure
from elimax.interpreter.tracing.rules.registry import PASS_THROUGH, LocalJacobian, register
from elimax.interpreter.tracing.rules.use import Use


def relabelling(use: Use, ties: Sequence[int]) -> LocalJacobian:
    """An edge that consists of ties alone: no label is carried, the value is one.

    Args:
        use: The operand and the result.
        ties: For each axis of the operand its out axis, or `UNTIED`.

    Returns:
        A structural edge.
    """
    structure = edge_structure(use.out_shape, use.in_shape, ties, (), Kind.STRUCTURAL)
    return LocalJacobian(structure, _one)


def _one(inputs: Sequence[Any], outputs: Sequence[Any]) -> Any:
    del inputs, outputs
    return np.asarray(1.0)


@register("convert_element_type", "copy", "reduce_precision", *PASS_THROUGH)
def same_entries(use: Use) -> LocalJacobian:
    """An entry flows to the one at its place, in another dtype or another buffer.

    y[a] = x[a], so dy[a]/dx[a] = 1.

    Example: x of shape (2, 3): out (a, b), in (a, b), no carried label.

    Reads no parameter.
    https://docs.jax.dev/en/latest/_autosummary/jax.lax.convert_element_type.html
    """
    return relabelling(use, range(len(use.in_shape)))


@register("broadcast_in_dim")
def broadcast(use: Use) -> LocalJacobian:
    """An entry flows to all its copies.

    y[a, b] = x[b], so dy[a, b]/dx[b] = 1 for every a.

    Example: (3) to (2, 3): out (a, b), in (b), no carried label.

    Reads `broadcast_dimensions`.
    https://docs.jax.dev/en/latest/_autosummary/jax.lax.broadcast_in_dim.html
    """
    # JAX's own functions put numpy integers here, which a stored graph cannot hold.
    return relabelling(use, [int(axis) for axis in use.params["broadcast_dimensions"]])


@register("transpose")
def transpose(use: Use) -> LocalJacobian:
    """An entry flows to the one whose index is permuted.

    y[a, b] = x[b, a], so dy[a, b]/dx[b, a] = 1.

    Example: (3, 2) to (2, 3): out (a, b), in (b, a), no carried label.

    Reads `permutation`.
    https://docs.jax.dev/en/latest/_autosummary/jax.lax.transpose.html
    """
    permutation = use.params["permutation"]
    return relabelling(use, [permutation.index(j) for j in range(len(permutation))])


@register("squeeze")
def squeeze(use: Use) -> LocalJacobian:
    """An entry flows to the one without the indices of the dropped axes, which are 0.

    y[a] = x[a, 0], so dy[a]/dx[a, 0] = 1.

    Example: (2, 1) to (2): out (a), in (a, i) with a tied and i untied, no carried label.

    Reads `dimensions`.
    https://docs.jax.dev/en/latest/_autosummary/jax.lax.squeeze.html
    """
    rank = len(use.in_shape)
    dropped = {d % rank for d in use.params["dimensions"]}
    kept = [j for j in range(rank) if j not in dropped]
    return relabelling(use, [UNTIED if j in dropped else kept.index(j) for j in range(rank)])
