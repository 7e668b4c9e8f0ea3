"""Convolutions and reductions over sliding windows: axes that no window slides over stay tied.

A convolution of x (B, C, H, W) has for x out (b, o, h, w), in (b, c, k, l) with the batch axis
tied; a pooling over (1, 1, 2, 2) ties b and the channels.
"""

from elimax.interpreter.graph.structure import UNTIED
from elimax.interpreter.tracing.program import Equation
from elimax.interpreter.tracing.rules.registry import register_ties


@register_ties("reduce_window", "reduce_window_max", "reduce_window_min", "reduce_window_sum")
def reduce_window(equation: Equation, operand: int, result: int) -> list[int]:
    """y[b, i] = max over a window around i of x[b, k]: out (b, i), in (b, k), value (b, i, k).

    Args:
        equation: The equation; reads `window_dimensions`, `window_strides`, `padding`,
            `base_dilation` and `window_dilation`.
        operand: Number of the operand: an array, or a value of rank 0 that windows start from.
        result: Number of the result.

    Returns:
        For each axis of the operand that of the result that it is tied to.
    """
    del result
    params = equation.params
    sides = ("window_dimensions", "window_strides", "base_dilation")
    ties = [
        axis
        if all(params[side][axis] == 1 for side in sides)
        and tuple(params["padding"][axis]) == (0, 0)
        else UNTIED
        for axis in range(len(equation.in_avals[operand].shape))
    ]
    return ties


def _has_groups(equation: Equation) -> bool:
    """Whether what a filter is applied to depends on the filter's number."""
    params = equation.params
    return params["feature_group_count"] != 1 or params["batch_group_count"] != 1


@register_ties("conv_general_dilated", varies=_has_groups)
def convolution(equation: Equation, operand: int, result: int) -> list[int]:
    """A convolution: the batch axis of the image, or the axis of the filters, is tied.

    Args:
        equation: The equation; reads `dimension_numbers`, `batch_group_count` and
            `feature_group_count`.
        operand: Number of the operand, 0 for the image and 1 for the filters.
        result: Number of the result, 0.

    Returns:
        For each axis of the operand that of the result that it is tied to.
    """
    del result
    params = equation.params
    specs = params["dimension_numbers"]
    ties = [UNTIED] * len(equation.in_avals[operand].shape)
    if operand == 1:
        ties[specs.rhs_spec[0]] = specs.out_spec[1]
    elif params["batch_group_count"] == 1:
        ties[specs.lhs_spec[0]] = specs.out_spec[0]
    return ties
