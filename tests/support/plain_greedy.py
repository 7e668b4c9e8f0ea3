"""Greedy elimination written down plainly: every remaining vertex is looked at every time."""

import copy
import itertools
from collections.abc import Callable

import hypothesis.strategies as st
import jax.numpy as jnp

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.elimination import CountingElimination
from elimax.interpreter.tracing.call import trace
from support.random_programs import array_programs, scalar_programs

VARIANTS = list(itertools.product(("low", "high"), ("all", "nontrivial")))
Priority = Callable[[CountingElimination, int, str], int]


@st.composite
def graphs(draw: st.DrawFn) -> ComputationalGraph:
    """Draws graphs of random scalar and array programs."""
    if draw(st.booleans()):
        program = draw(scalar_programs())
        return trace(program, *program.inputs, argnums=range(len(program.inputs)))
    arrays = draw(array_programs())
    return trace(
        arrays, *(jnp.zeros(shape) for shape in arrays.shapes), argnums=range(len(arrays.shapes))
    )


def plain_greedy(
    graph: ComputationalGraph,
    priority: Priority,
    ties: str,
    count: str,
    late: frozenset[int] = frozenset(),
) -> tuple[int, ...]:
    """The order of a rule that is a function of the elimination, a vertex and a count."""
    elimination, left, order = CountingElimination(graph), set(graph.eliminable), []
    sign = 1 if ties == "low" else -1
    while left:
        keys = {v: (v in late, priority(elimination, v, count), sign * v) for v in left}
        best = min(left, key=keys.__getitem__)
        elimination.eliminate(best)
        left.remove(best)
        order.append(best)
    return tuple(order)


def degree(elimination: CountingElimination, vertex: int, count: str) -> int:
    """The Markowitz degree."""
    return getattr(elimination.cost(vertex), count)


def all_degrees(elimination: CountingElimination, but: int, count: str) -> int:
    """The sum of the degrees of all vertices but one."""
    vertices = elimination.graph.eliminable
    return sum(degree(elimination, vertex, count) for vertex in vertices if vertex != but)


def damage(elimination: CountingElimination, vertex: int, count: str) -> int:
    """The damage, by eliminating the vertex in a copy and looking at all others again."""
    after = copy.copy(elimination)
    after.predecessors = [dict(edges) for edges in elimination.predecessors]
    after.successors = [dict(edges) for edges in elimination.successors]
    after.eliminate(vertex)
    return all_degrees(after, vertex, count) - all_degrees(elimination, vertex, count)
