"""Greedy elimination against a plain version of itself."""

import hypothesis.strategies as st
import jax.numpy as jnp
import pytest
from hypothesis import given, settings

from elimax.interpreter.graph.order import check_order
from elimax.interpreter.orders.greedy.markowitz import markowitz_order
from elimax.interpreter.tracing.call import trace
from support.plain_greedy import VARIANTS, degree, graphs, plain_greedy


@given(graphs(), st.sampled_from(VARIANTS))
@settings(max_examples=60)
def test_heap_takes_what_a_full_look_takes(graph, variant):
    """Degrees that change while a vertex waits are noticed, on random programs."""
    order = markowitz_order(graph, *variant)
    assert order.vertices == plain_greedy(graph, degree, *variant)
    assert check_order(graph, order) == order.vertices


def test_ties_and_counts_decide():
    """Two chains of equal cost: low takes the first, high the last; + is free in nontrivial."""
    graph = trace(lambda x, y: (jnp.sin(jnp.sin(x)), jnp.sin(jnp.sin(y))), 1.0, 2.0, argnums=(0, 1))
    assert graph.eliminable == (1, 3)
    assert markowitz_order(graph).vertices == (1, 3)
    assert markowitz_order(graph, ties="high").vertices == (3, 1)

    graph = trace(lambda x, y: (jnp.sin(jnp.sin(x)), jnp.sin(x + y)), 1.0, 2.0, argnums=(0, 1))
    assert graph.eliminable == (1, 3)
    assert markowitz_order(graph, count="all").vertices == (1, 3)
    assert markowitz_order(graph, count="nontrivial").vertices == (3, 1)


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({}, "markowitz"),
        ({"ties": "high"}, "markowitz_high"),
        ({"count": "nontrivial"}, "markowitz_nontrivial"),
        ({"ties": "high", "count": "nontrivial"}, "markowitz_nontrivial_high"),
    ],
)
def test_names_tell_the_variant(options, name):
    """An order says how it was made."""
    graph = trace(lambda x: jnp.sin(jnp.sin(x)), 1.0)
    assert markowitz_order(graph, **options).name == name


@given(graphs(), st.sampled_from(VARIANTS), st.sets(st.integers(1, 10)))
@settings(max_examples=25)
def test_late_vertices_wait(graph, variant, late):
    """Greedy among all others first, then greedy among those."""
    late = frozenset(late & set(graph.eliminable))
    order = markowitz_order(graph, *variant, late=late)
    assert order.vertices == plain_greedy(graph, degree, *variant, late)
    assert order.name.endswith("_moves_last") == bool(late)


@pytest.mark.parametrize("options", [{"ties": "middle"}, {"count": "both"}])
def test_unknown_variants_are_refused(options):
    """The message shows what was given and what there is."""
    graph = trace(lambda x: jnp.sin(x), 1.0)
    (value,) = options.values()
    with pytest.raises(ValueError, match=f"{value!r}.*ties must be 'low' or 'high'"):
        markowitz_order(graph, **options)
