"""Pre-elimination of vertices that are used once."""

import hypothesis.strategies as st
import jax.numpy as jnp
import pytest
from hypothesis import given, settings

from elimax.interpreter.graph.elimination import CountingElimination
from elimax.interpreter.graph.order import check_order
from elimax.interpreter.orders.single_use import single_use_order
from elimax.interpreter.tracing.call import trace
from support.plain_greedy import graphs


def plain_single_use(graph, late=frozenset()):
    """One descent with a whole elimination at hand."""
    elimination, chosen = CountingElimination(graph), []
    for vertex in reversed(graph.eliminable):
        node = graph.node(vertex)
        once = len(elimination.successors[node]) == 1 and node not in graph.output_nodes
        if once and vertex not in late:
            elimination.eliminate(vertex)
            chosen.append(vertex)
    return chosen


@given(graphs())
@settings(max_examples=60)
def test_used_once_first_then_the_others(graph):
    """Descending first, then ascending or descending, on random programs."""
    first = plain_single_use(graph)
    others = [vertex for vertex in graph.eliminable if vertex not in first]
    assert single_use_order(graph).vertices == (*first, *others)
    backward = single_use_order(graph, then="reverse")
    assert backward.vertices == (*first, *reversed(others))
    assert check_order(graph, backward) == backward.vertices


@given(graphs(), st.sets(st.integers(1, 10)))
@settings(max_examples=30)
def test_late_vertices_wait(graph, late):
    """They are in nobody's first place, and at the very end."""
    late = frozenset(late & set(graph.eliminable))
    first = plain_single_use(graph, late)
    others = [vertex for vertex in graph.eliminable if vertex not in {*first, *late}]
    order = single_use_order(graph, late=late)
    assert order.vertices == (*first, *others, *sorted(late))
    backward = single_use_order(graph, "reverse", late=late)
    assert backward.vertices == (*first, *reversed(others), *sorted(late, reverse=True))
    assert order.name == "single_use_forward" + ("_moves_last" if late else "")


def test_users_that_are_merged_are_one_use():
    """1 is used by 2 and 3, which only 4 uses; 4 is used twice; an output is never used once."""

    def function(x):
        one = jnp.sin(x)
        four = jnp.cos(one) * jnp.tanh(one)
        five = jnp.exp(four)
        return five, jnp.sin(four), jnp.cos(five)

    graph = trace(function, 1.0)
    assert graph.eliminable == (1, 2, 3, 4, 5)
    assert single_use_order(graph).vertices == (3, 2, 1, 4, 5)
    assert single_use_order(graph, "reverse").vertices == (3, 2, 1, 5, 4)


def test_names_and_refusal():
    """An order says how it was made; the message says what there is."""
    graph = trace(lambda x: jnp.sin(jnp.sin(x)), 1.0)
    assert single_use_order(graph).name == "single_use_forward"
    assert single_use_order(graph, "reverse").name == "single_use_reverse"
    with pytest.raises(ValueError, match="then='up' must be 'forward' or 'reverse'"):
        single_use_order(graph, "up")
