"""LMMD and MOMR against their definitions."""

import hypothesis.strategies as st
import jax.numpy as jnp
import pytest
from hypothesis import given, settings

from elimax.interpreter.graph.order import check_order
from elimax.interpreter.orders.greedy.damage import lmmd_order, momr_order
from elimax.interpreter.tracing.call import trace
from support.plain_greedy import VARIANTS, damage, degree, graphs, plain_greedy


def degree_and_damage(elimination, vertex, count):
    """What LMMD minimises."""
    return degree(elimination, vertex, count) + damage(elimination, vertex, count)


def minus_reduction(elimination, vertex, count):
    """What MOMR minimises: minus the reduction of the sum of all degrees."""
    return damage(elimination, vertex, count) - degree(elimination, vertex, count)


@pytest.mark.parametrize(
    ("make", "priority"), [(lmmd_order, degree_and_damage), (momr_order, minus_reduction)]
)
@given(graphs(), st.sampled_from(VARIANTS))
@settings(max_examples=60)
def test_heap_takes_what_a_full_look_takes(make, priority, graph, variant):
    """What changes two steps away from an elimination is noticed."""
    order = make(graph, *variant)
    assert order.vertices == plain_greedy(graph, priority, *variant)
    assert check_order(graph, order) == order.vertices


def test_the_rules_differ():
    """Degrees 2, 4, 4 and damage 2, 0, 2: the sums are 4, 4, 6 and the reductions 0, 4, 2."""

    def function(a, b, c, d):
        first = a * b
        second = c * d
        third = first * c
        return [jnp.sin(third), jnp.cos(third), jnp.sin(second), jnp.cos(second)]

    graph = trace(function, 1.0, 2.0, 3.0, 4.0, argnums=range(4))
    assert graph.eliminable == (1, 2, 3)
    assert lmmd_order(graph).vertices == (1, 2, 3)
    assert lmmd_order(graph, ties="high").vertices[0] == 2
    assert momr_order(graph).vertices == momr_order(graph, ties="high").vertices == (2, 3, 1)


@pytest.mark.parametrize(("make", "rule"), [(lmmd_order, "lmmd"), (momr_order, "momr")])
def test_names_and_unknown_variants(make, rule):
    """An order says how it was made; the message says what there is."""
    graph = trace(lambda x: jnp.sin(jnp.sin(x)), 1.0)
    assert make(graph).name == rule
    assert make(graph, "high", "nontrivial").name == f"{rule}_nontrivial_high"
    with pytest.raises(ValueError, match=r"'middle'.*ties must be 'low' or 'high'"):
        make(graph, ties="middle")
