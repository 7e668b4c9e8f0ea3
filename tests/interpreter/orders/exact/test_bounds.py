"""The lower bound against all orders of small graphs, and on the tasks."""

import hypothesis.strategies as st
import jax.numpy as jnp
import pytest
from hypothesis import given, settings

from elimax.interpreter.graph.counting import count_multiplications
from elimax.interpreter.graph.structure import Kind
from elimax.interpreter.orders import best_classic, portfolio
from elimax.interpreter.orders.exact.bounds import lower_bound
from elimax.interpreter.orders.exact.optimal import optimal_order
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


@given(scalar_graphs(max_vertices=6) | graphs(max_vertices=6), COUNTS)
@settings(max_examples=80)
def test_no_order_is_below(graph, count):
    """All orders of graphs with dead ends, intermediate outputs, any kinds and labels."""
    assert lower_bound(graph, count) <= least_of_all_orders(graph, count)


@given(scalar_graphs(max_vertices=12, min_vertices=8, kinds=(Kind.TRIVIAL, Kind.GENERAL)))
@settings(max_examples=10)
def test_no_order_of_larger_graphs_is_below(graph):
    """A program over all subsets."""
    assert lower_bound(graph) <= least_by_subsets(graph)


@given(scalar_programs(), COUNTS)
@settings(max_examples=20)
def test_no_classical_order_of_programs_is_below(program, count):
    """Traced scalar programs of up to thirty steps."""
    graph = trace(program, *program.inputs, argnums=range(len(program.inputs)))
    bound = lower_bound(graph, count)
    for order in portfolio(graph).values():
        assert bound <= getattr(count_multiplications(graph, order), count)


@given(array_programs(), COUNTS)
@settings(max_examples=20)
def test_no_classical_order_of_array_programs_is_below(program, count):
    """Traced array programs."""
    graph = trace(
        program, *(jnp.zeros(shape) for shape in program.shapes), argnums=range(len(program.shapes))
    )
    bound = lower_bound(graph, count)
    for order in portfolio(graph).values():
        assert bound <= getattr(count_multiplications(graph, order), count)


@pytest.mark.parametrize(
    ("task", "bounds"),
    [
        ("propane_combustion", (88, 24)),
        ("human_heart_dipole", (148, 48)),
        ("planar_arm_20", (264, 40)),
        ("robot_arm_6dof", (221, 141)),
        ("roe_flux_1d", (285, 152)),
    ],
)
def test_tasks(task, bounds):
    """Tight on most scalar tasks: orders that cost 88 / 24, 148 / 48, 264 / 40, 221 are known."""
    graph = task_graph(task)
    assert (lower_bound(graph), lower_bound(graph, "nontrivial")) == bounds


def test_unknown_counts_are_refused():
    """A misspelt count is not taken for one of the two."""
    graph = trace(lambda x: jnp.sin(jnp.sin(x)), 1.0)
    for bound in (lower_bound, optimal_order, best_classic):
        with pytest.raises(ValueError, match="count is 'trivial' but must be 'all' or"):
            bound(graph, "trivial")
