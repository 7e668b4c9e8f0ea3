"""Primitives that work along one axis, or some, and leave the others alone.

y = sort(x, axis 1) with x of shape (B, n) has out (b, i), in (b, k) with b tied, value (b, i, k).
"""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from interpreter.program import Equation
from interpreter.rules.fallback import dense_jacobian, fallback_jacobian
from interpreter.rules.registry import LocalJacobian, register
from interpreter.structure import UNTIED, Kind, edge_structure


def _along(equation: Equation, operand: int, result: int, axes: Sequence[int]) -> LocalJacobian:
    """All axes but some are tied in place."""
    rank = len(equation.in_avals[operand].shape)
    worked = {axis % rank for axis in axes}
    ties = [UNTIED if axis in worked else axis for axis in range(rank)]
    return LocalJacobian(*fallback_jacobian(equation, operand, result, ties=ties))


@register("cumlogsumexp", "cummax", "cummin", "cumprod")
def cumulative(equation: Equation, operand: int, result: int) -> LocalJacobian:
    """y[b, i] = f(x[b, 0], ..., x[b, i]): out (b, i), in (b, k), value (b, i, k).

    Args:
        equation: The equation; reads `axis`.
        operand: Number of the operand, 0.
        result: Number of the result, 0.

    Returns:
        A general edge.
    """
    return _along(equation, operand, result, [equation.params["axis"]])


@register("sort")
def sort(equation: Equation, operand: int, result: int) -> LocalJacobian:
    """Every result is its operand in a new order along one axis: out (b, i), in (b, k).

    Args:
        equation: The equation; reads `dimension`.
        operand: Number of the operand.
        result: Number of the result; the order depends on the keys, but not differentiably.

    Returns:
        A general edge: the order depends on data.
    """
    return _along(equation, operand, result, [equation.params["dimension"]])


@register("top_k", "approx_top_k")
def largest(equation: Equation, operand: int, result: int) -> LocalJacobian:
    """The k largest entries along an axis: out (b, i), in (b, k).

    Args:
        equation: The equation; reads `axis`, of approx_top_k `reduction_dimension`.
        operand: Number of the operand, 0.
        result: Number of the result, 0; places have no derivative.

    Returns:
        A general edge: the places depend on data.
    """
    name = "axis" if equation.name == "top_k" else "reduction_dimension"
    return _along(equation, operand, result, [equation.params[name]])


@register("fft")
def fourier(equation: Equation, operand: int, result: int) -> LocalJacobian:
    """A Fourier transform over the last axes: out (b, i), in (b, k), value (i, k).

    It is linear and the same for every b, so it is that of the numbers of one b alone.

    Args:
        equation: The equation; reads `fft_lengths`.
        operand: Number of the operand, 0.
        result: Number of the result, 0.

    Returns:
        A general edge.
    """
    out_aval, in_aval = equation.out_avals[result], equation.in_avals[operand]
    rank, worked = len(in_aval.shape), len(equation.params["fft_lengths"])
    batch = rank - worked
    ties = [*range(batch), *[UNTIED] * worked]
    carried = (*range(batch, rank), *range(rank + batch, 2 * rank))
    structure = edge_structure(out_aval.shape, in_aval.shape, ties, carried, Kind.GENERAL)

    def value(inputs: Sequence[Any], outputs: Sequence[Any]) -> Any:
        del inputs, outputs
        one = [jnp.zeros(in_aval.shape[batch:], in_aval.dtype)]
        return dense_jacobian(equation, one, operand, result).reshape(structure.carried_shape)

    return LocalJacobian(structure, value)
