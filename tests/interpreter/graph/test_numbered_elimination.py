"""Elimination of numbers against elimination of structures."""

from hypothesis import given

from elimax.interpreter.graph.elimination import CountingElimination
from elimax.interpreter.graph.numbered_elimination import NumberedElimination
from elimax.interpreter.graph.rule_table import RULE
from support.small_graphs import graphs, opaque_graphs


@given(graph=graphs() | opaque_graphs())
def test_every_step_is_that_of_structures(graph):
    """Costs, edges, and what has been met, along the order forward."""
    plain, numbered = CountingElimination(graph), NumberedElimination(graph)
    met = set(graph.edges.values())
    for vertex in graph.eliminable:
        cost = plain.cost(vertex)
        assert numbered.cost(vertex, "all") == cost.all
        assert numbered.cost(vertex, "nontrivial") == cost.nontrivial
        plain.eliminate(vertex)
        numbered.eliminate(vertex)
        edges = [
            {pred: RULE.structure(number) for pred, number in of_node.items()}
            for of_node in numbered.predecessors
        ]
        assert edges == plain.predecessors
        met |= {edge for of_node in plain.predecessors for edge in of_node.values()}
    assert met <= {RULE.structure(number) for number in numbered.met}
