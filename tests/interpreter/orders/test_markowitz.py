"""Greedy elimination against a plain version of itself."""

import itertools

import hypothesis.strategies as st
import jax.numpy as jnp
import pytest
from hypothesis import given, settings

from interpreter.elimination import CountingElimination
from interpreter.order import check_order
from interpreter.orders.markowitz import markowitz_order
from interpreter.tracing import trace
from tests.interpreter.random_programs import array_programs, scalar_programs

VARIANTS = list(itertools.product(("low", "high"), ("all", "nontrivial")))


def plain_greedy(graph, ties: str, count: str, late: frozenset[int] = frozenset()):
    """Looks at every vertex that is left, every time."""
    elimination, left, order = CountingElimination(graph), set(graph.eliminable), []
    sign = 1 if ties == "low" else -1
    while left:
        degrees = {v: getattr(elimination.cost(v), count) for v in left}
        best = min(left, key=lambda v, d=degrees: (v in late, d[v], sign * v))
        elimination.eliminate(best)
        left.remove(best)
        order.append(best)
    return tuple(order)


@given(scalar_programs(), st.sampled_from(VARIANTS))
@settings(max_examples=40)
def test_heap_takes_what_a_full_look_takes(program, variant):
    """Degrees that change while a vertex waits are noticed, on random scalar programs."""
    graph = trace(program, *program.inputs)
    order = markowitz_order(graph, *variant)
    assert order.vertices == plain_greedy(graph, *variant)
    assert check_order(graph, order) == order.vertices


@given(array_programs(), st.sampled_from(VARIANTS))
@settings(max_examples=25)
def test_heap_takes_what_a_full_look_takes_on_arrays(program, variant):
    """The same where degrees are sizes of arrays."""
    graph = trace(program, *(jnp.zeros(shape) for shape in program.shapes))
    assert markowitz_order(graph, *variant).vertices == plain_greedy(graph, *variant)


def test_ties_and_counts_decide():
    """Two chains of equal cost: low takes the first, high the last; + is free in nontrivial."""
    graph = trace(lambda x, y: (jnp.sin(jnp.sin(x)), jnp.sin(jnp.sin(y))), 1.0, 2.0)
    assert graph.eliminable == (1, 3)
    assert markowitz_order(graph).vertices == (1, 3)
    assert markowitz_order(graph, ties="high").vertices == (3, 1)

    graph = trace(lambda x, y: (jnp.sin(jnp.sin(x)), jnp.sin(x + y)), 1.0, 2.0)
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


@given(array_programs(), st.sampled_from(VARIANTS), st.sets(st.integers(1, 10)))
@settings(max_examples=25)
def test_late_vertices_wait(program, variant, late):
    """Greedy among all others first, then greedy among those."""
    graph = trace(program, *(jnp.zeros(shape) for shape in program.shapes))
    late = frozenset(late & set(graph.eliminable))
    order = markowitz_order(graph, *variant, late=late)
    assert order.vertices == plain_greedy(graph, *variant, late)
    assert order.name.endswith("_moves_last") == bool(late)


@pytest.mark.parametrize("options", [{"ties": "middle"}, {"count": "both"}])
def test_unknown_variants_are_refused(options):
    """The message shows what was given and what there is."""
    graph = trace(lambda x: jnp.sin(x), 1.0)
    (value,) = options.values()
    with pytest.raises(ValueError, match=f"{value!r}.*ties is 'low' or 'high'"):
        markowitz_order(graph, **options)
