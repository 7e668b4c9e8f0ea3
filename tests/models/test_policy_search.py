"""Orders from a policy are orders of the graph, and their cost is counted twice."""

import numpy as np
import pytest

from elimax.interpreter.errors import ElimaxError, InvalidOrderError
from elimax.interpreter.graph.counting import count_multiplications
from elimax.models.errors import BrokenGameError
from elimax.models.policy_search import best_sampled_order, checked_order, greedy_order
from support.model_graphs import array_graph, optimum, program, scalar_graph, tiny_policy


@pytest.mark.parametrize("count", ["all", "nontrivial"])
@pytest.mark.parametrize("graph", [program(0), array_graph()])
def test_greedy_order(graph, count):
    """A permutation of the eliminable vertices, the same every time."""
    order = greedy_order(tiny_policy(), graph, count)
    assert sorted(order.vertices) == list(graph.eliminable)
    assert order == greedy_order(tiny_policy(), graph, count)
    assert (order.fingerprint, order.name) == (graph.fingerprint, "policy")


@pytest.mark.parametrize("seed", range(3))
def test_no_order_is_better_than_the_best_of_all(seed):
    """Brute force over all orders of a small program bounds what any policy can find."""
    graph = program(seed, num_vertices=8)
    best = optimum(graph)
    greedy = greedy_order(tiny_policy(), graph)
    sampled = best_sampled_order(tiny_policy(), graph, episodes=64, seed=seed)
    assert count_multiplications(graph, greedy).all >= best
    # Among 64 random games of so few moves there is a good one.
    assert best <= count_multiplications(graph, sampled).all <= 1.5 * best


def test_sampled_orders_follow_the_seed():
    """The same seed gives the same order."""
    graph = program(0, num_vertices=8)
    first, second = (
        best_sampled_order(tiny_policy(), graph, episodes=64, seed=3) for _ in range(2)
    )
    assert first == second
    assert first.name == "policy_sampled"


def test_vertices_without_edges_come_first():
    """Vertex 1 (node 2) is not active: it is listed, and nobody plays it."""
    graph = scalar_graph(2, 4, [(0, 3), (3, 4), (3, 5)], (4, 5, -1))
    assert graph.eliminable == (1, 2)
    assert greedy_order(tiny_policy(), graph).vertices == (1, 2)


def test_graph_without_a_move():
    """All of its eliminable vertices are idle."""
    graph = scalar_graph(1, 2, [(0, 2)], (2,))
    assert greedy_order(tiny_policy(), graph).vertices == graph.eliminable == (1,)


def test_a_game_that_miscounts_is_an_error():
    """The message names both counts."""
    graph = program(0)
    counted = count_multiplications(graph, graph.eliminable).all
    with pytest.raises(
        BrokenGameError, match=rf"costs {counted + 1} .* interpreter says {counted}"
    ):
        checked_order(graph, graph.eliminable, counted + 1.0, "all", "test")
    assert issubclass(BrokenGameError, ElimaxError)


def test_a_game_that_repeats_a_vertex_is_an_error():
    """The interpreter's own check of orders applies."""
    graph = program(0)
    first = graph.eliminable[0]
    with pytest.raises(InvalidOrderError, match=rf"repeats {first}"):
        checked_order(graph, (*graph.eliminable, first), 0.0, "all", "test")


def test_costs_beyond_exact_float32_are_accepted():
    """Where float32 rounds, the interpreter's count is what is reported."""
    graph = program(0)
    counted = count_multiplications(graph, graph.eliminable).all
    cost = float(np.nextafter(np.float32(counted), np.float32(np.inf)))
    assert checked_order(graph, graph.eliminable, cost, "all", "test").name == "test"
