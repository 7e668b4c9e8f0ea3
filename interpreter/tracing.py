"""From a function to its computational graph."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from interpreter.call_checks import positions_of
from interpreter.errors import TracingError
from interpreter.flat_call import split_static
from interpreter.graph import ComputationalGraph
from interpreter.program import Program, trace_program
from interpreter.rules import LocalJacobian, local_jacobian
from interpreter.rules.registry import has_derivative, is_complex_linear
from interpreter.structure import EdgeStructure, add


@dataclasses.dataclass(frozen=True)
class LocalEdge:
    """One use of a node by an equation.

    Attributes:
        equation: Index of the equation in its program.
        pred: The node that is used.
        succ: The result that depends on it.
        jacobian: The Jacobian of the result with respect to this use.
    """

    equation: int
    pred: int
    succ: int
    jacobian: LocalJacobian


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
        The graph. Input leaves of all arguments are numbered, differentiated or not.

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
    return graph_of(program, local_edges(program, active))


def local_edges(program: Program, active_inputs: Sequence[bool]) -> list[LocalEdge]:
    """The active edges of a program, one per use.

    Args:
        program: The program.
        active_inputs: For every input leaf whether it is differentiated.

    Returns:
        The edges in program order; several may join the same two nodes.
    """
    reached = {node for node, active in enumerate(active_inputs) if active}
    candidates = []
    for index, equation in enumerate(program.equations):
        for k, operand in enumerate(equation.operands):
            if not isinstance(operand, int) or operand not in reached:
                continue
            for r, result in enumerate(equation.results):
                if has_derivative(equation, k, r):
                    candidates.append((index, k, r, operand, result))
                    reached.add(result)
    wanted = {node for node in program.outputs if isinstance(node, int)}
    edges = []
    for index, k, r, operand, result in reversed(candidates):
        if result in wanted:
            wanted.add(operand)
            jacobian = local_jacobian(program.equations[index], k, r)
            edges.append(LocalEdge(index, operand, result, jacobian))
    return edges[::-1]


def check_complex(program: Program, edges: Sequence[LocalEdge]) -> None:
    """Checks that complex vertices between real ones have complex numbers as derivatives.

    A real vertex keeps Re(J dz) of a complex one. From there no way may lead back to complex
    numbers, because what Re has dropped would come back with a product of Jacobians.

    Args:
        program: The program.
        edges: Its active edges.

    Raises:
        TracingError: If some vertex is no holomorphic function of the complex ones before it.
    """
    is_complex = [jnp.issubdtype(aval.dtype, jnp.complexfloating) for aval in program.node_avals]
    parts: set[int] = set()
    for edge in edges:
        equation, pred, succ = program.equations[edge.equation], edge.pred, edge.succ
        if pred in parts or (is_complex[pred] and not is_complex[succ]):
            parts.add(succ)
        if is_complex[succ] and (
            succ in parts or (is_complex[pred] and not is_complex_linear(equation))
        ):
            raise TracingError(
                f"the function computes complex numbers that are not holomorphic in others (at "
                f"{equation.name!r}): write it with real and imaginary parts, for example "
                "z.real**2 + z.imag**2 for z.conj() * z, or use jax.jacrev"
            )


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
