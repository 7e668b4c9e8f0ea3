"""Running sums along one axis."""

from collections.abc import Sequence
from typing import Any

import jax

from elimax.interpreter.algebra.linear_map import LinearMap
from elimax.interpreter.graph.pair_structure import Direction, opaque_edge
from elimax.interpreter.graph.structure import UNTIED, Kind, edge_structure
from elimax.interpreter.tracing.rules.registry import LocalJacobian, register
from elimax.interpreter.tracing.rules.use import Use


@register("cumsum")
def cumulative_sum(use: Use) -> LocalJacobian:
    """An entry flows to its own sum and all later ones along one axis, or earlier if `reverse`.

    y[a, k] = x[a, 0] + ... + x[a, k], so dy[a, k]/dx[a, i] = 1 where i <= k: a triangle of ones. It
    is not written: the edge is opaque, and applying the running sum to a neighbour costs nothing.

    Example: along the last axis of (2, 3): out (a, k), in (a, i) with a tied, carried k and i.

    Reads `axis` and `reverse`.
    https://docs.jax.dev/en/latest/_autosummary/jax.lax.cumsum.html
    """
    axis, aval = int(use.params["axis"]), use.in_aval
    rank = len(aval.shape)
    ties = [UNTIED if j == axis else j for j in range(rank)]
    structure = edge_structure(aval.shape, aval.shape, ties, (axis, rank + axis), Kind.STRUCTURAL)

    def value(inputs: Sequence[Any], outputs: Sequence[Any]) -> Any:
        del outputs

        def backward(image: Any) -> Any:
            return jax.lax.cumsum(image, axis, reverse=not use.params["reverse"])

        return LinearMap.of(structure, aval.dtype, lambda x: use.apply(x, inputs), backward)

    return LocalJacobian(opaque_edge(structure, 0, Direction.BOTH), value)
