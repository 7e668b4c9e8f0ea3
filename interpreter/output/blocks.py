"""Blocks of a finished Jacobian in the form that the user asked for."""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, get_args

import jax.numpy as jnp
import numpy as np

from elimax.interpreter.algebra.edge_jacobian import EdgeJacobian
from elimax.interpreter.algebra.labelled import is_constant
from elimax.interpreter.algebra.sparse_value import (
    Part,
    SparseValue,
    aligned,
    as_sparse,
    labelled,
)
from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.structure import (
    UNTIED,
    EdgeStructure,
    Kind,
    Shape,
    edge_structure,
)
from elimax.interpreter.output.dense import written_out
from elimax.interpreter.output.structured import StructuredJacobian
from elimax.interpreter.tracing.realification import complex_block, gradient_block, real_aval

Output = Literal["dense", "structured", "bcoo"]
"""What the leaves of a Jacobian may be."""

OUTPUTS: tuple[Output, ...] = get_args(Output)


class BlockForm(NamedTuple):
    """How the blocks of a Jacobian are written.

    Attributes:
        is_split: Whether complex nodes of the graph stand for their real and imaginary parts.
        is_holomorphic: Whether the function was declared holomorphic.
        output: One of `OUTPUTS`.
    """

    is_split: bool
    is_holomorphic: bool
    output: Output


def check_output(output: str) -> None:
    """Checks the name of an output form.

    Args:
        output: The name.

    Raises:
        ValueError: If there is no such form.
    """
    if output not in OUTPUTS:
        raise ValueError(f"output={output!r} is not available; choose one of {', '.join(OUTPUTS)}")


def block_of(
    graph: ComputationalGraph,
    blocks: Mapping[tuple[int, int], EdgeJacobian],
    in_node: int,
    output: int,
    out_shape: Shape,
) -> EdgeJacobian:
    """One block of the Jacobian.

    Args:
        graph: The graph.
        blocks: What `eliminate` returned.
        in_node: Node of the input.
        output: Node of the output; -1 if it is a constant.
        out_shape: Shape of the output.

    Returns:
        The block; without any part if no edge leads from the input to the output.
    """
    in_shape = graph.node_shapes[in_node]
    if output == in_node:
        ties = range(len(in_shape))
        identity = edge_structure(in_shape, in_shape, ties, (), Kind.TRIVIAL)
        return EdgeJacobian(identity, np.asarray(1.0))
    if (in_node, output) in blocks:
        return blocks[in_node, output]
    structure = edge_structure(out_shape, in_shape, [UNTIED] * len(in_shape), (), Kind.STRUCTURAL)
    return EdgeJacobian(structure, SparseValue((), (), (), ()))


def write_block(edge: EdgeJacobian, dtype: Any, output: Output) -> Any:
    """One block in the wanted form; nothing is multiplied.

    Between real nodes only the real part counts, even if complex vertices lie in between.

    Args:
        edge: The block.
        dtype: Wanted dtype; an integer one for an integer input, whose Jacobian is zero.
        output: One of `OUTPUTS`.

    Returns:
        An array, a `StructuredJacobian` or a BCOO of shape out_shape + in_shape.
    """
    structure, value = edge.structure, edge.value
    if jnp.issubdtype(dtype, jnp.floating):
        value = _real(value)
    if output == "dense":
        return written_out(structure, value, dtype)
    sparse = _without_zeros(as_sparse(labelled(value, structure.carried)), structure)
    block = StructuredJacobian.of(structure, sparse, dtype)
    return block if output == "structured" else block.tobcoo()


def written_block(
    graph: ComputationalGraph,
    blocks: Mapping[tuple[int, int], EdgeJacobian],
    in_node: int,
    leaf: Any,
    output: int,
    out: Any,
    form: BlockForm,
) -> Any:
    """One block of the Jacobian as the user gets it.

    Args:
        graph: The graph.
        blocks: What `eliminate` returned.
        in_node: Node of the input.
        leaf: The input.
        output: Node of the output; -1 if it is a constant.
        out: The output.
        form: How blocks are written.

    Returns:
        An array, a `StructuredJacobian` or a BCOO of shape out.shape + leaf.shape.
    """
    if not form.is_split:
        return write_block(
            block_of(graph, blocks, in_node, output, out.shape), leaf.dtype, form.output
        )
    part = real_aval(leaf)
    edge = block_of(graph, blocks, in_node, output, real_aval(out).shape)
    if part is leaf:
        return write_block(edge, leaf.dtype, form.output)
    parts = write_block(edge, part.dtype, "dense")
    joined = complex_block(parts, out.ndim) if form.is_holomorphic else gradient_block(parts)
    rank = joined.ndim
    structure = edge_structure(
        out.shape, leaf.shape, [UNTIED] * leaf.ndim, range(rank), Kind.GENERAL
    )
    whole = EdgeJacobian(structure, joined.reshape(structure.carried_shape))
    return write_block(whole, leaf.dtype, form.output)


def _real(value: Any) -> Any:
    if isinstance(value, SparseValue):
        parts = (part._replace(entries=_real(part.entries)) for part in value.parts)
        return value._replace(parts=tuple(parts))
    return value.real if np.issubdtype(value.dtype, np.complexfloating) else value


def _without_zeros(value: SparseValue, structure: EdgeStructure) -> SparseValue:
    """A value without constant entries that are zero, such as those of a mask, or 1 - 1."""

    def stays(part: Part, everywhere: bool) -> np.ndarray:
        if not is_constant(part.entries) or not part.entries.size:
            return np.ones(part.places.shape, bool)
        axes = tuple(range(part.entries.ndim - 1))
        is_there = part.entries != 0
        return is_there.all(axis=axes) if everywhere else is_there.any(axis=axes)

    if not all(stays(part, everywhere=True).all() for part in value.parts):
        # Only some entries along a dense label may be zero: the places must tell which.
        sizes = {label: structure.size(label) for label in structure.labels}
        value = aligned(value, (), value.sparse + value.dense, sizes)
    kept = [(part, stays(part, everywhere=False)) for part in value.parts]
    parts = (
        part if mask.all() else Part(part.entries[..., mask], part.places[mask])
        for part, mask in kept
        if mask.any()
    )
    return value._replace(parts=tuple(parts))
