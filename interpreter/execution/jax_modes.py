"""JAX's two modes, applied to a program that is traced already.

Where elimination has nothing to save, every operand of its products is written out for nothing, and
JAX's own forward or reverse mode is the quickest program there is.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from elimax.interpreter.algebra.edge_jacobian import EdgeJacobian
from elimax.interpreter.execution.evaluation import evaluate_nodes, read
from elimax.interpreter.execution.guarded_program import guarded
from elimax.interpreter.execution.guards import Mode
from elimax.interpreter.graph.structure import UNTIED, Kind, edge_structure
from elimax.interpreter.tracing.active_graph import ActiveGraph
from elimax.interpreter.tracing.program import Program
from elimax.interpreter.tracing.realification import join_parts, real_aval, split_parts

MODES: tuple[Mode, ...] = ("jacfwd", "jacrev")

Blocks = dict[tuple[int, int], EdgeJacobian]


def has_modes(program: Program, active: ActiveGraph) -> bool:
    """Whether JAX's modes can stand for an elimination.

    They cannot if something shows values, which they might show many times, nor for holomorphic
    functions, for nodes without entries, or if inputs and outputs have several dtypes.

    Args:
        program: The program.
        active: What differentiates it.

    Returns:
        Whether they can.
    """
    if any(equation.effects for equation in program.equations):
        return False
    nodes = (*active.moving_inputs, *active.graph.output_nodes)
    sizes = [math.prod(active.graph.node_shapes[node]) for node in nodes]
    # JAX's modes join all inputs, or all outputs, in one array, which has one dtype.
    dtypes = {_encoded(aval, active.is_split).dtype for aval in _ends(active)}
    are_floating = all(jnp.issubdtype(dtype, jnp.floating) for dtype in dtypes)
    return all(sizes) and len(dtypes) == 1 and are_floating


def _ends(active: ActiveGraph) -> list[Any]:
    """Shapes and dtypes of the inputs that some output depends on, and of the outputs."""
    program = active.program
    outputs = [node for node in program.outputs if isinstance(node, int)]
    return [program.node_avals[node] for node in (*active.moving_inputs, *outputs)]


def _encoded(aval: Any, is_split: bool) -> Any:
    return real_aval(aval) if is_split else aval


def in_mode(
    mode: Mode, program: Program, active: ActiveGraph, leaves: Sequence[Any]
) -> tuple[list[Any], Blocks]:
    """Runs a program and differentiates it by one of JAX's modes.

    Args:
        mode: Which one.
        program: The program, with all its outputs.
        active: What differentiates it; see `has_modes`.
        leaves: Value of every input leaf.

    Returns:
        The values of all outputs of the program, and the blocks of its Jacobian as
        `evaluation.eliminate` returns them.

    Raises:
        NotImplementedError: If the mode might turn what zeros exclude into nan.
    """
    graph, inputs = active.graph, active.moving_inputs
    named = dict(zip(graph.outputs, active.program.outputs, strict=True))
    safe = guarded(program, active, mode)
    if safe is None:
        raise NotImplementedError(
            f"jax.{mode} may turn what a where, max or clip excludes into nan, and an equation has "
            'no guard against it: use a plan with execution="xla"'
        )
    targets = [node for node in dict.fromkeys(graph.outputs) if node >= graph.num_inputs]

    def evaluate(*moving: Any) -> tuple[list[Any], list[Any]]:
        replaced = list(leaves)
        for node, value in zip(inputs, moving, strict=True):
            is_joined = active.is_split and jnp.iscomplexobj(leaves[node])
            replaced[node] = join_parts(value) if is_joined else value
        nodes = evaluate_nodes(safe, replaced).nodes
        encode = split_parts if active.is_split else jnp.asarray
        return (
            [encode(read(nodes, named[node])) for node in targets],
            [read(nodes, output) for output in program.outputs],
        )

    encode = split_parts if active.is_split else jnp.asarray
    transform: Callable[..., Any] = getattr(jax, mode)
    derivative = transform(evaluate, argnums=tuple(range(len(inputs))), has_aux=True)
    rows, outputs = derivative(*(encode(leaves[node]) for node in inputs))
    blocks = {
        (pred, succ): _block(graph.node_shapes[succ], graph.node_shapes[pred], block)
        for succ, row in zip(targets, rows, strict=True)
        for pred, block in zip(inputs, row, strict=True)
    }
    return outputs, blocks


def _block(out_shape: tuple[int, ...], in_shape: tuple[int, ...], value: Any) -> EdgeJacobian:
    """A block without any structure."""
    rank = len(out_shape) + len(in_shape)
    structure = edge_structure(
        out_shape, in_shape, [UNTIED] * len(in_shape), range(rank), Kind.GENERAL
    )
    return EdgeJacobian(structure, value.reshape(structure.carried_shape))
