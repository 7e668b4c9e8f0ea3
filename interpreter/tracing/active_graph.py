"""From a program to its active edges and its computational graph.

Nodes of the graph are the nodes of the program, in the same order, with hidden nodes between them:
the joined operands and the joined results of an equation come before its results.
"""

import dataclasses
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.pair_structure import Structure, sum_of
from elimax.interpreter.graph.structure import Shape
from elimax.interpreter.tracing.known_values import known_value
from elimax.interpreter.tracing.linearisation import Linearisation, Moving
from elimax.interpreter.tracing.opaque_equation import OpaqueEquation, Side
from elimax.interpreter.tracing.program import Constant, Equation, Program
from elimax.interpreter.tracing.realification import is_holomorphic, real_aval, real_jacobian
from elimax.interpreter.tracing.rules.registry import has_formula, local_jacobian
from elimax.interpreter.tracing.uses import ActiveUse, active_uses

PRODUCTS = frozenset(("mul", "dot_general"))
"""Primitives whose derivative by one operand consists of entries of the other."""

MODERATE, WIDE = 1e15, 1e30
"""The largest entry of a constant for which no sum of its entries overflows, in a dtype of numbers
at least as large as the second."""


class Point(NamedTuple):
    """An equation at a point.

    Attributes:
        inputs: Values of its operands.
        outputs: Values of its results.
        linear: Its derivative, if it is opaque.
    """

    inputs: Sequence[Any]
    outputs: Sequence[Any]
    linear: Linearisation | None


class ActiveEdge(NamedTuple):
    """One edge; several may join the same two nodes, and are summed.

    Attributes:
        equation: Index of the equation in the program.
        pred: Node of the graph where it starts.
        succ: Node of the graph where it ends.
        structure: Its structure.
        value: Computes its value at a point.
        drops: Whether zeros of a written edge exclude, see `LocalJacobian`.
        factor: The value of an operand whose entries are those of the edge, as W for W @ x; None if
            the edge is not such a copy of a constant.
    """

    equation: int
    pred: int
    succ: int
    structure: Structure
    value: Callable[[Point], Any]
    drops: bool
    factor: Any = None

    @property
    def is_finite(self) -> bool:
        """Whether the edge is a copy of a constant that is known and far from overflow."""
        if self.factor is None:
            return False
        value = known_value(self.factor)
        return value is not None and bool((np.abs(value) <= MODERATE).all())


@dataclasses.dataclass(frozen=True)
class ActiveGraph:
    """A program with its active edges and its graph.

    Attributes:
        program: The program.
        graph: Its computational graph.
        edges: Its active edges, in program order.
        opaque: The opaque equations by their index in the program.
        is_split: Whether complex nodes have one more axis in the graph, for the real and the
            imaginary part.
    """

    program: Program
    graph: ComputationalGraph
    edges: tuple[ActiveEdge, ...]
    opaque: Mapping[int, OpaqueEquation]
    is_split: bool

    @property
    def moving_inputs(self) -> tuple[int, ...]:
        """Nodes of the inputs that some output depends on."""
        inputs = range(self.graph.num_inputs)
        return tuple(sorted({pred for pred, _ in self.graph.edges if pred in inputs}))


def active_graph(program: Program, active_inputs: Sequence[bool]) -> ActiveGraph:
    """Finds the active edges of a program.

    Args:
        program: The program.
        active_inputs: Whether each input leaf is differentiated.

    Returns:
        The program with its edges and its graph.

    Raises:
        TracingError: If an equation cannot be differentiated.
    """
    uses = active_uses(program, active_inputs)
    is_split = not is_holomorphic(program, uses)
    by_equation = {index: list(x) for index, x in itertools.groupby(uses, lambda x: x.equation)}
    opaque = {
        index: equation
        for index, of_equation in by_equation.items()
        if (equation := _opaque_equation(program, of_equation, is_split)) is not None
    }
    numbering = _numbered(program, opaque, is_split)
    edges: list[ActiveEdge] = []
    for index, of_equation in by_equation.items():
        if index in opaque:
            edges += _opaque_edges(program, index, opaque[index], numbering)
        elif has_formula(program.equations[index]):
            edges += [_formula_edge(program, use, numbering, is_split) for use in of_equation]
    graph = _graph_of(program, edges, numbering)
    return ActiveGraph(program, graph, tuple(edges), opaque, is_split)


class _Numbering(NamedTuple):
    """Nodes of the graph.

    Attributes:
        node: The node of the graph for every node of the program.
        hidden: The node of the graph for every hidden side, by equation.
        shapes: Shape of every node.
        primitives: Name of the primitive behind every node that is not an input.
    """

    node: list[int]
    hidden: dict[tuple[int, Side], int]
    shapes: list[Shape]
    primitives: list[str]


