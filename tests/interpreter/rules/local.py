"""The edge Jacobian of a function of one equation, before anything is eliminated."""

from collections.abc import Callable
from typing import Any

from interpreter.execution import evaluate_nodes, read
from interpreter.local_edges import local_edges
from interpreter.program import trace_program
from interpreter.structure import EdgeStructure


def local_value(function: Callable[..., Any], *args: Any) -> tuple[EdgeStructure, Any]:
    """Structure and value of the edge from the first argument."""
    program = trace_program(function, args)
    (edge,) = local_edges(program, [True, *[False] * (len(args) - 1)])
    values = evaluate_nodes(program, args)
    equation = program.equations[edge.equation]
    inputs = [read(values, operand) for operand in equation.operands]
    outputs = [values[result] for result in equation.results]
    return edge.jacobian.structure, edge.jacobian.value(inputs, outputs)
