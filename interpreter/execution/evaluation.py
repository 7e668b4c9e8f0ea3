"""Runs a program and eliminates its graph: the Jacobian interpreter."""

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from elimax.interpreter.algebra.edge_jacobian import EdgeJacobian
from elimax.interpreter.algebra.pair_jacobian import (
    Jacobian,
    add_pairs,
    jacobian_of,
    multiply_pairs,
    written_pair,
)
from elimax.interpreter.execution.pulled_equations import pulled_equations
from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.elimination import Elimination
from elimax.interpreter.graph.wanted import Blocks
from elimax.interpreter.tracing.active_graph import ActiveGraph, Point
from elimax.interpreter.tracing.linearisation import Linearisation
from elimax.interpreter.tracing.program import Constant, Operand, Program


class Values(NamedTuple):
    """A program at a point.

    Attributes:
        nodes: The value of every node that an output, or something that is shown, depends on.
        linear: The derivative of every opaque equation, by its index.
    """

    nodes: dict[int, Any]
    linear: dict[int, Linearisation]


def differentiate(
    program: Program,
    active: ActiveGraph,
    leaves: Sequence[Any],
    order: Sequence[int],
    wanted: Blocks | None = None,
    *,
    may_enter: bool = False,
) -> tuple[Values, dict[tuple[int, int], EdgeJacobian]]:
    """Runs a program and eliminates its graph.

    Args:
        program: The program, with all its outputs.
        active: What differentiates it.
        leaves: Value of every input leaf.
        order: Vertex numbers, checked already.
        wanted: Blocks of the Jacobian that are wanted; None for all.
        may_enter: Whether bodies of loops may be eliminated, where that is quicker.

    Returns:
        The values of the program, and what `eliminate` returns.
    """
    # Only a loop is linearised in another way if its pullback is not needed.
    has_loop = any(x.analysis.rounds for x in active.opaque.values())
    pulled = pulled_equations(active, order, wanted) if has_loop else None
    values = evaluate_nodes(program, leaves, active, pulled, may_enter=may_enter)
    return values, eliminate(active.graph, edge_jacobians(active, values), order, wanted)


def evaluate_nodes(
    program: Program,
    leaves: Sequence[Any],
    active: ActiveGraph | None = None,
    pulled: Collection[int] | None = None,
    *,
    may_enter: bool = False,
) -> Values:
    """Runs the program; opaque equations are evaluated and linearised at once.

    Args:
        program: The program.
        leaves: Value of every input leaf.
        active: What differentiates it; None if its values are all that is wanted.
        pulled: Indices of the opaque equations whose pullback is needed; None for all.
        may_enter: As for `differentiate`.

    Returns:
        The values.
    """
    values = Values(dict(enumerate(leaves)), {})
    opaque = {} if active is None else active.opaque
    for index, equation in enumerate(program.equations):
        if equation.effects or not program.needed.isdisjoint(equation.results):
            inputs = [read(values.nodes, x) for x in equation.operands]
            if index in opaque:
                is_pulled = pulled is None or index in pulled
                values.linear[index] = opaque[index].linearise(
                    inputs, is_pulled, may_enter=may_enter
                )
            # What an equation shows is left out of its derivative, which may be applied often; so
            # the equation itself is bound once.
            if index in opaque and not equation.effects:
                results = values.linear[index].results
            else:
                results = equation.bind(inputs)
            values.nodes.update(zip(equation.results, results, strict=True))
    return values


def read(values: dict[int, Any], operand: Operand) -> Any:
    """The value of an operand, a node or a constant."""
    return operand.value if isinstance(operand, Constant) else values[operand]


def edge_jacobians(active: ActiveGraph, values: Values) -> dict[tuple[int, int], Jacobian]:
    """The edge Jacobians of a program at a point.

    Args:
        active: The program with its active edges.
        values: Its values at the point.

    Returns:
        One edge Jacobian for every pair of nodes of the graph, uses of one node by one equation
        added up.
    """
    jacobians: dict[tuple[int, int], Jacobian] = {}
    points: dict[int, Point] = {}
    has_masks = any(edge.drops for edge in active.edges)
    for edge in active.edges:
        if edge.equation not in points:
            equation = active.program.equations[edge.equation]
            inputs = [read(values.nodes, operand) for operand in equation.operands]
            outputs = [values.nodes[result] for result in equation.results]
            points[edge.equation] = Point(inputs, outputs, values.linear.get(edge.equation))
        # Only next to a mask does it matter whether an edge is finite.
        is_finite = has_masks and edge.is_finite
        value = edge.value(points[edge.equation])
        jacobian = jacobian_of(edge.structure, value, edge.drops, is_finite)
        key = (edge.pred, edge.succ)
        jacobians[key] = add_pairs(jacobians[key], jacobian) if key in jacobians else jacobian
    return jacobians


def eliminate(
    graph: ComputationalGraph,
    jacobians: dict[tuple[int, int], Jacobian],
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
        The Jacobian's blocks, keyed by (input node, output node), opaque ones written; blocks that
        are zero for every input value are missing, and so may be those that are not wanted.
    """
    elimination = Elimination(graph, jacobians, multiply_pairs, add_pairs, wanted)
    for vertex in order:
        elimination.eliminate(vertex)
    return {
        (pred, succ): written_pair(edge)
        for succ in graph.output_nodes
        for pred, edge in elimination.predecessors[succ].items()
        if wanted is None or (pred, succ) in wanted
    }
