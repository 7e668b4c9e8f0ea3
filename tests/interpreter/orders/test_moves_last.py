"""Orders that leave moving vertices for the end."""

import jax.numpy as jnp
import pytest
from hypothesis import given, settings

from elimax.interpreter.graph.counting import count_multiplications
from elimax.interpreter.graph.order import check_order
from elimax.interpreter.graph.structure import Kind
from elimax.interpreter.orders.moves_last import movers, moves_last_orders
from elimax.interpreter.orders.portfolio import PORTFOLIO
from elimax.interpreter.tracing.call import trace
from support.random_programs import array_programs
from support.traced_tasks import task_graph

NAMES = {f"{name}_moves_last" for name in PORTFOLIO}


def packed(x):
    """Cut, compute, stack, compute."""
    a, b = x[0], x[1]
    return jnp.sin(jnp.stack([jnp.sin(a * b), jnp.cos(a), a - b]))


def test_movers_are_moved_or_only_moved_afterwards():
    """Slices, squeezes and the stack, and what is stacked; no product, and no pure output."""
    graph = trace(packed, jnp.ones(2))
    late = movers(graph)
    names = {graph.primitives[v - 1] for v in late}
    assert names == {"slice", "squeeze", "stack", "sin", "cos", "sub"}
    for vertex in late:
        node = graph.node(vertex)
        before = {x.kind for (_, s), x in graph.edges.items() if s == node}
        after = {x.kind for (p, _), x in graph.edges.items() if p == node}
        assert {Kind.STRUCTURAL} in (before, after)
    assert {graph.primitives[v - 1] for v in set(graph.eliminable) - late} == {"mul"}


def test_sums_and_slices_of_what_is_computed_are_not_late():
    """They make things smaller, and the sooner the better."""

    def function(x):
        return jnp.sin(jnp.exp(x)[1:].sum())

    graph = trace(function, jnp.ones(3))
    assert {graph.primitives[v - 1] for v in movers(graph)} == {"slice", "reduce_sum"}


def test_orders_put_them_at_the_end():
    """Every order of the portfolio once more: others first, in the order that they had."""
    graph = trace(packed, jnp.ones(2))
    late = movers(graph)
    orders = moves_last_orders(graph)
    assert len(orders) == len(NAMES) and {order.name for order in orders} == NAMES
    for order in orders:
        assert check_order(graph, order) == order.vertices
        assert set(order.vertices[-len(late) :]) == late
    first = orders[0].vertices
    assert list(first[: -len(late)]) == sorted(first[: -len(late)])
    assert list(first[-len(late) :]) == sorted(late)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: jnp.sin(jnp.cos(x) * x),
        lambda x: jnp.sin(x.T[None].sum(axis=0)),
        lambda x: jnp.tanh(jnp.ones((3, 2)) @ x),
        lambda x: x,
    ],
)
def test_graphs_without_moving_vertices_get_no_more_candidates(function):
    """Elementwise, renamed and reduced axes, products: nothing makes anything larger."""
    graph = trace(function, jnp.ones((2, 3)))
    assert movers(graph) == frozenset()
    assert moves_last_orders(graph) == []


@pytest.mark.parametrize("name", ["propane_combustion", "roe_flux_1d", "human_heart_dipole"])
def test_scalar_tasks_get_no_more_candidates(name):
    """Functions of many scalars have nothing to move."""
    assert moves_last_orders(task_graph(name)) == []


@given(array_programs())
@settings(max_examples=25)
def test_orders_are_orders(program):
    """On random programs: every eliminable vertex once, movers last."""
    graph = trace(
        program, *(jnp.zeros(shape) for shape in program.shapes), argnums=range(len(program.shapes))
    )
    late = movers(graph)
    for order in moves_last_orders(graph):
        assert check_order(graph, order) == order.vertices
        assert [v in late for v in order.vertices] == sorted(v in late for v in order.vertices)


def test_moving_last_is_cheaper():
    """Cut first, every number is a row of ten and each of three products costs ten."""

    def function(x):
        a = x[3]
        return jnp.exp(jnp.sin(jnp.cos(jnp.tanh(a))))

    graph = trace(function, jnp.ones(10))
    counts = {
        order.name: count_multiplications(graph, order).nontrivial
        for order in moves_last_orders(graph)
    }
    assert set(counts.values()) == {3}
    assert count_multiplications(graph, graph.eliminable).nontrivial == 30
