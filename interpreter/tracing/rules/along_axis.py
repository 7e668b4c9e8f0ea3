"""Primitives that work along one axis, or some, and leave the others alone.

y = sort(x, axis 1) with x of shape (B, n) has out (b, i), in (b, k) with b tied, value (b, i, k).
"""

from collections.abc import Sequence

from elimax.interpreter.graph.structure import UNTIED
from elimax.interpreter.tracing.program import Equation
from elimax.interpreter.tracing.rules.registry import register_ties


def _along(equation: Equation, operand: int, axes: Sequence[int]) -> list[int]:
    """All axes but some are tied in place."""
    rank = len(equation.in_avals[operand].shape)
    worked = {axis % rank for axis in axes}
    return [UNTIED if axis in worked else axis for axis in range(rank)]


@register_ties("cumlogsumexp", "cummax", "cummin", "cumprod")
def cumulative(equation: Equation, operand: int, result: int) -> list[int]:
    """y[b, i] = f(x[b, 0], ..., x[b, i]): out (b, i), in (b, k), value (b, i, k).

    Args:
        equation: The equation; reads `axis`.
        operand: Number of the operand, 0.
        result: Number of the result, 0.

    Returns:
        For each axis of the operand that of the result that it is tied to.
    """
    del result
    return _along(equation, operand, [equation.params["axis"]])


@register_ties("sort")
def sort(equation: Equation, operand: int, result: int) -> list[int]:
    """Every result is its operand in a new order along one axis: out (b, i), in (b, k).

    Args:
        equation: The equation; reads `dimension`.
        operand: Number of the operand.
        result: Number of the result; the order depends on the keys, but not differentiably.

    Returns:
        For each axis of the operand that of the result that it is tied to.
    """
    del result
    return _along(equation, operand, [equation.params["dimension"]])


@register_ties("top_k", "approx_top_k")
def largest(equation: Equation, operand: int, result: int) -> list[int]:
    """The k largest entries along an axis: out (b, i), in (b, k).

    Args:
        equation: The equation; reads `axis`, of approx_top_k `reduction_dimension`.
        operand: Number of the operand, 0.
        result: Number of the result, 0; places have no derivative.

    Returns:
        For each axis of the operand that of the result that it is tied to.
    """
    del result
    name = "axis" if equation.name == "top_k" else "reduction_dimension"
    return _along(equation, operand, [equation.params[name]])


@register_ties("fft", varies=lambda equation: False)
def fourier(equation: Equation, operand: int, result: int) -> list[int]:
    """A Fourier transform over the last axes: out (b, i), in (b, k), value (i, k).

    It is linear and the same for every b, so it is that of the numbers of one b alone.

    Args:
        equation: The equation; reads `fft_lengths`.
        operand: Number of the operand, 0.
        result: Number of the result, 0.

    Returns:
        For each axis of the operand that of the result that it is tied to.
    """
    del result
    rank, worked = len(equation.in_avals[operand].shape), len(equation.params["fft_lengths"])
    return [*range(rank - worked), *[UNTIED] * worked]
