"""dot_general: every matrix product, batched or not."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from elimax.interpreter.graph.structure import UNTIED, Kind, edge_structure
from elimax.interpreter.tracing.program import Equation
from elimax.interpreter.tracing.rules.registry import LocalJacobian, register


class _Layout(NamedTuple):
    """Where the axes of a dot_general go.

    Attributes:
        ties: For each axis of the operand its out axis, UNTIED where it is contracted.
        labels: For each axis of the other operand its label in the edge Jacobian.
    """

    ties: list[int]
    labels: list[int]


def _layout(equation: Equation, operand: int) -> _Layout:
    contracting, batch = (
        [[int(axis) for axis in axes] for axes in pair]
        for pair in equation.params["dimension_numbers"]
    )
    ranks = [len(aval.shape) for aval in equation.in_avals]
    num_batch = len(batch[0])
    free = [
        [j for j in range(ranks[k]) if j not in contracting[k] and j not in batch[k]]
        for k in range(2)
    ]
    first_free = (num_batch, num_batch + len(free[0]))
    out_axis = [
        {
            **{j: i for i, j in enumerate(batch[k])},
            **{j: first_free[k] + i for i, j in enumerate(free[k])},
        }
        for k in range(2)
    ]
    other, out_rank = 1 - operand, num_batch + len(free[0]) + len(free[1])
    partner = dict(zip(contracting[other], contracting[operand], strict=True))
    return _Layout(
        [out_axis[operand].get(j, UNTIED) for j in range(ranks[operand])],
        [
            out_axis[other][j] if j in out_axis[other] else out_rank + partner[j]
            for j in range(ranks[other])
        ],
    )


@register("dot_general")
def dot_general(equation: Equation, operand: int, result: int) -> LocalJacobian:
    """y[b, i, j] = sum over k of A[b, i, k] B[b, k, j].

    With respect to A: out (b, i, j), in (b, i, k) with b and i tied, and the value is B over
    (b, j, k). With respect to B likewise, with A as the value.

    Args:
        equation: The equation; reads `dimension_numbers`.
        operand: Number of the operand.
        result: Number of the result, 0.

    Returns:
        A general edge.
    """
    ties, labels = _layout(equation, operand)
    out_aval = equation.out_avals[result]
    structure = edge_structure(
        out_aval.shape, equation.in_avals[operand].shape, ties, labels, Kind.GENERAL
    )

    def value(inputs: Sequence[Any], outputs: Sequence[Any]) -> Any:
        del outputs
        other = jnp.transpose(inputs[1 - operand], tuple(np.argsort(labels)))
        return other.reshape(structure.carried_shape).astype(out_aval.dtype)

    return LocalJacobian(structure, value)
