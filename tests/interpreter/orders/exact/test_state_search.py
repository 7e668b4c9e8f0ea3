"""The search itself: limits, bounds, and groups that do not touch."""

import math

import hypothesis.strategies as st
from hypothesis import given, settings

from elimax.interpreter.graph.counting import count_multiplications
from elimax.interpreter.orders.exact.clusters import make_clusters
from elimax.interpreter.orders.exact.edge_algebra import edge_algebra
from elimax.interpreter.orders.exact.edge_state import EdgeState
from elimax.interpreter.orders.exact.relaxation import Relaxation
from elimax.interpreter.orders.exact.state_search import connected_group, search_states
from support.model_graphs import scalar_graph
from support.small_graphs import graphs, least_of_all_orders, scalar_graphs
from support.traced_tasks import task_graph


@given(
    scalar_graphs(max_vertices=6) | graphs(max_vertices=6),
    st.sampled_from(("all", "nontrivial")),
    st.integers(0, 20),
)
@settings(max_examples=80)
def test_every_limit_gives_a_valid_bound(graph, count, limit):
    """Without help of clusters, cut short anywhere: found orders are cheapest, bounds hold."""
    least = least_of_all_orders(graph, count)
    clusters = make_clusters(graph, Relaxation(graph, count), effort=0)
    result = search_states(graph, count, clusters, below=least + 1, limit=limit)
    assert result.bound <= least
    assert result.states <= limit
    if result.vertices is not None:
        assert getattr(count_multiplications(graph, result.vertices), count) == least
    refuted = search_states(graph, count, clusters, below=least, limit=10_000)
    assert (refuted.vertices, refuted.bound) == (None, least)


def test_more_states_never_lower_the_bound():
    """The least estimate in waiting rises as states are taken from it."""
    graph = task_graph("kerr_metric")
    clusters = make_clusters(graph, Relaxation(graph, "all"), effort=0)
    bounds = [
        search_states(graph, "all", clusters, below=10**6, limit=limit).bound
        for limit in (0, 100, 1_000)
    ]
    assert bounds == sorted(bounds)
    assert bounds[0] == sum(cluster.least[0] for cluster in clusters)
    assert not math.isinf(bounds[-1])


def test_groups_that_no_edge_joins():
    """Two chains from one input to one output: each is a group of its own."""
    edges = [(0, 1), (1, 2), (2, 5), (0, 3), (3, 4), (4, 5)]
    graph = scalar_graph(1, 5, edges, (5,))
    state = EdgeState.of(graph, edge_algebra(graph, "all").edges)
    assert connected_group(graph, state, [1, 2, 3, 4]) == [1, 2]
    assert connected_group(graph, state, [3, 4]) == [3, 4]
