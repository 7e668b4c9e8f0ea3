"""Convolutions and reductions over sliding windows: axes that no window slides over stay tied."""

from elimax.interpreter.graph.structure import UNTIED
from elimax.interpreter.tracing.program import Equation
from elimax.interpreter.tracing.rules.registry import register_ties
from elimax.interpreter.tracing.rules.use import Use


@register_ties("reduce_window", "reduce_window_max", "reduce_window_min", "reduce_window_sum")
def reduce_window(use: Use) -> list[int]:
    """An entry flows to all results whose window it lies in.

    y[b, i] = max over k in window i of x[b, k], or another reduction; an operand of rank 0 is the
    value that it starts from.

    Example: x of shape (5, 8) with windows of (1, 2): out (b, i), in (b, k) with b tied, value
    (b, i, k). A pooling of images over (1, 1, 2, 2) ties the batch and the channels.

    Reads `window_dimensions`, `window_strides`, `padding` and `base_dilation`.
    https://docs.jax.dev/en/latest/_autosummary/jax.lax.reduce_window.html
    """
    params = use.params
    sides = ("window_dimensions", "window_strides", "base_dilation")
    return [
        axis
        if all(params[side][axis] == 1 for side in sides)
        and tuple(params["padding"][axis]) == (0, 0)
        else UNTIED
        for axis in range(len(use.in_shape))
    ]


def _has_groups(equation: Equation) -> bool:
    """Whether different filters are applied to different channels or images."""
    params = equation.params
    return params["feature_group_count"] != 1 or params["batch_group_count"] != 1


@register_ties("conv_general_dilated", varies=_has_groups)
def convolution(use: Use) -> list[int]:
    """A pixel flows to results of its own image, a filter to its own channel of the results.

    y[b, o, h] = sum over c and k of w[o, c, k] x[b, c, h + k], so dy[b, o, h]/dw[o, c, k] =
    x[b, c, h + k] and dy[b, o, h]/dx[b, c, l] = w[o, c, l - h]: operand 0 is x, operand 1 is w.

    Example: for x out (b, o, h), in (b, c, l) with b tied, value (o, h, c, l); for w out (b, o, h),
    in (o, c, k) with o tied, value (b, h, c, k).

    Reads `dimension_numbers`, `batch_group_count` and `feature_group_count`.
    https://docs.jax.dev/en/latest/_autosummary/jax.lax.conv_general_dilated.html
    """
    specs = use.params["dimension_numbers"]
    ties = [UNTIED] * len(use.in_shape)
    if use.operand == 1:
        ties[specs.rhs_spec[0]] = specs.out_spec[1]
    elif use.params["batch_group_count"] == 1:
        ties[specs.lhs_spec[0]] = specs.out_spec[0]
    return ties
