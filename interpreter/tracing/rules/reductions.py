"""Primitives that reduce whole axes."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from elimax.interpreter.graph.structure import UNTIED, Kind, edge_structure
from elimax.interpreter.tracing.program import Equation
from elimax.interpreter.tracing.rules.registry import LocalJacobian, register


def _kept_ties(equation: Equation, operand: int) -> list[int]:
    """Ties of the axes that survive."""
    axes = set(equation.params["axes"])
    kept = [j for j in range(len(equation.in_avals[operand].shape)) if j not in axes]
    rank = len(equation.in_avals[operand].shape)
    return [kept.index(j) if j in kept else UNTIED for j in range(rank)]


@register("reduce_sum")
def reduce_sum(equation: Equation, operand: int, result: int) -> LocalJacobian:
    """y[a] = sum over b of x[a, b]: out (a), in (a, b), no carried label; structural.

    Args:
        equation: The equation; reads `axes`.
        operand: Number of the operand, 0.
        result: Number of the result, 0.

    Returns:
        A structural edge.
    """
    structure = edge_structure(
        equation.out_avals[result].shape,
        equation.in_avals[operand].shape,
        _kept_ties(equation, operand),
        (),
        Kind.STRUCTURAL,
    )
    return LocalJacobian(structure, lambda inputs, outputs: np.asarray(1.0))


@register("reduce_max", "reduce_min", "reduce_prod")
def reduce_dependent(equation: Equation, operand: int, result: int) -> LocalJacobian:
    """y[a] = max over b of x[a, b] and the like: out (a), in (a, b), value (a, b).

    Every entry of x reaches one entry of y, so a pullback of ones is the whole Jacobian; ties are
    split as JAX splits them.

    Args:
        equation: The equation; reads `axes`.
        operand: Number of the operand, 0.
        result: Number of the result, 0.

    Returns:
        A general edge: the mask depends on data.
    """
    out_aval, in_aval = equation.out_avals[result], equation.in_avals[operand]
    rank = len(out_aval.shape)
    ties = _kept_ties(equation, operand)
    carried = (*range(rank), *(rank + j for j in range(len(in_aval.shape))))
    structure = edge_structure(out_aval.shape, in_aval.shape, ties, carried, Kind.GENERAL)

    def value(inputs: Sequence[Any], outputs: Sequence[Any]) -> Any:
        del outputs
        _, pullback = jax.vjp(lambda x: equation.bind([x])[result], jnp.asarray(inputs[operand]))
        (mask,) = pullback(jnp.ones(out_aval.shape, out_aval.dtype))
        labels = [rank + j if tie == UNTIED else tie for j, tie in enumerate(ties)]
        return jnp.transpose(mask, tuple(np.argsort(labels))).reshape(structure.carried_shape)

    return LocalJacobian(structure, value, drops=equation.name != "reduce_prod")
