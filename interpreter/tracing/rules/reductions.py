"""Primitives that reduce whole axes."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from elimax.interpreter.graph.structure import UNTIED, Kind, edge_structure
from elimax.interpreter.tracing.rules.registry import LocalJacobian, register
from elimax.interpreter.tracing.rules.use import Use


def _kept_ties(use: Use) -> list[int]:
    """Ties of the axes that survive."""
    rank, axes = len(use.in_shape), set(use.params["axes"])
    kept = [j for j in range(rank) if j not in axes]
    return [kept.index(j) if j in kept else UNTIED for j in range(rank)]


@register("reduce_sum")
def reduce_sum(use: Use) -> LocalJacobian:
    """An entry flows to the one sum that it is part of.

    y[a] = sum over b of x[a, b], so dy[a]/dx[a, b] = 1 for every b: a structural edge.

    Example: (2, 3) along axis 1: out (a), in (a, b) with a tied, no carried label.

    Reads `axes`.
    https://docs.jax.dev/en/latest/_autosummary/jax.lax.reduce_sum.html
    """
    ties = _kept_ties(use)
    structure = edge_structure(use.out_shape, use.in_shape, ties, (), Kind.STRUCTURAL)
    return LocalJacobian(structure, lambda inputs, outputs: np.asarray(1.0))


@register("reduce_max", "reduce_min", "reduce_prod")
def reduce_dependent(use: Use) -> LocalJacobian:
    """An entry flows to the one maximum, minimum or product that it is part of.

    y[a] = max over b of x[a, b], so dy[a]/dx[a, b] = 1 at the maximum, and equal maxima share it as
    in JAX; for a product it is the product of the others. Every entry of x reaches one entry of y,
    so a pullback of ones is the whole Jacobian. It depends on data: a general edge.

    Example: (2, 3) along axis 1: out (a), in (a, b) with a tied, value (a, b).

    Reads `axes`.
    https://docs.jax.dev/en/latest/_autosummary/jax.lax.reduce_max.html
    """
    out_aval, rank = use.out_aval, len(use.out_shape)
    ties = _kept_ties(use)
    carried = range(rank + len(use.in_shape))
    structure = edge_structure(use.out_shape, use.in_shape, ties, carried, Kind.GENERAL)

    def value(inputs: Sequence[Any], outputs: Sequence[Any]) -> Any:
        del outputs
        _, pullback = jax.vjp(lambda x: use.apply(x, inputs), jnp.asarray(inputs[use.operand]))
        (mask,) = pullback(jnp.ones(out_aval.shape, out_aval.dtype))
        labels = [rank + j if tie == UNTIED else tie for j, tie in enumerate(ties)]
        return jnp.transpose(mask, tuple(np.argsort(labels))).reshape(structure.carried_shape)

    return LocalJacobian(structure, value, drops=use.name != "reduce_prod")
