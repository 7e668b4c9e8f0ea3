"""Bounds of groups of vertices."""

import math

import hypothesis.strategies as st
from hypothesis import given, settings

from elimax.interpreter.graph.elimination import CountingElimination
from elimax.interpreter.orders.exact.clusters import cluster_bound, make_clusters
from elimax.interpreter.orders.exact.relaxation import Relaxation
from support.random_programs import orders
from support.small_graphs import graphs, least_of_all_orders, scalar_graphs
from support.traced_tasks import task_graph

COUNTS = st.sampled_from(("all", "nontrivial"))


@given(st.data(), scalar_graphs(max_vertices=8) | graphs(max_vertices=7), COUNTS)
@settings(max_examples=60)
def test_no_order_pays_less_for_a_group(data, graph, count):
    """From any set on, any order pays at least what the table says for the rest of the group."""
    order = data.draw(orders(graph))
    members = sorted(data.draw(st.sets(st.sampled_from(order), min_size=1))) if order else []
    cluster = cluster_bound(Relaxation(graph, count), members)
    elimination, costs = CountingElimination(graph), {}
    for vertex in order:
        costs[vertex] = getattr(elimination.cost(vertex), count)
        elimination.eliminate(vertex)
    left, mask = sum(costs[v] for v in members), 0
    for vertex in order:
        if vertex in members:
            assert cluster.least[mask] <= left
            left -= costs[vertex]
            mask |= 1 << members.index(vertex)
    assert cluster.least[mask] == 0


@given(scalar_graphs(max_vertices=5, min_vertices=2), st.just("all"))
@settings(max_examples=30)
def test_a_group_of_all_vertices_is_at_most_the_optimum(graph, count):
    """With all vertices in one group the bound may reach the cheapest order, not pass it."""
    cluster = cluster_bound(Relaxation(graph, count), graph.eliminable)
    assert cluster.least[0] <= least_of_all_orders(graph, count)


def test_clusters_divide_the_vertices_and_gain():
    """Every vertex is in one cluster; more effort never lowers the sum."""
    graph = task_graph("roe_flux_1d")
    sums = []
    for effort in (0, 2_000, 20_000):
        clusters = make_clusters(graph, Relaxation(graph, "all"), effort=effort)
        assert sorted(v for x in clusters for v in x.vertices) == list(graph.eliminable)
        sums.append(sum(cluster.least[0] for cluster in clusters))
    assert sums == sorted(sums) and sums[0] < sums[2]


def test_merging_stops_when_it_is_enough():
    """Nothing is united once the sum is what was asked for."""
    graph = task_graph("roe_flux_1d")
    relaxation = Relaxation(graph, "all")
    for enough, largest in ((1, 1), (math.inf, 2)):
        clusters = make_clusters(graph, relaxation, effort=5_000, enough=enough)
        assert (max(len(cluster.vertices) for cluster in clusters) >= 2) == (largest == 2)
