"""Running sums along one axis."""

from collections.abc import Sequence
from typing import Any

import jax

from interpreter.linear_map import LinearMap
from interpreter.pair_structure import Direction, opaque_edge
from interpreter.program import Equation
from interpreter.rules.registry import LocalJacobian, register
from interpreter.structure import UNTIED, Kind, edge_structure


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