def _opaque_equation(
    program: Program, uses: Sequence[ActiveUse], is_split: bool
) -> OpaqueEquation | None:
    """An equation as an opaque one; None if it has a formula, or if no use of it has entries."""
    equation = program.equations[uses[0].equation]
    if has_formula(equation):
        return None
    # JAX fails to differentiate some functions of arrays without entries.
    sized = [
        use
        for use in uses
        if math.prod(equation.in_avals[use.operand].shape)
        and math.prod(equation.out_avals[use.result].shape)
    ]
    if not sized:
        return None
    operands = tuple(sorted({use.operand for use in sized}))
    results = tuple(sorted({use.result for use in sized}))
    return OpaqueEquation(Moving(equation, operands, results, in_parts=is_split))


def _numbered(program: Program, opaque: Mapping[int, OpaqueEquation], is_split: bool) -> _Numbering:
    avals = [real_aval(x) if is_split else x for x in program.node_avals]
    numbering = _Numbering(list(range(program.num_inputs)), {}, [], [])
    numbering.shapes.extend(tuple(x.shape) for x in avals[: program.num_inputs])
    for index, equation in enumerate(program.equations):
        if index in opaque:
            for side, shape in opaque[index].hidden.items():
                numbering.hidden[index, side] = len(numbering.shapes)
                numbering.shapes.append(shape)
                numbering.primitives.append(f"{equation.name}:{side.sort}")
        for result in equation.results:
            numbering.node.append(len(numbering.shapes))
            numbering.shapes.append(tuple(avals[result].shape))
            numbering.primitives.append(equation.name)
    return numbering


def _formula_edge(
    program: Program, use: ActiveUse, numbering: _Numbering, is_split: bool
) -> ActiveEdge:
    local = local_jacobian(use.of(program))
    if is_split:
        local = real_jacobian(use.of(program), local)
    pred, succ = numbering.node[use.pred], numbering.node[use.succ]
    return ActiveEdge(
        use.equation,
        pred,
        succ,
        local.structure,
        lambda point: local.value(point.inputs, point.outputs),
        local.drops,
        None if is_split else _constant_factor(program.equations[use.equation]),
    )


def _constant_factor(equation: Equation) -> Any:
    """The other factor of a product, if it is a constant."""
    if equation.name not in PRODUCTS:
        return None
    constants = [x.value for x in equation.operands if isinstance(x, Constant)]
    # The edge may have the dtype of any of them.
    dtypes = {aval.dtype for aval in (*equation.in_avals, *equation.out_avals)}
    are_wide = all(
        jnp.issubdtype(dtype, jnp.floating) and float(jnp.finfo(dtype).max) > WIDE
        for dtype in dtypes
    )
    return constants[0] if constants and are_wide else None


def _opaque_edges(
    program: Program, index: int, opaque: OpaqueEquation, numbering: _Numbering
) -> list[ActiveEdge]:
    equation, moving = program.equations[index], opaque.moving

    def node(side: Side) -> int:
        if side.sort == "operand":
            operand = equation.operands[moving.operands[side.number]]
            assert isinstance(operand, int)
            return numbering.node[operand]
        if side.sort == "result":
            return numbering.node[equation.results[moving.results[side.number]]]
        return numbering.hidden[index, side]

    return [
        ActiveEdge(
            index, node(edge.pred), node(edge.succ), edge.structure, _at(edge.value), edge.drops
        )
        for edge in opaque.edges
    ]


def _at(value: Callable[[Linearisation], Any]) -> Callable[[Point], Any]:
    def of_point(point: Point) -> Any:
        assert point.linear is not None
        return value(point.linear)

    return of_point


def _graph_of(
    program: Program, edges: Sequence[ActiveEdge], numbering: _Numbering
) -> ComputationalGraph:
    """The computational graph; several uses of one node by one equation are one edge."""
    structures: dict[tuple[int, int], Structure] = {}
    for edge in edges:
        key, structure = (edge.pred, edge.succ), edge.structure
        structures[key] = sum_of(structures[key], structure) if key in structures else structure
    return ComputationalGraph(
        num_inputs=program.num_inputs,
        node_shapes=tuple(numbering.shapes),
        primitives=tuple(numbering.primitives),
        outputs=tuple(numbering.node[x] if isinstance(x, int) else -1 for x in program.outputs),
        edges=structures,
        hidden=tuple(sorted(numbering.hidden.values())),
    )
