"""From a function to its computational graph."""

from collections.abc import Callable, Sequence
from typing import Any

import jax

from interpreter.call_checks import positions_of
from interpreter.flat_call import split_static
from interpreter.graph import ComputationalGraph
from interpreter.local_edges import LocalEdge, local_edges
from interpreter.program import Program, trace_program
from interpreter.realification import in_real_parts
from interpreter.structure import EdgeStructure, add


def trace(
    fun: Callable[..., Any], *args: Any, argnums: int | Sequence[int] | None = None
) -> ComputationalGraph:
    """Traces a function to its computational graph.

    Nested `jit`, `remat` and `closed_call` are inlined; edges that no differentiated input or no
    output depends on are dropped.

    Args:
        fun: The function; any pytrees in and out.
        *args: Example arguments: arrays, or anything with a shape and a dtype.
        argnums: Arguments that are differentiated; None for all of them.

    Returns:
        The graph. Input leaves of all arguments are numbered, differentiated or not. If complex
        numbers in between are not holomorphic in others, they have one more axis of size two.

    Raises:
        TracingError: If the function has side effects.
        ValueError: If a position is out of range.
    """
    wanted = positions_of(range(len(args)) if argnums is None else argnums, len(args))
    leaves, tree = jax.tree.flatten(args)
    active = [argnum in wanted for argnum, arg in enumerate(args) for _ in jax.tree.leaves(arg)]
    leaves, static = split_static(leaves, active)

    def flat_fun(*flat: Any) -> list[Any]:
        replaced = [static.get(node, leaf) for node, leaf in enumerate(flat)]
        return jax.tree.leaves(fun(*jax.tree.unflatten(tree, replaced)))

    program = trace_program(flat_fun, leaves)
    return graph_of(*in_real_parts(program, local_edges(program, active)))


def graph_of(program: Program, edges: Sequence[LocalEdge]) -> ComputationalGraph:
    """The computational graph of a program.

    Args:
        program: The program.
        edges: Its active edges.

    Returns:
        The graph; several uses of one node by one equation are one edge.
    """
    structures: dict[tuple[int, int], EdgeStructure] = {}
    for edge in edges:
        key, structure = (edge.pred, edge.succ), edge.jacobian.structure
        structures[key] = add(structures[key], structure) if key in structures else structure
    return ComputationalGraph(
        num_inputs=program.num_inputs,
        node_shapes=tuple(tuple(aval.shape) for aval in program.node_avals),
        primitives=tuple(equation.name for equation in program.equations for _ in equation.results),
        outputs=tuple(node if isinstance(node, int) else -1 for node in program.outputs),
        edges=structures,
    )
