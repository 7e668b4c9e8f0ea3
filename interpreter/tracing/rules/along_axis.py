"""Primitives that work along one axis, or some; all other axes stay tied."""

from collections.abc import Sequence

from elimax.interpreter.graph.structure import UNTIED
from elimax.interpreter.tracing.rules.registry import register_ties
from elimax.interpreter.tracing.rules.use import Use


def _along(use: Use, axes: Sequence[int]) -> list[int]:
    """Ties every axis to itself, except those that are worked along."""
    rank = len(use.in_shape)
    worked = {axis % rank for axis in axes}
    return [UNTIED if axis in worked else axis for axis in range(rank)]


@register_ties("cumlogsumexp", "cummax", "cummin", "cumprod")
def cumulative(use: Use) -> list[int]:
    """An entry flows to the result at its place and all later ones along one axis.

    y[b, i] = f(x[b, 0], ..., x[b, i]) with f the maximum, the product and so on, so
    dy[b, i]/dx[b, k] = df/dx[b, k] for k <= i, for a product that of all other factors. If
    `reverse`, for k >= i.

    Example: x of shape (5, 3) along axis 1: out (b, i), in (b, k) with b tied, value (b, i, k).

    Reads `axis`.
    https://docs.jax.dev/en/latest/_autosummary/jax.lax.cumprod.html
    """
    return _along(use, [use.params["axis"]])


@register_ties("sort")
def sort(use: Use) -> list[int]:
    """An entry of operand r flows to one entry of result r.

    y[b, i] = x[b, p(b, i)], so dy[b, i]/dx[b, k] = 1 where k = p(b, i). The permutation p depends
    on the keys, but has no derivative.

    Example: x of shape (5, 3) along axis 1: out (b, i), in (b, k) with b tied, value (b, i, k).

    Reads `dimension`.
    https://docs.jax.dev/en/latest/_autosummary/jax.lax.sort.html
    """
    return _along(use, [use.params["dimension"]])


@register_ties("top_k", "approx_top_k")
def largest(use: Use) -> list[int]:
    """The largest entries along an axis flow to result 0; result 1, their places, has no edge.

    y[b, i] = x[b, p(b, i)], so dy[b, i]/dx[b, k] = 1 where k = p(b, i), the place of the i-th
    largest entry.

    Example: the two largest of (5, 3) along axis 1: out (b, i), in (b, k) with b tied, value
    (b, i, k) with 5 * 2 * 3 entries.

    Reads `axis`; of approx_top_k `reduction_dimension`.
    https://docs.jax.dev/en/latest/_autosummary/jax.lax.top_k.html
    """
    name = "axis" if use.name == "top_k" else "reduction_dimension"
    return _along(use, [use.params[name]])


@register_ties("fft", varies=lambda equation: False)
def fourier(use: Use) -> list[int]:
    """An entry flows to all results along the transformed axes, which are the last.

    y[b, i] = sum over k of w[i, k] x[b, k] with roots of unity w, so dy[b, i]/dx[b, k] = w[i, k],
    the same for every b.

    Example: x of shape (5, 8), transformed along axis 1: out (b, i), in (b, k) with b tied, value
    (i, k).

    Reads how many `fft_lengths` there are.
    https://docs.jax.dev/en/latest/_autosummary/jax.lax.fft.html
    """
    rank, worked = len(use.in_shape), len(use.params["fft_lengths"])
    return [*range(rank - worked), *[UNTIED] * worked]
