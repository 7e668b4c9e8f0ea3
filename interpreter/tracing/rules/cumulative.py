"""Running sums along one axis."""

from collections.abc import Sequence
from typing import Any

import jax

from elimax.interpreter.algebra.linear_map import LinearMap
from elimax.interpreter.graph.pair_structure import Direction, opaque_edge
from elimax.interpreter.graph.structure import UNTIED, Kind, edge_structure
from elimax.interpreter.tracing.program import Equation
from elimax.interpreter.tracing.rules.registry import LocalJacobian, register


@register("cumsum")
def cumulative_sum(equation: Equation, operand: int, result: int) -> LocalJacobian:
    """y[a, k] = x[a, 0] + ... + x[a, k]: a triangle of ones along one axis, the others tied.

    Example: along the last axis of (2, 3): out (a, k), in (a, i), carried k and i. The triangle is
    not written: the sum is applied to a neighbour, which is free.

    Args:
        equation: The equation; reads `axis` and `reverse`.
        operand: Number of the operand, 0.
        result: Number of the result, 0.

    Returns:
        A structural edge that is opaque.
    """
    axis, aval = int(equation.params["axis"]), equation.in_avals[operand]
    rank = len(aval.shape)
    ties = [UNTIED if j == axis else j for j in range(rank)]
    structure = edge_structure(aval.shape, aval.shape, ties, (axis, rank + axis), Kind.STRUCTURAL)

    def value(inputs: Sequence[Any], outputs: Sequence[Any]) -> Any:
        del inputs, outputs

        def backward(image: Any) -> Any:
            return jax.lax.cumsum(image, axis, reverse=not equation.params["reverse"])

        return LinearMap.of(structure, aval.dtype, lambda x: equation.bind([x])[result], backward)

    return LocalJacobian(opaque_edge(structure, 0, Direction.BOTH), value)
