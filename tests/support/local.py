"""The edge Jacobian of a function of one equation, before anything is eliminated."""

from collections.abc import Callable
from typing import Any

from elimax.interpreter.execution.evaluation import evaluate_nodes, read
from elimax.interpreter.graph.pair_structure import Structure
from elimax.interpreter.tracing.active_graph import Point, active_graph
from elimax.interpreter.tracing.program import trace_program


def local_value(function: Callable[..., Any], *args: Any) -> tuple[Structure, Any]:
    """Structure and value of the edge from the first argument."""
    program = trace_program(function, args)
    active = active_graph(program, [True, *[False] * (len(args) - 1)])
    (edge,) = active.edges
    values = evaluate_nodes(program, args, active)
    equation = program.equations[edge.equation]
    inputs = [read(values.nodes, operand) for operand in equation.operands]
    outputs = [values.nodes[result] for result in equation.results]
    point = Point(inputs, outputs, values.linear.get(edge.equation))
    return edge.structure, edge.value(point)
