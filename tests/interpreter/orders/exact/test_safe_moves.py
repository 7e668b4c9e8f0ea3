"""Vertices that may go first."""

import itertools

from hypothesis import given, settings

from elimax.interpreter.graph.counting import count_multiplications
from elimax.interpreter.graph.structure import Kind
from elimax.interpreter.orders.exact.edge_algebra import edge_algebra
from elimax.interpreter.orders.exact.edge_state import EdgeState
from elimax.interpreter.orders.exact.safe_moves import find_safe_move
from support.model_graphs import scalar_graph
from support.small_graphs import least_of_all_orders, scalar_graphs


def safe_move(graph) -> int | None:
    """What the whole graph offers."""
    state = EdgeState.of(graph, edge_algebra(graph, "all").edges)
    return find_safe_move(graph, state, graph.eliminable)


@given(scalar_graphs(max_vertices=7, min_vertices=3, kinds=(Kind.GENERAL,)))
@settings(max_examples=100)
def test_the_cheapest_order_may_start_with_it(graph):
    """The move and the best of all orders after it cost no more than the best of all orders."""
    move = safe_move(graph)
    if move is not None:
        assert least_with_first(graph, move) == least_of_all_orders(graph, "all")


def least_with_first(graph, first: int) -> int:
    """The least of all orders that start with a vertex."""
    others = [v for v in graph.eliminable if v != first]
    orders = itertools.permutations(others)
    return min(count_multiplications(graph, (first, *order)).all for order in orders)


def test_a_chain_from_an_input():
    """0 -> 1 -> 2 -> 3: the first vertex reads one input and one way leads on."""
    assert safe_move(scalar_graph(1, 3, [(0, 1), (1, 2), (2, 3)], (3,))) == 1


def test_nothing_is_safe():
    """The first vertex would give the second two predecessors, the second it two successors."""
    edges = [(0, 3), (1, 3), (3, 4), (2, 4), (4, 5), (4, 6)]
    assert safe_move(scalar_graph(3, 4, edges, (5, 6))) is None
