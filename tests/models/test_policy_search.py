"""Orders from a policy are orders of the graph, and their cost is counted twice."""

import itertools
from typing import get_args

import numpy as np
import pytest

from elimax.interpreter.errors import ElimaxError
from elimax.interpreter.orders.annealing.anneal import anneal
from elimax.interpreter.orders.portfolio import portfolio
from elimax.models import policy_search
from elimax.models.errors import BrokenGameError
from elimax.models.game import Game
from elimax.models.played_policy import read_graph
from elimax.models.policy_search import (
    Method,
    beam_games,
    beam_order,
    best_sampled_order,
    greedy_order,
    search_order,
)
from support.model_graphs import array_graph, optimum, scalar_graph
from support.training import cost_of, small_policy, small_program

SECONDS = 0.3

METHODS = get_args(Method)

GRAPHS = {"scalar": small_program(3, 16), "array": array_graph(), "large": small_program(5, 24)}

EACH_GRAPH = pytest.mark.parametrize("graph", GRAPHS.values(), ids=GRAPHS)
EACH_COUNT = pytest.mark.parametrize("count", ["all", "nontrivial"])


@EACH_COUNT
@EACH_GRAPH
def test_greedy_order(graph, count):
    """A permutation of the eliminable vertices, the same every time, that of the greedy game."""
    order = greedy_order(small_policy(), graph, count)
    assert sorted(order.vertices) == list(graph.eliminable)
    assert order == greedy_order(small_policy(), graph, count)
    assert (order.fingerprint, order.name) == (graph.fingerprint, "policy")
    game = Game(graph, count)
    played = game.play(read_graph(small_policy(), game.start))
    assert cost_of(graph, order, count) == played.costs.sum()


@EACH_COUNT
@EACH_GRAPH
def test_best_of_samples_is_not_worse_than_greedy(graph, count):
    """The greedy game is one of them; more games are the same ones and others."""
    policy = small_policy()
    costs = [cost_of(graph, greedy_order(policy, graph, count), count)]
    for episodes in (1, 4, 32):
        order = best_sampled_order(policy, graph, episodes=episodes, seed=1, count=count)
        assert sorted(order.vertices) == list(graph.eliminable)
        assert order.name == "policy_sampled"
        costs.append(cost_of(graph, order, count))
    assert costs[0] == costs[1]
    assert costs == sorted(costs, reverse=True)


@EACH_COUNT
@EACH_GRAPH
def test_beam_is_not_worse_than_greedy(graph, count):
    """The greedy game is the first that it meets."""
    policy = small_policy()
    order = beam_order(policy, graph, width=2, count=count)
    assert sorted(order.vertices) == list(graph.eliminable)
    assert order.name == "policy_beam"
    greedy = cost_of(graph, greedy_order(policy, graph, count), count)
    assert cost_of(graph, order, count) <= greedy


@pytest.mark.parametrize("seed", [8, 12, 15, 29])
def test_tiny_optimum_is_found(seed):
    """Many draws, and a wide beam, find the best of all orders; greedily it is missed."""
    graph, policy = small_program(seed, 10), small_policy(1)
    best = optimum(graph)
    assert cost_of(graph, greedy_order(policy, graph)) > best
    sampled = best_sampled_order(policy, graph, episodes=300, seed=0, temperatures=(2.0,))
    assert cost_of(graph, sampled) == best
    assert cost_of(graph, beam_order(policy, graph, width=64)) == best


def test_sampled_orders_follow_the_seed():
    """The same seed gives the same order; the temperatures are used, in turn."""
    # On this one the greedy game, which is always among those compared, is a dear one.
    graph, policy = small_program(17, 10), small_policy(1)

    def order(seed: int, *temperatures: float, episodes: int = 8):
        return best_sampled_order(
            policy, graph, episodes=episodes, seed=seed, temperatures=temperatures or (1.0,)
        ).vertices

    assert order(3) == order(3)
    assert len({order(seed) for seed in range(4)}) > 1
    greedy = greedy_order(policy, graph).vertices
    assert order(3, 1e-6) == greedy
    # Games 1 and 3 are cold, game 2 is not.
    assert order(3, 1e-6, 1.0, episodes=2) == greedy
    assert order(3, 1e-6, 1.0) != greedy


def test_games_of_a_beam():
    """The greedy one first; the next ones leave it after one move, then after two."""
    game = Game(GRAPHS["scalar"])
    policy = read_graph(small_policy(), game.start)
    first, *others = beam_games(game, policy, 1)
    assert first.nodes.tolist() == game.play(policy).nodes.tolist()
    for played in (first, *others):
        assert sorted(played.nodes) == sorted(first.nodes)
    likely = game.best_moves(policy, first.nodes[:0], policy_search.BRANCHES)
    assert likely[0] == first.nodes[0]
    assert [played.nodes[0] for played in others[:2]] == likely[1:]
    # At the second move one position is kept: that of the cheapest game so far.
    kept = min([first, *others[:2]], key=lambda played: int(played.costs.sum()))
    assert all(played.nodes[0] == kept.nodes[0] for played in others[2:])
    assert len(others) <= (policy_search.BRANCHES - 1) * (game.num_moves - 1)


