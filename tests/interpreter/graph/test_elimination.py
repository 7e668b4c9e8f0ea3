"""Elimination on anything that can be multiplied and added along edges."""

import jax.numpy as jnp
import pytest

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.elimination import (
    FREE,
    CountingElimination,
    Elimination,
    MultiplicationCount,
)
from elimax.interpreter.graph.structure import Kind, edge_structure
from elimax.interpreter.tracing.call import trace

SCALAR = edge_structure((), (), [], [], Kind.GENERAL)


def diamond() -> ComputationalGraph:
    """0 -> 1 -> {2, 3} -> 4, and 1 -> 4 directly; 3 is an output too."""
    pairs = [(0, 1), (1, 2), (1, 3), (2, 4), (3, 4), (1, 4)]
    edges = dict.fromkeys(pairs, SCALAR)
    return ComputationalGraph(1, ((),) * 5, ("f",) * 4, (4, 3), edges)


def symbolic(order: list[int]) -> dict[tuple[int, int], list[str]]:
    """Eliminates with edges that are sums of paths, written as text."""
    graph = diamond()
    edges = {(p, s): [f"{p}{s}"] for p, s in graph.edges}
    elimination = Elimination(
        graph,
        edges,
        lambda later, earlier: [f"{e}.{s}" for s in later for e in earlier],
        lambda first, second: first + second,
    )
    for vertex in order:
        elimination.eliminate(vertex)
    return {
        (p, s): sorted(paths)
        for s, preds in enumerate(elimination.predecessors)
        for p, paths in preds.items()
    }


@pytest.mark.parametrize("order", [[1, 2, 3], [3, 2, 1], [2, 1, 3], [3, 1, 2]])
def test_every_order_collects_all_paths_once(order):
    """What is left is, for every output, the sum over all paths from the input (Bauer)."""
    assert symbolic(order) == {
        (0, 3): ["01.13"],
        (0, 4): ["01.12.24", "01.13.34", "01.14"],
    }


def test_vertex_loses_its_edges_and_neighbours_are_joined():
    """Eliminating 2 leaves no edge at 2, and one more summand from 1 to 4."""
    left = symbolic([2])
    assert left[1, 4] == ["12.24", "14"]
    assert not any(2 in edge for edge in left)


def test_used_output_keeps_its_in_edges():
    """Vertex 3 of the graph is node 3, an output: its out-edges go, its in-edges stay."""
    left = symbolic([3])
    assert (3, 4) not in left
    assert left[1, 3] == ["13"]


def test_predecessors_and_successors_mirror_each_other():
    """Both views hold the same edges after every step."""
    graph = diamond()
    elimination = CountingElimination(graph)
    for vertex in (2, 1, 3):
        elimination.eliminate(vertex)
        by_pred = {(p, s) for s, preds in enumerate(elimination.predecessors) for p in preds}
        by_succ = {(p, s) for p, succs in enumerate(elimination.successors) for s in succs}
        assert by_pred == by_succ


def test_graph_is_not_changed():
    """Elimination works on a copy of the edges."""
    graph = diamond()
    before = dict(graph.edges)
    CountingElimination(graph).eliminate(1)
    assert dict(graph.edges) == before


def test_cost_is_the_markowitz_degree_of_the_moment():
    """Node 1 has one predecessor and three successors; without 2 and 3 only one is left."""
    elimination = CountingElimination(diamond())
    assert elimination.cost(1) == MultiplicationCount(3, 3, 0)
    elimination.eliminate(2)
    elimination.eliminate(3)
    assert elimination.cost(1) == MultiplicationCount(2, 2, 0)
    elimination.eliminate(1)
    assert elimination.cost(1) == FREE


def test_additions_count_entries_of_sums_onto_edges():
    """x * x twice summed in an array of five: the elimination adds five entries once."""
    graph = trace(lambda x: jnp.sin(x) * jnp.cos(x), jnp.ones(5))
    elimination = CountingElimination(graph)
    elimination.eliminate(1)
    assert elimination.additions == 0
    elimination.eliminate(2)
    assert elimination.additions == 5


def test_counts_add_up_entry_by_entry():
    """plus adds all three counts."""
    total = MultiplicationCount(1, 2, 3).plus(MultiplicationCount(10, 20, 30))
    assert total == MultiplicationCount(11, 22, 33)
