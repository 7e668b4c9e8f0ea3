"""Relative Markowitz degrees against their definition."""

import hypothesis.strategies as st
import jax.numpy as jnp
import pytest
from hypothesis import given, settings

from elimax.interpreter.graph.elimination import CountingElimination
from elimax.interpreter.graph.order import check_order
from elimax.interpreter.graph.pair_structure import product_of, sum_of
from elimax.interpreter.orders.greedy.degrees import DegreeElimination
from elimax.interpreter.orders.greedy.markowitz import markowitz_order
from elimax.interpreter.orders.greedy.relative_markowitz import (
    costs_when_last,
    relative_markowitz_order,
)
from elimax.interpreter.tracing.call import trace
from support.plain_greedy import VARIANTS, degree, graphs, plain_greedy
from support.random_programs import scalar_programs


def cost_when_last(graph, vertex, count):
    """Jacobians from every input by itself and to every output by itself, then all products."""
    node, before, after = graph.node(vertex), [], []
    for start in range(graph.num_inputs):
        from_start = {}
        for (pred, succ), edge in sorted(graph.edges.items(), key=lambda item: item[0][1]):
            paths = [edge] if pred == start else []
            paths += [product_of(edge, from_start[pred]).structure] if pred in from_start else []
            for path in paths:
                from_start[succ] = sum_of(from_start[succ], path) if succ in from_start else path
        before += [from_start[node]] if node in from_start else []
    for end in graph.output_nodes:
        to_end = {}
        for (pred, succ), edge in sorted(graph.edges.items(), reverse=True):
            paths = [edge] if succ == end else []
            paths += [product_of(to_end[succ], edge).structure] if succ in to_end else []
            for path in paths:
                to_end[pred] = sum_of(to_end[pred], path) if pred in to_end else path
        after += [to_end[node]] if node in to_end else []
    return sum(getattr(product_of(later, earlier), count) for later in after for earlier in before)


@given(graphs(), st.sampled_from(VARIANTS))
@settings(max_examples=60)
def test_heap_takes_what_a_full_look_takes(graph, variant):
    """Degree minus the cost as the last, by random programs of scalars and arrays."""
    last = {v: cost_when_last(graph, v, variant[1]) for v in graph.eliminable}
    order = relative_markowitz_order(graph, *variant)
    expected = plain_greedy(graph, lambda e, v, count: degree(e, v, count) - last[v], *variant)
    assert order.vertices == expected
    assert check_order(graph, order) == order.vertices


@given(scalar_programs(), st.data())
@settings(max_examples=30)
def test_on_scalars_it_is_what_the_last_vertex_costs(program, data):
    """Whatever the order of the others is."""
    graph = trace(program, *program.inputs, argnums=range(len(program.inputs)))
    if not graph.eliminable:
        return
    *others, vertex = data.draw(st.permutations(graph.eliminable))
    elimination = CountingElimination(graph)
    for other in others:
        elimination.eliminate(other)
    found = [
        costs_when_last(DegreeElimination(graph, count))[graph.node(vertex)]
        for count in ("all", "nontrivial")
    ]
    assert tuple(found) == elimination.cost(vertex)[:2]


def test_vertices_that_all_see_are_not_put_off():
    """The later a vertex of a product of four stands, the more inputs it sees: 2, 3, 4 of them."""

    def function(a, b, c, d):
        middle = a * b * c * d
        return [jnp.sin(middle), jnp.cos(middle), jnp.tanh(middle), jnp.exp(middle)]

    graph = trace(function, 1.0, 2.0, 3.0, 4.0, argnums=range(4))
    assert graph.eliminable == (1, 2, 3)
    last = costs_when_last(DegreeElimination(graph, "all"))
    assert [last[graph.node(v)] for v in graph.eliminable] == [8, 12, 16]
    # Degrees 2, 2 and 8, relative to those -6, -10 and -8; without 2 they are -5 and -4.
    assert relative_markowitz_order(graph).vertices == (2, 1, 3)
    assert markowitz_order(graph).vertices == (1, 2, 3)


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({}, "relative_markowitz"),
        ({"ties": "high", "count": "nontrivial"}, "relative_markowitz_nontrivial_high"),
    ],
)
def test_names_tell_the_variant(options, name):
    """An order says how it was made."""
    graph = trace(lambda x: jnp.sin(jnp.sin(x)), 1.0)
    assert relative_markowitz_order(graph, **options).name == name


def test_unknown_variants_are_refused():
    """The message shows what was given and what there is."""
    graph = trace(lambda x: jnp.sin(x), 1.0)
    with pytest.raises(ValueError, match=r"'middle'.*ties must be 'low' or 'high'"):
        relative_markowitz_order(graph, ties="middle")
