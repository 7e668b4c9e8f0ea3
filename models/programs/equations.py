"""Scalar equations, and the graph of a list of them, built directly without tracing.

Edges of `add`, `sub` and `neg` are trivial, all others are general. An equation that reads a value
twice has one edge for it.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.structure import (
    EdgeStructure,
    Kind,
    add,
    edge_structure,
)

UNARY_TRIVIAL = ("neg", "add_literal", "sub_literal")
UNARY_GENERAL = ("sin", "cos", "exp", "log", "sqrt", "integer_pow", "mul_literal", "div_literal")
BINARY_TRIVIAL = ("add", "sub")
BINARY_GENERAL = ("mul", "div")

TRIVIAL = edge_structure((), (), (), (), Kind.TRIVIAL)
GENERAL = edge_structure((), (), (), (), Kind.GENERAL)


class Equation(NamedTuple):
    """One vertex: its primitive, the structure of its edges and the nodes that it reads."""

    primitive: str
    structure: EdgeStructure
    arguments: tuple[int, ...]


def equation(name: str, *arguments: int) -> Equation:
    """Makes the equation of an operation.

    Args:
        name: One of the names above; `_literal` says that the other operand is a constant.
        *arguments: Nodes that it reads.

    Returns:
        The equation.
    """
    is_trivial = name in UNARY_TRIVIAL or name in BINARY_TRIVIAL
    structure = TRIVIAL if is_trivial else GENERAL
    return Equation(name.removesuffix("_literal"), structure, arguments)


def draw_operation(rng: np.random.Generator, is_unary: bool, is_trivial: bool) -> str:
    """Draws the name of an operation.

    Args:
        rng: Source of randomness.
        is_unary: Whether it has one argument instead of two.
        is_trivial: Whether its derivatives are +1 or -1.

    Returns:
        One of the names above.
    """
    if is_unary:
        names = UNARY_TRIVIAL if is_trivial else UNARY_GENERAL
    else:
        names = BINARY_TRIVIAL if is_trivial else BINARY_GENERAL
    return names[rng.integers(len(names))]


def graph_of(
    num_inputs: int, equations: Sequence[Equation], outputs: Sequence[int]
) -> ComputationalGraph:
    """Makes the graph of some equations.

    Args:
        num_inputs: I, number of inputs: nodes 0 to I-1.
        equations: The equations; the result of the first is node I.
        outputs: Nodes that are outputs.

    Returns:
        The graph.
    """
    edges: dict[tuple[int, int], EdgeStructure] = {}
    for node, (_, structure, arguments) in enumerate(equations, start=num_inputs):
        for argument in arguments:
            present = edges.get((argument, node))
            edges[argument, node] = structure if present is None else add(present, structure)
    return ComputationalGraph(
        num_inputs=num_inputs,
        node_shapes=((),) * (num_inputs + len(equations)),
        primitives=tuple(equation.primitive for equation in equations),
        outputs=tuple(outputs),
        edges=edges,
    )
