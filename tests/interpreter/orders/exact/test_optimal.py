"""Cheapest orders against all orders of small graphs, and what is known about the tasks."""

import hypothesis.strategies as st
import jax.numpy as jnp
import pytest
from hypothesis import given, settings

from elimax.interpreter.errors import InvalidOrderError
from elimax.interpreter.graph.counting import count_multiplications
from elimax.interpreter.graph.structure import Kind
from elimax.interpreter.orders.exact.optimal import certify, optimal_order
from elimax.interpreter.tracing.call import trace
from support.random_programs import array_programs, scalar_programs
from support.small_graphs import (
    graphs,
    least_by_subsets,
    least_of_all_orders,
    scalar_graphs,
)
from support.traced_tasks import task_graph

COUNTS = st.sampled_from(("all", "nontrivial"))


def assert_is_least(graph, count: str, least: int) -> None:
    """The result is proven, costs the least, and its order costs what it says."""
    result = optimal_order(graph, count, upper=graph.eliminable)
    assert result.optimal and (result.cost, result.bound) == (least, least)
    assert getattr(count_multiplications(graph, result.order), count) == least
    assert certify(graph, count, least) == (least, True)
    assert not certify(graph, count, least + 1).optimal


@given(scalar_graphs(max_vertices=6), COUNTS)
@settings(max_examples=60)
def test_all_orders_of_scalar_graphs(graph, count):
    """Graphs with dead ends, intermediate outputs and all kinds of edges."""
    assert_is_least(graph, count, least_of_all_orders(graph, count))


@given(graphs(max_vertices=6), COUNTS)
@settings(max_examples=60)
def test_all_orders_of_array_graphs(graph, count):
    """Edges with any ties and labels."""
    assert_is_least(graph, count, least_of_all_orders(graph, count))


@given(graphs(max_vertices=8, min_vertices=8), COUNTS)
@settings(max_examples=4)
def test_all_orders_of_eight_vertices(graph, count):
    """Up to 40 320 orders."""
    assert_is_least(graph, count, least_of_all_orders(graph, count))


@given(scalar_graphs(max_vertices=14, min_vertices=10, kinds=(Kind.TRIVIAL, Kind.GENERAL)))
@settings(max_examples=6)
def test_larger_scalar_graphs(graph):
    """A program over all subsets that is written another way."""
    assert_is_least(graph, "all", least_by_subsets(graph))


@given(array_programs(max_steps=5), COUNTS)
@settings(max_examples=20)
def test_array_programs(program, count):
    """Structures as they come from tracing."""
    graph = trace(
        program, *(jnp.zeros(shape) for shape in program.shapes), argnums=range(len(program.shapes))
    )
    if len(graph.eliminable) <= 6:
        assert_is_least(graph, count, least_of_all_orders(graph, count))


@given(scalar_programs(max_steps=10), COUNTS)
@settings(max_examples=20)
def test_never_worse_than_what_is_known(program, count):
    """A limit of no states still gives the known order and a bound."""
    graph = trace(program, *program.inputs, argnums=range(len(program.inputs)))
    result = optimal_order(graph, count, limit=0)
    exact = optimal_order(graph, count)
    assert exact.optimal
    assert result.bound <= exact.cost <= result.cost
    assert result.states == 0


@pytest.mark.parametrize(
    ("task", "count", "least"),
    [
        ("propane_combustion", "all", 88),
        ("propane_combustion", "nontrivial", 24),
        ("human_heart_dipole", "all", 148),
        ("human_heart_dipole", "nontrivial", 48),
        ("robot_arm_6dof", "all", 221),
        ("planar_arm_20", "all", 264),
        ("planar_arm_20", "nontrivial", 40),
        ("bratu_stencil", "all", 1584),
        ("bratu_stencil", "nontrivial", 144),
        ("autoencoder_bottleneck", "all", 8141448),
        ("autoencoder_bottleneck", "nontrivial", 8134656),
    ],
)
def test_tasks_that_are_solved(task, count, least):
    """No order of these tasks is cheaper, and the cost below is refuted."""
    assert certify(task_graph(task), count, least) == (least, True)


def test_an_order_is_found_where_the_known_one_is_poor():
    """Starting from forward order, the search finds the cheapest order of the stencil."""
    graph = task_graph("bratu_stencil")
    result = optimal_order(graph, upper=graph.eliminable)
    assert (result.cost, result.optimal) == (1584, True)
    assert result.order.name == "exact"
    assert count_multiplications(graph, result.order).all == 1584


def test_orders_that_do_not_fit_are_refused():
    """The known order is checked."""
    graph = trace(lambda x: jnp.sin(jnp.sin(x)), 1.0)
    with pytest.raises(InvalidOrderError, match="may not eliminate 2"):
        optimal_order(graph, upper=(2,))


def test_graph_without_vertices():
    """Nothing to eliminate costs nothing."""
    graph = trace(lambda x: jnp.sin(x), 1.0)
    result = optimal_order(graph)
    assert result == (result.order, 0, True, 0, 0)
