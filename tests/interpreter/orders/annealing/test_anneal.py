"""Annealed orders: complete, never costlier than the first ones, the best of small graphs."""

import itertools
import math

import hypothesis.strategies as st
import jax.numpy as jnp
import pytest
from hypothesis import given, settings

from elimax.interpreter.errors import InvalidOrderError
from elimax.interpreter.graph.counting import count_multiplications
from elimax.interpreter.graph.order import EliminationOrder, check_order
from elimax.interpreter.orders.annealing.anneal import anneal
from elimax.interpreter.orders.fixed import forward_order, reverse_order
from elimax.interpreter.tracing.call import trace
from support.random_programs import array_programs, scalar_programs

COUNTS = st.sampled_from(("all", "nontrivial"))


def both_ways(graph) -> list[EliminationOrder]:
    """Forward and reverse, to begin with."""
    return [forward_order(graph), reverse_order(graph)]


def assert_improves(graph, count: str, wanted=None) -> None:
    """Looks at one short search."""
    starts = both_ways(graph)
    result = anneal(graph, starts, count, evaluations=400, wanted=wanted)
    assert check_order(graph, result.order) == result.order.vertices
    assert result.count == count_multiplications(graph, result.order, wanted)
    before = [getattr(count_multiplications(graph, x, wanted), count) for x in starts]
    assert getattr(result.count, count) <= min(before)


@given(scalar_programs(), COUNTS)
@settings(max_examples=30)
def test_scalar_programs(program, count):
    """Complete orders with the count that they claim."""
    assert_improves(trace(program, *program.inputs, argnums=range(len(program.inputs))), count)


@given(array_programs(), COUNTS)
@settings(max_examples=30)
def test_array_programs(program, count):
    """The same where structures depend on the order."""
    assert_improves(
        trace(
            program,
            *(jnp.zeros(shape) for shape in program.shapes),
            argnums=range(len(program.shapes)),
        ),
        count,
    )


@given(scalar_programs(max_steps=7), COUNTS)
@settings(max_examples=25)
def test_best_of_all_permutations(program, count):
    """On graphs of a few vertices nothing is cheaper."""
    graph = trace(program, *program.inputs, argnums=range(len(program.inputs)))
    if len(graph.eliminable) > 6:
        return
    orders = itertools.permutations(graph.eliminable)
    best = min(getattr(count_multiplications(graph, order), count) for order in orders)
    found = anneal(graph, both_ways(graph), count, evaluations=4000)
    assert getattr(found.count, count) == best


def waist(x):
    """Six numbers from six, through one."""
    return jnp.sin(jnp.outer(jnp.ones(6), x) @ jnp.cos(x)) * jnp.sum(jnp.exp(x))


def test_only_wanted_blocks_are_paid_for():
    """What serves no wanted block costs nothing, in the search as in the count."""
    graph = trace(lambda x, y: (jnp.sin(x * y), jnp.cos(x + jnp.exp(y))), 1.0, 2.0, argnums=(0, 1))
    wanted = frozenset({(0, graph.outputs[1])})
    assert_improves(graph, "all", wanted)
    result = anneal(graph, both_ways(graph), evaluations=400, wanted=wanted)
    assert result.count.all < anneal(graph, both_ways(graph), evaluations=400).count.all


def test_the_same_seed_gives_the_same_order():
    """Threads do not matter, and neither does a deadline that is not reached."""
    graph = trace(waist, jnp.ones(6))
    first = anneal(graph, both_ways(graph), evaluations=2000, seed=3)
    again = anneal(graph, both_ways(graph), evaluations=2000, seed=3, seconds=600.0)
    assert (first.order, first.count) == (again.order, again.count)
    assert first.evaluations == again.evaluations >= 2000


def test_ends_at_the_deadline():
    """Without a number of orders, time alone ends it."""
    graph = trace(waist, jnp.ones(6))
    result = anneal(graph, both_ways(graph), seconds=0.05)
    assert result.evaluations > 0
    assert result.seconds >= 0.05


def test_nothing_to_move():
    """One vertex, or none that any edge leads to, is an order already."""
    one = trace(lambda x: jnp.sin(jnp.sin(x)), 1.0)
    assert anneal(one, [forward_order(one)], evaluations=10).order.vertices == (1,)
    none = trace(lambda x: jnp.floor(x) * 0.0, 1.0)
    assert anneal(none, [forward_order(none)], evaluations=10).count.all == 0


def test_the_other_count_breaks_ties():
    """Of all orders with the fewest multiplications, one with few nontrivial ones."""
    graph = trace(lambda x, y: jnp.sin(x + y) * jnp.exp(jnp.sin(x) - y), 1.0, 2.0, argnums=(0, 1))
    orders = list(itertools.permutations(graph.eliminable))
    counts = [count_multiplications(graph, order)[:2] for order in orders]
    found = anneal(graph, both_ways(graph), evaluations=4000).count
    assert (found.all, found.nontrivial) == min(counts)


def test_errors_say_what_is_wanted():
    """Every limit and choice that makes no sense."""
    graph = trace(lambda x: jnp.sin(jnp.sin(jnp.sin(x))), 1.0)
    starts = both_ways(graph)
    with pytest.raises(ValueError, match="starts is empty: pass at least one order"):
        anneal(graph, [], seconds=1.0)
    with pytest.raises(ValueError, match="pass seconds or evaluations"):
        anneal(graph, starts)
    with pytest.raises(ValueError, match="some"):
        anneal(graph, starts, "some", seconds=1.0)  # pyright: ignore[reportArgumentType]
    for seconds in (math.nan, math.inf, -1.0):
        with pytest.raises(ValueError, match="must be a non-negative number of seconds"):
            anneal(graph, starts, seconds=seconds)
    with pytest.raises(ValueError, match="chains=0 must be at least 1"):
        anneal(graph, starts, seconds=1.0, chains=0)
    with pytest.raises(InvalidOrderError, match="it misses 2"):
        anneal(graph, [EliminationOrder((1,), graph.fingerprint)], seconds=1.0)
