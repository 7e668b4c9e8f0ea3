"""Runs a program and eliminates its graph: the Jacobian interpreter."""

from collections.abc import Sequence
from typing import Any

from interpreter.edge_jacobian import EdgeJacobian, add_edges, multiply_edges
from interpreter.elimination import Elimination
from interpreter.graph import ComputationalGraph
from interpreter.program import Constant, Operand, Program
from interpreter.tracing import LocalEdge
from interpreter.wanted import Blocks


def evaluate_nodes(program: Program, leaves: Sequence[Any]) -> dict[int, Any]:
    """Runs the program.

    Args:
        program: The program.
        leaves: Value of every input leaf.

    Returns:
        The value of every node that an output depends on.
    """
    values = dict(enumerate(leaves))
    for equation in program.equations:
        if not program.needed.isdisjoint(equation.results):
            results = equation.evaluate([read(values, x) for x in equation.operands])
            values.update(zip(equation.results, results, strict=True))
    return values


def read(values: dict[int, Any], operand: Operand) -> Any:
    """The value of an operand, be it a node or a constant."""
    return operand.value if isinstance(operand, Constant) else values[operand]


def edge_jacobians(
    program: Program, edges: Sequence[LocalEdge], values: dict[int, Any]
) -> dict[tuple[int, int], EdgeJacobian]:
    """The edge Jacobians of a program at a point.

    Args:
        program: The program.
        edges: Its active edges.
        values: The value of every node.

    Returns:
        One edge Jacobian for every pair of nodes, uses of one node by one equation added up.
    """
    jacobians: dict[tuple[int, int], EdgeJacobian] = {}
    for edge in edges:
        equation = program.equations[edge.equation]
        inputs = [read(values, operand) for operand in equation.operands]
        outputs = [values[result] for result in equation.results]
        jacobian = EdgeJacobian(edge.jacobian.structure, edge.jacobian.value(inputs, outputs))
        key = (edge.pred, edge.succ)
        jacobians[key] = add_edges(jacobians[key], jacobian) if key in jacobians else jacobian
    return jacobians


def eliminate(
    graph: ComputationalGraph,
    jacobians: dict[tuple[int, int], EdgeJacobian],
    order: Sequence[int],
    wanted: Blocks | None = None,
) -> dict[tuple[int, int], EdgeJacobian]:
    """Eliminates all vertices.

    Args:
        graph: The graph.
        jacobians: Its edge Jacobians.
        order: Vertex numbers, checked already.
        wanted: Blocks of the Jacobian that are wanted; None for all.

    Returns:
        The Jacobian's blocks, keyed by (input node, output node); blocks that are zero for every
        input value are missing, and so may be those that are not wanted.
    """
    elimination = Elimination(graph, jacobians, multiply_edges, add_edges, wanted)
    for vertex in order:
        elimination.eliminate(vertex)
    return {
        (pred, succ): edge
        for succ in graph.output_nodes
        for pred, edge in elimination.predecessors[succ].items()
    }
