"""Bounds of single vertices against what they cost in random orders."""

import hypothesis.strategies as st
import jax.numpy as jnp
from hypothesis import given, settings

from elimax.interpreter.graph.elimination import CountingElimination
from elimax.interpreter.orders.exact.relaxation import Relaxation
from elimax.interpreter.tracing.call import trace
from support.random_programs import orders
from support.small_graphs import graphs, scalar_graphs

COUNTS = st.sampled_from(("all", "nontrivial"))


@given(st.data(), scalar_graphs(max_vertices=9) | graphs(max_vertices=8), COUNTS)
@settings(max_examples=120)
def test_no_vertex_costs_less(data, graph, count):
    """Whatever part of the past is known, in any order."""
    order = data.draw(orders(graph))
    known = data.draw(st.sets(st.sampled_from(order))) if order else set()
    relaxation, elimination = Relaxation(graph, count), CountingElimination(graph)
    state, gone = relaxation.root, 0
    kept = sum(1 << graph.node(v) for v in known)
    for vertex in order:
        bit = 1 << graph.node(vertex)
        least = relaxation.least_cost(state, vertex, gone, kept & ~bit)
        assert least <= getattr(elimination.cost(vertex), count)
        elimination.eliminate(vertex)
        if vertex in known:
            state = relaxation.eliminate(state, vertex)
            gone, kept = gone | bit, kept & ~bit


def test_separators_multiply():
    """A product of two inputs that two outputs read: two separate ways on either side."""

    def function(x, y):
        z = x * y
        return z * x, z * y

    graph = trace(function, 1.0, 2.0, argnums=(0, 1))
    relaxation = Relaxation(graph, "all")
    assert relaxation.least_cost(relaxation.root, 1) == 4


def test_trivial_edges_are_free_in_nontrivial_only():
    """A sum of two inputs costs nothing to eliminate where products with one are free."""
    graph = trace(lambda x, y: jnp.sin(x + y), 1.0, 2.0, argnums=(0, 1))
    for count, expected in (("all", 2), ("nontrivial", 0)):
        relaxation = Relaxation(graph, count)
        assert relaxation.least_cost(relaxation.root, 1) == expected


def test_labels_weigh():
    """Two general factors of three entries each cost three multiplications."""
    graph = trace(lambda x: jnp.cos(jnp.sin(x)), jnp.ones(3))
    relaxation = Relaxation(graph, "all")
    assert relaxation.least_cost(relaxation.root, 1) == 3