def test_a_beam_holds_every_set_of_vertices_once():
    """Two sequences of the same vertices are one position, so there are fewer games than sets."""
    game = Game(small_program(29, 14))
    games = list(beam_games(game, read_graph(small_policy(1), game.start), 1000))
    assert game.num_moves == 8
    assert 100 < len(games) < 2**game.num_moves


def test_a_beam_without_time():
    """It is the greedy order then."""
    graph = GRAPHS["large"]
    order = beam_order(small_policy(), graph, width=4, seconds=0.0)
    assert order.vertices == greedy_order(small_policy(), graph).vertices


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("graph", [GRAPHS["array"], GRAPHS["large"]], ids=["array", "large"])
def test_search(graph, method):
    """The cheapest order met, not worse than greedy; the trajectory falls and ends with it."""
    policy = small_policy()
    found = search_order(policy, graph, seconds=SECONDS, seed=0, count="nontrivial", method=method)
    assert sorted(found.order.vertices) == list(graph.eliminable)
    assert found.cost == cost_of(graph, found.order, "nontrivial")
    greedy = cost_of(graph, greedy_order(policy, graph, "nontrivial"), "nontrivial")
    assert found.trajectory[0][1] == greedy and found.cost <= greedy
    for (seconds, cost), (later, cheaper) in itertools.pairwise(found.trajectory):
        assert 0.0 < seconds <= later and cost > cheaper
    assert found.trajectory[-1][1] == found.cost
    assert found.games >= 1
    assert (found.evaluations > 0) == (method == "both")


@pytest.mark.parametrize("method", METHODS)
def test_search_finds_tiny_optima(method):
    """All three methods, in little time."""
    graph = small_program(29, 10)
    found = search_order(small_policy(1), graph, seconds=SECONDS, seed=0, method=method)
    assert found.cost == optimum(graph)


def test_annealing_begins_with_the_orders_of_policy_and_rules(monkeypatch):
    """The cheapest first; what it finds is not worse than any of them."""
    begun = []

    def noted(graph, orders, count, **settings):
        begun.append((orders, settings["seed"]))
        return anneal(graph, orders, count, **settings)

    monkeypatch.setattr(policy_search, "anneal", noted)
    graph = GRAPHS["large"]
    found = search_order(small_policy(), graph, seconds=1.0, seed=7, method="both")
    ((orders, seed),) = begun
    assert seed == 7
    costs = [cost_of(graph, order) for order in orders]
    assert len(costs) == policy_search.CHAINS and costs == sorted(costs) and found.cost <= costs[0]
    rules = [cost_of(graph, order) for order in portfolio(graph).values()]
    assert costs[0] <= min(*rules, cost_of(graph, greedy_order(small_policy(), graph)))


@pytest.mark.parametrize("method", METHODS)
def test_one_game_at_least(method):
    """However little time there is."""
    graph = GRAPHS["large"]
    found = search_order(small_policy(), graph, seconds=1e-9, seed=0, method=method)
    assert found.games >= 1 and found.cost == cost_of(graph, found.order)


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("inf"), float("nan")])
def test_times_that_are_none(seconds):
    """What was given, and what must be."""
    with pytest.raises(ValueError) as caught:
        search_order(small_policy(), GRAPHS["scalar"], seconds=seconds, seed=0)
    assert str(caught.value) == f"seconds={seconds!r} must be a positive number of seconds"


def test_vertices_without_edges_come_first():
    """Vertex 1 (node 2) is not active: it is listed, and nobody plays it."""
    graph = scalar_graph(2, 4, [(0, 3), (3, 4), (3, 5)], (4, 5, -1))
    assert graph.eliminable == (1, 2)
    assert greedy_order(small_policy(), graph).vertices == (1, 2)
    assert beam_order(small_policy(), graph, width=2).vertices == (1, 2)


def test_a_game_that_miscounts_is_an_error(monkeypatch):
    """Both counts are named; no order comes out."""
    graph = GRAPHS["scalar"]
    right = cost_of(graph, greedy_order(small_policy(), graph))
    play = Game.play

    def dearer(self, *args, **settings):
        played = play(self, *args, **settings)
        return played._replace(costs=played.costs + (np.arange(len(played.costs)) == 0))

    monkeypatch.setattr(Game, "play", dearer)
    said = rf"costs {right + 1} .* interpreter says {right}: this is a bug in elimax"
    for search in (
        greedy_order,
        lambda *args: best_sampled_order(*args, episodes=1, seed=0),
        lambda *args: beam_order(*args, width=1, seconds=0.0),
        lambda *args: search_order(*args, seconds=1e-9, seed=0, method="policy"),
    ):
        with pytest.raises(BrokenGameError, match=said):
            search(small_policy(), graph)
    assert issubclass(BrokenGameError, ElimaxError)
