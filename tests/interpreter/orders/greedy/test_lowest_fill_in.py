"""Lowest fill-in against its definition."""

import hypothesis.strategies as st
import jax.numpy as jnp
import pytest
from hypothesis import given, settings

from elimax.interpreter.graph.order import check_order
from elimax.interpreter.graph.pair_structure import product_of
from elimax.interpreter.orders.greedy.lowest_fill_in import lowest_fill_in_order
from elimax.interpreter.orders.greedy.markowitz import markowitz_order
from elimax.interpreter.tracing.call import trace
from support.plain_greedy import VARIANTS, graphs, plain_greedy


def fill_in(elimination, vertex, count):
    """Every pair of neighbours without an edge, at the cost of its product."""
    node = elimination.graph.node(vertex)
    return sum(
        getattr(product_of(later, earlier), count)
        for succ, later in elimination.successors[node].items()
        for pred, earlier in elimination.predecessors[node].items()
        if pred not in elimination.predecessors[succ]
    )


@given(graphs(), st.sampled_from(VARIANTS))
@settings(max_examples=60)
def test_heap_takes_what_a_full_look_takes(graph, variant):
    """Edges that appear between the neighbours of a waiting vertex are noticed."""
    order = lowest_fill_in_order(graph, *variant)
    assert order.vertices == plain_greedy(graph, fill_in, *variant)
    assert check_order(graph, order) == order.vertices


def test_products_onto_edges_that_are_there_are_no_fill_in():
    """Without 2, vertices 1 and 3 cost two products each; one of those of 1 is onto (x, 3)."""

    def function(x, y):
        first = x * y
        return jnp.sin(first) * x * y

    graph = trace(function, 1.0, 2.0, argnums=(0, 1))
    assert markowitz_order(graph, ties="high").vertices == (2, 3, 1)
    assert lowest_fill_in_order(graph, ties="high").vertices == (2, 1, 3)


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({}, "lowest_fill_in"),
        ({"ties": "high"}, "lowest_fill_in_high"),
        ({"count": "nontrivial"}, "lowest_fill_in_nontrivial"),
    ],
)
def test_names_tell_the_variant(options, name):
    """An order says how it was made."""
    graph = trace(lambda x: jnp.sin(jnp.sin(x)), 1.0)
    assert lowest_fill_in_order(graph, **options).name == name


def test_unknown_variants_are_refused():
    """The message shows what was given and what there is."""
    graph = trace(lambda x: jnp.sin(x), 1.0)
    with pytest.raises(ValueError, match=r"'both'.*count must be 'all', 'nontrivial' or 'price'"):
        lowest_fill_in_order(graph, count="both")
