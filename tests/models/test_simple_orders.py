"""What three simple orders cost, against counting each of them."""

import numpy as np
from hypothesis import given

from elimax.interpreter.graph.counting import count_multiplications
from elimax.interpreter.graph.elimination import CountingElimination
from elimax.interpreter.orders.fixed import forward_order, reverse_order
from elimax.interpreter.orders.greedy.markowitz import markowitz_order
from elimax.models.simple_orders import simple_orders
from support.model_graphs import scalar_graph
from support.small_graphs import graphs, opaque_graphs


@given(graph=graphs() | opaque_graphs())
def test_costs_are_those_of_counting(graph):
    """Totals by the counting rule, and node by node by elimination of structures."""
    for count in ("all", "nontrivial"):
        found = simple_orders(graph, count, range(graph.num_nodes))
        markowitz = markowitz_order(graph, count=count)
        for k, order in enumerate((forward_order(graph), reverse_order(graph), markowitz)):
            assert found.totals[k] == getattr(count_multiplications(graph, order), count)
            elimination, costs = CountingElimination(graph), np.zeros(graph.num_nodes)
            for vertex in order.vertices:
                costs[graph.node(vertex)] = getattr(elimination.cost(vertex), count)
                elimination.eliminate(vertex)
            np.testing.assert_array_equal(found.costs[:, k], costs)
        assert found.lowest == min(found.totals)


def test_places_by_hand():
    """0 -> 1 -> 2 -> 3 with 0 -> 2: vertex 1 costs 1 and 2 costs 2, or 1 after it."""
    graph = scalar_graph(1, 3, [(0, 1), (1, 2), (0, 2), (2, 3)], (3,))
    found = simple_orders(graph, "all", [0, 1, 2, 3])
    assert found.places.tolist() == [0.0, 0.0, 1.0, 0.0]
    assert found.totals == (2, 3, 2)


def test_only_the_nodes_that_are_asked_for():
    """Rows follow the given nodes."""
    graph = scalar_graph(1, 3, [(0, 1), (1, 2), (2, 3)], (3,))
    assert simple_orders(graph, "all", [2, 1]).costs.tolist() == [[1.0] * 3] * 2
    assert simple_orders(graph, "all", []).costs.shape == (0, 3)
