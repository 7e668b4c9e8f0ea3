"""dot_general: every matrix product, batched or not."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from elimax.interpreter.graph.structure import UNTIED, Kind, edge_structure
from elimax.interpreter.tracing.rules.registry import LocalJacobian, register
from elimax.interpreter.tracing.rules.use import Use


class _Layout(NamedTuple):
    """Where the axes of a dot_general go.

    Attributes:
        ties: For each axis of the operand its out axis, UNTIED where it is contracted.
        labels: For each axis of the other operand its label in the edge Jacobian.
    """

    ties: list[int]
    labels: list[int]


def _layout(use: Use) -> _Layout:
    contracting, batch = (
        [[int(axis) for axis in axes] for axes in pair] for pair in use.params["dimension_numbers"]
    )
    ranks = [len(aval.shape) for aval in use.equation.in_avals]
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
    operand, other = use.operand, 1 - use.operand
    out_rank = num_batch + len(free[0]) + len(free[1])
    partner = dict(zip(contracting[other], contracting[operand], strict=True))
    return _Layout(
        [out_axis[operand].get(j, UNTIED) for j in range(ranks[operand])],
        [
            out_axis[other][j] if j in out_axis[other] else out_rank + partner[j]
            for j in range(ranks[other])
        ],
    )


@register("dot_general")
def dot_general(use: Use) -> LocalJacobian:
    """An entry of A flows to a row of the result, an entry of B to a column, in the same batch.

    y[b, i, j] = sum over k of A[b, i, k] B[b, k, j], so dy[b, i, j]/dA[b, i, k] = B[b, k, j] and
    dy[b, i, j]/dB[b, k, j] = A[b, i, k].

    Example: with respect to A: out (b, i, j), in (b, i, k) with b and i tied; the value is B over
    (b, j, k). With respect to B: out (b, i, j), in (b, k, j) with b and j tied; the value is A over
    (b, i, k).

    Reads `dimension_numbers`.
    https://docs.jax.dev/en/latest/_autosummary/jax.lax.dot_general.html
    """
    ties, labels = _layout(use)
    structure = edge_structure(use.out_shape, use.in_shape, ties, labels, Kind.GENERAL)

    def value(inputs: Sequence[Any], outputs: Sequence[Any]) -> Any:
        del outputs
        other = jnp.transpose(inputs[1 - use.operand], tuple(np.argsort(labels)))
        return other.reshape(structure.carried_shape).astype(use.out_aval.dtype)

    return LocalJacobian(structure, value)
