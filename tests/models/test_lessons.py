"""Lessons: their regrets are what counting every moved order says."""

import numpy as np
import pytest

from elimax.interpreter.graph.order import EliminationOrder
from elimax.interpreter.orders.annealing.anneal import anneal
from elimax.interpreter.orders.portfolio import named_order
from elimax.models import lessons
from elimax.models.game import Game, Played
from elimax.models.lessons import (
    CUT,
    STARTS,
    Lesson,
    anneal_order,
    annealed_lesson,
    completed_lesson,
    draw_positions,
    left_over,
)
from elimax.models.played_policy import read_graph
from support.model_graphs import array_graph, scalar_graph
from support.training import cost_of, cost_of_nodes, same_arrays, small_policy, small_program

EACH_GRAPH = pytest.mark.parametrize(
    "graph", [small_program(3, 16), array_graph()], ids=["scalar", "array"]
)
EACH_COUNT = pytest.mark.parametrize("count", ["all", "nontrivial"])


def play(game: Game, seed: int = 0) -> Played:
    """A game at random, which leaves something to be improved."""
    rng = np.random.default_rng(seed)
    return game.play(read_graph(small_policy(), game.start), temperature=1.0, rng=rng)


def assert_as_counted(game: Game, lesson: Lesson, prefix: int = 0, spent: int = 0) -> None:
    """Counts the order of every move that has a regret.

    Args:
        game: The game.
        lesson: A lesson of it.
        prefix: Number of the moves that were given.
        spent: What these cost.
    """
    nodes, num = lesson.nodes, game.num_moves
    assert sorted(nodes) == sorted(game.moves(game.graph.eliminable))
    assert nodes.dtype == lesson.moves.dtype == np.int32 and lesson.regrets.dtype == np.float16
    assert lesson.regrets.shape == (len(lesson.moves), num)
    assert lesson.cost == cost_of_nodes(game, nodes)
    assert lesson.moves.min() >= prefix and (np.diff(lesson.moves) > 0).all()
    unit = max(lesson.cost, 1) / num
    # Regrets are cut by the mean cost of the moves that were annealed.
    cut = min(CUT, CUT * max(lesson.cost - spent, 1) / (num - prefix) / unit)
    for move, regrets in zip(lesson.moves.tolist(), lesson.regrets, strict=True):
        assert np.isinf(regrets[:move]).all()
        for k in range(move, num):
            moved = np.concatenate([nodes[:move], nodes[k : k + 1], nodes[move:k], nodes[k + 1 :]])
            regret = (cost_of_nodes(game, moved) - lesson.cost) / unit
            assert regrets[k] == pytest.approx(min(regret, cut), rel=1e-3), (move, k)
        assert regrets[move] == 0 and regrets.min() >= 0


@EACH_COUNT
@EACH_GRAPH
def test_annealed_lesson(graph, count):
    """The regret of every move at every position; no order that annealing began with is cheaper."""
    game = Game(graph, count)
    lesson = annealed_lesson(game, evaluations=50, positions=1000, seed=0)
    assert lesson.moves.tolist() == list(range(game.num_moves))
    assert_as_counted(game, lesson)
    finite = lesson.regrets[np.isfinite(lesson.regrets)]
    assert finite.max() > 0
    assert lesson.cost <= min(cost_of(graph, named_order(graph, name), count) for name in STARTS)


@EACH_COUNT
@EACH_GRAPH
@pytest.mark.parametrize("share", [0.0, 0.3, 0.7])
def test_completed_lesson(graph, count, share):
    """What was played up to the cut stays; the rest is no costlier, and has regrets."""
    game = Game(graph, count)
    played = play(game)
    cut_off = int(share * game.num_moves)
    lesson = completed_lesson(game, played, cut_off, evaluations=50, positions=1000, seed=0)
    assert lesson.nodes[:cut_off].tolist() == played.nodes[:cut_off].tolist()
    assert lesson.moves.tolist() == list(range(cut_off, game.num_moves))
    assert lesson.cost <= played.costs.sum()
    assert_as_counted(game, lesson, cut_off, int(played.costs[:cut_off].sum()))


