"""Which states count as the same. What they cost is tested with `EdgeState`."""

import hypothesis.strategies as st
from hypothesis import given, settings

from elimax.interpreter.orders.exact.edge_algebra import KindAlgebra, StructureAlgebra, edge_algebra
from elimax.interpreter.orders.exact.edge_state import EdgeState
from support.random_programs import orders
from support.small_graphs import scalar_graphs
from support.traced_tasks import task_graph


def state_after(graph, algebra, vertices) -> EdgeState[int]:
    """Eliminates some vertices."""
    state = EdgeState.of(graph, algebra.edges)
    for vertex in vertices:
        node = graph.node(vertex)
        is_output = node in graph.output_nodes
        state = state.without(node, is_output, algebra.product, algebra.total)
    return state


@given(st.data(), scalar_graphs(min_vertices=3))
@settings(max_examples=60)
def test_kinds_depend_on_the_set_alone(data, graph):
    """Any two orders of one set leave the same kinds of edges."""
    algebra = edge_algebra(graph, "all")
    order = data.draw(orders(graph))
    some = order[: data.draw(st.integers(0, len(order)))]
    other = data.draw(st.permutations(some))
    states = [state_after(graph, algebra, vertices) for vertices in (some, other)]
    assert states[0].preds == states[1].preds
    assert algebra.key(states[0], 5, []) == algebra.key(states[1], 5, [])


def test_which_algebra():
    """Kinds are enough for single numbers; every product costs one without structural edges."""
    scalar, array = task_graph("roe_flux_1d"), task_graph("roe_flux_3d")
    assert isinstance(edge_algebra(scalar, "all"), KindAlgebra)
    assert isinstance(edge_algebra(array, "all"), StructureAlgebra)
    assert edge_algebra(scalar, "all").all_cost_one
    assert not edge_algebra(scalar, "nontrivial").all_cost_one


def test_edges_of_what_is_left_belong_to_a_state():
    """States of arrays with one set differ if an edge of what is left differs."""
    graph = task_graph("mlp")
    algebra = edge_algebra(graph, "all")
    left = [graph.node(v) for v in graph.eliminable]
    states = [state_after(graph, algebra, some) for some in ((), graph.eliminable[:1])]
    keys = [algebra.key(state, 0, left) for state in states]
    assert keys[0] == algebra.key(states[0], 0, left) != keys[1]
