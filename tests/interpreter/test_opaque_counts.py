"""Graphs with opaque edges: count, game, search and execution agree, whatever the order."""

import functools

import hypothesis.strategies as st
import jax.numpy as jnp
import pytest
from hypothesis import given, settings

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.counting import count_multiplications
from elimax.interpreter.graph.independent_count import verified_count
from elimax.interpreter.graph.structure import Count
from elimax.interpreter.orders import PORTFOLIO
from elimax.interpreter.orders.annealing.anneal import anneal
from elimax.interpreter.orders.exact.optimal import optimal_order
from elimax.interpreter.tracing.call import trace
from elimax.models.game import Game
from support.compare import executed_multiplications
from support.opaque import OPAQUE
from support.random_programs import orders, wave


def inputs_of(name: str) -> tuple:
    """Arguments of a function of `OPAQUE`."""
    return tuple(
        jnp.asarray(wave(*shape, phase=3 * k), jnp.float32)
        for k, shape in enumerate(OPAQUE[name][1])
    )


@functools.cache
def graph_of(name: str) -> ComputationalGraph:
    """Graph of a function of `OPAQUE`."""
    return trace(OPAQUE[name][0], *inputs_of(name), argnums=(0, 1))


def assert_counts_agree(name: str, order) -> None:
    """Both counters and the execution of an order."""
    count = verified_count(graph_of(name), order)
    executed = executed_multiplications(OPAQUE[name][0], inputs_of(name), (0, 1), order)
    assert executed == count.nontrivial


@pytest.mark.parametrize("order", ["forward", "reverse", "markowitz", "markowitz_nontrivial_high"])
@pytest.mark.parametrize("name", OPAQUE)
def test_orders_of_the_portfolio(name, order):
    """Applied, emitted and folded multiplications are those that are counted."""
    assert_counts_agree(name, PORTFOLIO[order](graph_of(name)))


@given(data=st.data())
@pytest.mark.parametrize("name", OPAQUE)
@settings(max_examples=4)
def test_random_orders(name, data):
    """Hidden vertices anywhere, before their operands and after their results."""
    assert_counts_agree(name, data.draw(orders(graph_of(name))))


@given(data=st.data())
@pytest.mark.parametrize("name", ["scan", "custom rules", "scan in a batch"])
@settings(max_examples=4)
def test_orders_that_leave_out_hidden_vertices(name, data):
    """They are put in by the same rule everywhere."""
    graph = graph_of(name)
    public = [vertex for vertex in graph.eliminable if vertex <= graph.num_vertices]
    assert graph.hidden and len(public) < len(graph.eliminable)
    assert_counts_agree(name, data.draw(st.permutations(public)))


@pytest.mark.parametrize("count", ["all", "nontrivial"])
@pytest.mark.parametrize("name", ["scan", "custom rules", "moves"])
def test_annealing(name, count: Count):
    """The annealer's order costs what the annealer says, and no more than where it started."""
    graph = graph_of(name)
    start = PORTFOLIO["markowitz"](graph)
    result = anneal(graph, [start], count, evaluations=200)
    assert count_multiplications(graph, result.order) == result.count
    assert getattr(result.count, count) <= getattr(count_multiplications(graph, start), count)


@pytest.mark.parametrize("name", ["while", "cond"])
def test_exact_search(name):
    """The order of the exact search costs what it says, and no order of the portfolio less."""
    graph = graph_of(name)
    result = optimal_order(graph, "nontrivial")
    assert count_multiplications(graph, result.order).nontrivial == result.cost
    for rule in ("forward", "reverse", "markowitz"):
        assert count_multiplications(graph, PORTFOLIO[rule](graph)).nontrivial >= result.cost


@pytest.mark.parametrize("name", OPAQUE)
def test_games_know_hidden_vertices(name):
    """Every eliminable vertex with edges is on the board under its own number."""
    graph = graph_of(name)
    game = Game(graph)
    on_board = set(graph.eliminable) & {graph.vertex(node) for edge in graph.edges for node in edge}
    assert game.num_moves == len(game.moves(graph.eliminable)) == len(on_board)
    assert set(game.order(game.moves(graph.eliminable), "all").vertices[-len(on_board) :]) == (
        on_board
    )
    assert len(game.start.edges) == len(graph.edges)