def test_a_completion_begins_with_the_policys_own_moves(monkeypatch):
    """And with the rules, each an order of what is left."""
    begun = []

    def noted(graph, orders, count, **settings):
        begun.append(orders)
        return anneal(graph, orders, count, **settings)

    monkeypatch.setattr(lessons, "anneal", noted)
    game = Game(small_program(3, 16))
    played = play(game)
    completed_lesson(game, played, 4, evaluations=20, positions=3, seed=0)
    (orders,) = begun
    rest = left_over(game, played.nodes[:4])
    assert [order.name for order in orders] == ["policy", *STARTS]
    assert all(sorted(order.vertices) == list(rest.eliminable) for order in orders)
    assert cost_of(rest, orders[0]) == played.costs[4:].sum()
    assert game.moves(orders[0].vertices)[-1] == played.nodes[-1]


def test_a_lesson_of_some_positions():
    """As many as are wanted, decided by the seed."""
    game = Game(small_program(3, 16))
    some = [annealed_lesson(game, evaluations=50, positions=4, seed=s) for s in (1, 1, 2)]
    assert all(lesson.regrets.shape == (4, game.num_moves) for lesson in some)
    assert same_arrays(some[0], some[1])
    assert some[0].moves.tolist() != some[2].moves.tolist()
    for lesson in some:
        assert_as_counted(game, lesson)


def test_vertices_without_edges_have_no_move():
    """They come first in an order, but not in a lesson, whose moves are those of the board."""
    edges = [(0, 3), (1, 3), (3, 4), (3, 5), (4, 5), (5, 6), (5, 7)]
    game = Game(scalar_graph(2, 6, edges, (6, 7)))
    assert len(game.graph.eliminable) == game.num_moves + 1
    assert_as_counted(game, annealed_lesson(game, evaluations=20, positions=9, seed=0))
    played = play(game)
    assert_as_counted(
        game,
        completed_lesson(game, played, 1, evaluations=20, positions=9, seed=0),
        1,
        int(played.costs[0]),
    )


@EACH_COUNT
@EACH_GRAPH
def test_left_over_costs_what_is_left(graph, count):
    """Cost of the moves so far and of the rest in what is left is the cost of the whole."""
    game = Game(graph, count)
    played = play(game)
    for cut_off in range(game.num_moves + 1):
        rest = left_over(game, played.nodes[:cut_off])
        assert rest.node_shapes == graph.node_shapes and rest.outputs == graph.outputs
        ahead = game.order(played.nodes, "").vertices
        vertices = tuple(v for v in ahead if v in set(rest.eliminable))
        assert cost_of(rest, vertices, count) == played.costs[cut_off:].sum()
    assert left_over(game, played.nodes[:0]).edges == graph.edges


def test_outputs_keep_the_edges_into_them():
    """Vertex 2 is an output that 3 uses: once eliminated, only 3 has lost an edge of its own."""
    graph = scalar_graph(1, 3, [(0, 1), (1, 2), (2, 3)], (2, 3))
    game = Game(graph)
    rest = left_over(game, game.moves([2]))
    assert set(rest.edges) == {(0, 1), (1, 2), (1, 3)}
    assert rest.eliminable == (1,)


def test_annealing_improves_what_it_is_given():
    """The result is no costlier than any start, and more evaluations find cheaper orders."""
    graph = small_program(5, 20)
    game = Game(graph)
    worst = EliminationOrder(tuple(sorted(graph.eliminable)), graph.fingerprint, "forward")
    found = anneal_order(graph, game, (worst,), evaluations=500, seed=0)
    starts = [worst, *(named_order(graph, name) for name in STARTS)]
    assert cost_of(graph, found) <= min(cost_of(graph, order) for order in starts)


def test_positions_with_more_at_stake_are_drawn_more_often():
    """Of positions where any move will do, where half of them will, and where one of four will."""
    inf, dear = np.inf, 100.0
    regrets = [[0, 0, 0, 0], [0, dear, 0, dear], [0, dear, dear, dear], [inf, inf, 0, dear]]
    lesson = Lesson(
        np.arange(4, dtype=np.int32), 1, np.arange(4, dtype=np.int32), np.array(regrets, np.float16)
    )
    drawn = draw_positions(lesson, 20000, np.random.default_rng(0))
    assert (np.diff(drawn) >= 0).all()
    shares = np.bincount(drawn, minlength=4) / 20000
    expected = np.array([0.1, 0.6, 0.85, 0.6])
    np.testing.assert_allclose(shares, expected / expected.sum(), atol=0.015)
