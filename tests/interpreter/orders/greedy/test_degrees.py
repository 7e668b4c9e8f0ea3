"""Degrees that are kept up to date against degrees that are counted anew."""

import hypothesis.strategies as st
from hypothesis import given, settings

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.elimination import CountingElimination
from elimax.interpreter.graph.rule_table import RULE
from elimax.interpreter.graph.structure import Kind, edge_structure
from elimax.interpreter.orders.greedy.degrees import DegreeElimination
from support.plain_greedy import damage, degree, graphs


@given(graphs(), st.sampled_from(["all", "nontrivial"]), st.data())
@settings(max_examples=80)
def test_edges_degrees_and_damage_are_those_of_counting(graph, count, data):
    """After every step of a random order, on random programs of scalars and arrays."""
    plain, ours = CountingElimination(graph), DegreeElimination(graph, count)
    for vertex in data.draw(st.permutations(graph.eliminable)):
        node, before = graph.node(vertex), [dict(edges) for edges in ours.predecessors]
        assert ours.damage(node) == damage(plain, vertex, count)
        change = ours.eliminate(node)
        plain.eliminate(vertex)
        for mine, theirs in (
            (ours.predecessors, plain.predecessors),
            (ours.successors, plain.successors),
        ):
            named = [{k: RULE.structure(x) for k, x in edges.items()} for edges in mine]
            assert named == theirs
        for other in graph.eliminable:
            assert ours.degrees[graph.node(other)] == degree(plain, other, count)
        different = {
            (pred, succ)
            for succ, edges in enumerate(ours.predecessors)
            for pred, edge in edges.items()
            if before[succ].get(pred) != edge
        }
        assert sorted(change.edges) == sorted(different)
        assert set(change.predecessors) == set(before[node])
    assert not any(ours.degrees)


def test_nodes_at_the_ends_have_degree_zero():
    """0 -> 1 -> {2, 3}, 2 -> 3: inputs and outputs cost nothing; 1 costs two, 2 costs one."""
    scalar = edge_structure((), (), [], [], Kind.GENERAL)
    pairs = [(0, 1), (1, 2), (1, 3), (2, 3)]
    graph = ComputationalGraph(1, ((),) * 4, ("f",) * 3, (3,), dict.fromkeys(pairs, scalar))
    elimination = DegreeElimination(graph, "all")
    assert elimination.degrees == [0, 2, 1, 0]
    assert elimination.damage(1) == 0 and elimination.damage(2) == -1
    assert elimination.eliminate(2) == ([1], [3], [])
    assert elimination.degrees == [0, 1, 0, 0]
