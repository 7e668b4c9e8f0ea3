"""States that a search branches from against the elimination that changes its edges."""

import hypothesis.strategies as st
from hypothesis import given, settings

from elimax.interpreter.graph.elimination import CountingElimination
from elimax.interpreter.orders.exact.edge_algebra import edge_algebra
from elimax.interpreter.orders.exact.edge_state import EdgeState
from support.random_programs import orders
from support.small_graphs import graphs, scalar_graphs


@given(st.data(), scalar_graphs() | graphs(max_vertices=7), st.sampled_from(("all", "nontrivial")))
@settings(max_examples=80)
def test_costs_and_edges_are_those_of_elimination(data, graph, count):
    """Both algebras where they apply; earlier states stay as they were."""
    elimination, algebra = CountingElimination(graph), edge_algebra(graph, count)
    state = EdgeState.of(graph, algebra.edges)
    history = []
    for vertex in data.draw(orders(graph)):
        node = graph.node(vertex)
        assert algebra.cost(state, node) == getattr(elimination.cost(vertex), count)
        history.append((state, [dict(edges) for edges in state.preds]))
        is_output = node in graph.output_nodes
        state = state.without(node, is_output, algebra.product, algebra.total)
        elimination.eliminate(vertex)
        assert [x.keys() for x in state.preds] == [x.keys() for x in elimination.predecessors]
        assert [x.keys() for x in state.succs] == [x.keys() for x in elimination.successors]
    assert all(state.preds == preds for state, preds in history)
