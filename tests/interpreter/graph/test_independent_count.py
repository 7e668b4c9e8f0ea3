"""The second counter against the first, and what happens when they disagree."""

import hypothesis.strategies as st
import jax.numpy as jnp
import pytest
from hypothesis import given, settings

from elimax.interpreter.errors import CountMismatchError, InvalidOrderError
from elimax.interpreter.graph.counting import count_multiplications
from elimax.interpreter.graph.independent_count import (
    IndependentCount,
    count_independently,
    verified_count,
)
from elimax.interpreter.graph.pair_structure import PairProduct, product_of
from elimax.interpreter.orders import portfolio
from elimax.interpreter.tracing.call import trace
from elimax.pipeline.pages.published import PUBLISHED
from support.published import published_order
from support.random_programs import array_programs, orders, scalar_programs
from support.small_graphs import opaque_graphs
from support.traced_tasks import task_graph


@given(st.data(), scalar_programs())
@settings(max_examples=40)
def test_scalar_programs_are_counted_alike(data, program):
    """Any order of any scalar program."""
    graph = trace(program, *program.inputs, argnums=range(len(program.inputs)))
    order = data.draw(orders(graph))
    count = count_multiplications(graph, order)
    assert count_independently(graph, order) == (count.all, count.nontrivial)


@given(st.data(), array_programs())
@settings(max_examples=60)
def test_array_programs_are_counted_alike(data, program):
    """Any order of programs with ties, moves, contractions and broken ties."""
    graph = trace(
        program, *(jnp.zeros(shape) for shape in program.shapes), argnums=range(len(program.shapes))
    )
    order = data.draw(orders(graph))
    count = count_multiplications(graph, order)
    assert count_independently(graph, order) == (count.all, count.nontrivial)


@given(st.data(), opaque_graphs())
@settings(max_examples=150)
def test_graphs_with_opaque_edges_are_counted_alike(data, graph):
    """Any order of graphs in which written and opaque edges of every sort and direction meet."""
    order = data.draw(orders(graph))
    count = count_multiplications(graph, order)
    assert count_independently(graph, order) == (count.all, count.nontrivial)


@pytest.mark.parametrize("task", ["transformer_encoder", "roe_flux_3d", "mlp", "lstm_rollout"])
def test_tasks_are_counted_alike(task):
    """Every order of the portfolio on the tasks with arrays."""
    graph = task_graph(task)
    for order in portfolio(graph).values():
        assert verified_count(graph, order) == count_multiplications(graph, order)


@pytest.mark.parametrize("task", ["transformer_encoder", "roe_flux_1d"])
def test_published_orders(task):
    """Published orders cost here what `test_published` pins."""
    assert count_independently(task_graph(task), published_order(task)) == PUBLISHED[task]


def test_worked_example():
    """W @ sin(x): J of W @ is (i, k), that of sin is tied; one product of 4 x 3 entries."""
    weights = jnp.ones((4, 3))
    graph = trace(lambda x: weights @ jnp.sin(x), jnp.ones(3))
    assert count_independently(graph, graph.eliminable) == IndependentCount(12, 12)


def test_a_wrong_rule_is_noticed(monkeypatch):
    """If the rule forgets that a structural factor is free, the message names both counts."""
    graph = trace(lambda x: jnp.sin(x).sum(), jnp.ones(3))

    def wrong(later, earlier):
        return PairProduct(product_of(later, earlier).structure, 3, 3, 3)

    monkeypatch.setattr("elimax.interpreter.graph.elimination.product_of", wrong)
    with pytest.raises(CountMismatchError, match=r"costs 3 multiplications, 3 of.* says 0 and 0"):
        verified_count(graph, graph.eliminable)


def test_orders_are_checked():
    """An order that misses a vertex is refused, not counted."""
    graph = trace(lambda x: jnp.sin(jnp.sin(x)), 1.0)
    with pytest.raises(InvalidOrderError, match="misses 1"):
        count_independently(graph, [])
