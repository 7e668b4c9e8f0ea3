"""Structures that edges can reach, against those that random eliminations do reach."""

import hypothesis.strategies as st
import jax.numpy as jnp
from hypothesis import given, settings

from elimax.interpreter.graph.elimination import CountingElimination
from elimax.interpreter.graph.pair_structure import product_of
from elimax.interpreter.graph.structure import Kind
from elimax.interpreter.orders.exact.reachable import (
    UNKNOWN,
    ReachableStructures,
    is_scalar,
    paid_kind,
)
from elimax.interpreter.tracing.call import trace
from support.random_programs import array_programs, orders
from support.small_graphs import graphs
from support.traced_tasks import task_graph


def assert_costs_no_less(graph, order) -> None:
    """Every product that is met costs at least what the two sets say."""
    reachable = ReachableStructures(graph)
    elimination = CountingElimination(graph)
    for vertex in order:
        v = graph.node(vertex)
        for s, later in elimination.successors[v].items():
            for p, earlier in elimination.predecessors[v].items():
                product = product_of(later, earlier)
                for count in ("all", "nontrivial"):
                    if min(later.kind, earlier.kind) >= paid_kind(count):
                        sets = reachable.after[v][s], reachable.before[v][p]
                        least = reachable.least_cost(*sets, count)
                        assert least is not None and least <= getattr(product, count)
        elimination.eliminate(vertex)
        for succ, edges in enumerate(elimination.predecessors):
            assert edges.keys() <= reachable.before[succ].keys()
            assert all(succ in reachable.after[pred] for pred in edges)


@given(st.data(), graphs(max_vertices=8))
@settings(max_examples=60)
def test_random_graphs(data, graph):
    """Any order of graphs with any ties and labels."""
    assert_costs_no_less(graph, data.draw(orders(graph)))


@given(st.data(), array_programs())
@settings(max_examples=30)
def test_array_programs(data, program):
    """Any order of traced programs."""
    graph = trace(
        program, *(jnp.zeros(shape) for shape in program.shapes), argnums=range(len(program.shapes))
    )
    assert_costs_no_less(graph, data.draw(orders(graph)))


def test_products_cost_what_the_only_structures_say():
    """sin after W @: the row of W is multiplied by one slope each, 4 x 3 entries."""
    weights = jnp.ones((4, 3))
    graph = trace(lambda x: jnp.sin(weights @ x), jnp.ones(3))
    reachable = ReachableStructures(graph)
    later, earlier = reachable.after[1][2], reachable.before[1][0]
    assert reachable.least_cost(later, earlier, "all") == 12
    assert reachable.least_cost(UNKNOWN, earlier, "all") == 0


def test_always_free():
    """No cost is named where one factor is structural in every state."""
    graph = trace(lambda x: jnp.sin(x).sum(), jnp.ones(3))
    reachable = ReachableStructures(graph)
    later, earlier = reachable.after[1][2], reachable.before[1][0]
    assert reachable.least_cost(later, earlier, "all") is None


def test_scalar_graphs_and_kinds():
    """Axes of size one are scalars too; trivial edges are paid for in `all` only."""
    assert is_scalar(task_graph("black_scholes_hessian"))
    assert not is_scalar(task_graph("roe_flux_3d"))
    assert (paid_kind("all"), paid_kind("nontrivial")) == (Kind.TRIVIAL, Kind.GENERAL)
