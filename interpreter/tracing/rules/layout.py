"""Primitives that only rename axes: every entry stays, all axes are tied."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from elimax.interpreter.graph.structure import UNTIED, Kind, edge_structure
from elimax.interpreter.tracing.program import Equation
from elimax.interpreter.tracing.rules.registry import PASS_THROUGH, LocalJacobian, register


def relabelling(
    equation: Equation, operand: int, ties: Sequence[int], result: int = 0
) -> LocalJacobian:
    """An edge that is all ties: no label is carried, the value is one.

    Args:
        equation: The equation.
        operand: Number of the operand.
        ties: For each axis of the operand its out axis.
        result: Number of the result.

    Returns:
        A structural edge.
    """
    out_shape, in_shape = equation.out_avals[result].shape, equation.in_avals[operand].shape
    structure = edge_structure(out_shape, in_shape, ties, (), Kind.STRUCTURAL)
    return LocalJacobian(structure, _one)


def _one(inputs: Sequence[Any], outputs: Sequence[Any]) -> Any:
    del inputs, outputs
    return np.asarray(1.0)


@register("convert_element_type", "copy", "reduce_precision", *PASS_THROUGH)
def same_entries(equation: Equation, operand: int, result: int) -> LocalJacobian:
    """y = x in another dtype or another buffer.

    Args:
        equation: The equation.
        operand: Number of the operand.
        result: Number of the result.

    Returns:
        Out (a), in (a), no carried label.
    """
    return relabelling(equation, operand, range(len(equation.in_avals[operand].shape)), result)


@register("broadcast_in_dim")
def broadcast(equation: Equation, operand: int, result: int) -> LocalJacobian:
    """y[a, b] = x[b]: out (a, b), in (b), no carried label.

    Args:
        equation: The equation; reads `broadcast_dimensions`.
        operand: Number of the operand.
        result: Number of the result, 0.

    Returns:
        A structural edge.
    """
    # JAX's own functions put numpy integers here, which a stored graph cannot hold.
    dimensions = [int(axis) for axis in equation.params["broadcast_dimensions"]]
    return relabelling(equation, operand, dimensions, result)


@register("transpose")
def transpose(equation: Equation, operand: int, result: int) -> LocalJacobian:
    """y[a, b] = x[b, a]: out (a, b), in (b, a), no carried label.

    Args:
        equation: The equation; reads `permutation`.
        operand: Number of the operand, 0.
        result: Number of the result, 0.

    Returns:
        A structural edge.
    """
    permutation = equation.params["permutation"]
    ties = [permutation.index(j) for j in range(len(permutation))]
    return relabelling(equation, operand, ties, result)


@register("squeeze")
def squeeze(equation: Equation, operand: int, result: int) -> LocalJacobian:
    """y[a] = x[a, 0]: out (a), in (a, 1), no carried label.

    Args:
        equation: The equation; reads `dimensions`.
        operand: Number of the operand, 0.
        result: Number of the result, 0.

    Returns:
        A structural edge.
    """
    rank = len(equation.in_avals[operand].shape)
    dropped = {d % rank for d in equation.params["dimensions"]}
    kept = [j for j in range(rank) if j not in dropped]
    ties = [UNTIED if j in dropped else kept.index(j) for j in range(rank)]
    return relabelling(equation, operand, ties, result)
