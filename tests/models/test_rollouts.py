"""Many games at once, and positions drawn from them."""

import numpy as np

from elimax.interpreter.errors import StructureLimitError
from elimax.models.game import Game
from elimax.models.played_policy import read_graph
from elimax.models.ppo import PPOConfig, advantages
from elimax.models.rollouts import IMITATED, play_games, ppo_batches
from support.training import (
    PADDED,
    all_played,
    cost_of_nodes,
    positions_of,
    same_arrays,
    small_policy,
    small_program,
)

GAMES = [Game(small_program(seed, 12)) for seed in (3, 7)]
CONFIG = PPOConfig(minibatches=3, positions=96, best_weight=2.0)


def played_games(seed: int = 0, **settings):
    """Some games of both graphs; for one graph after the other a list."""
    settings = {"episodes": 5, "temperature": 1.0, "greedy": False, **settings}
    return all_played(small_policy(), GAMES, seed=(seed,), **settings)


def test_games_are_complete_and_counted():
    """Every one is an order of its graph, and its costs are those of the interpreter."""
    for game, of_game in zip(GAMES, played_games(greedy=True), strict=True):
        assert len(of_game) == 6
        for played in of_game:
            assert sorted(played.nodes) == sorted(game.moves(game.graph.eliminable))
            assert played.costs.sum() == cost_of_nodes(game, played.nodes)


def test_the_greedy_game_comes_first():
    """It is the one without a draw; the others are the same as without it."""
    drawn, with_greedy = played_games(), played_games(greedy=True)
    for game, some, more in zip(GAMES, drawn, with_greedy, strict=True):
        assert same_arrays(more[0], game.play(read_graph(small_policy(), game.start)))
        assert same_arrays(more[1:], some)


def test_draws_depend_on_the_seed_the_graph_and_the_number_alone():
    """More episodes or fewer graphs do not change the others; no two games are drawn alike."""
    games = played_games()
    assert same_arrays(played_games(), games)
    assert not same_arrays(played_games(seed=1)[0], games[0])
    more = played_games(episodes=7)
    assert all(same_arrays(a[:5], b) for a, b in zip(more, games, strict=True))
    (alone,) = all_played(small_policy(), GAMES[:1], episodes=5, temperature=1.0, seed=(0,))
    assert same_arrays(alone, games[0])
    assert len({played.nodes.tobytes() for played in games[0]}) > 1
    twice = [GAMES[0]] * 2
    first, second = all_played(small_policy(), twice, episodes=5, temperature=1.0, seed=(0,))
    assert same_arrays(first, games[0]) and not same_arrays(second, first)


def test_a_game_with_too_many_structures(monkeypatch):
    """The graph is marked, the other one is played all the same."""
    play = Game.play

    def limited(self, *args, **settings):
        if self is GAMES[0] and settings["temperature"] > 0:
            raise StructureLimitError("too many")
        return play(self, *args, **settings)

    monkeypatch.setattr(Game, "play", limited)
    first, second = play_games(
        small_policy(), GAMES, episodes=5, temperature=1.0, seed=(0,), greedy=True
    )
    assert first is None
    assert second is not None and len(second) == 6


def drawn_from(batch, g: int, played, scaled: np.ndarray) -> list[tuple[int, int]]:
    """Game and move of every position, found by what was done there."""
    found = []
    for t in range(batch.nodes.shape[1]):
        remains = set(np.flatnonzero(batch.positions.remains[g, t]).tolist())
        fits = [
            (k, move)
            for k, one in enumerate(played)
            for move in range(len(one.nodes))
            if set(one.nodes[move:].tolist()) == remains
            and one.nodes[move] == batch.nodes[g, t]
            and one.log_probabilities[move] == batch.log_probabilities[g, t]
            and scaled[k, move] == batch.advantages[g, t]
        ]
        assert fits, t
        found.append(fits[0])
    return found


def test_batches_hold_what_was_played():
    """Node, log probability, advantage and position belong to one move of one game."""
    played = played_games()
    batches = ppo_batches(GAMES, played, [None, None], CONFIG, np.random.default_rng(0))
    assert len(batches) == 3
    for batch in batches:
        assert batch.nodes.shape == (2, 16) and batch.boards.present.shape == (2, PADDED)
        assert not batch.imitated.any() and (batch.weights == 1).all()
        for g, (game, of_game) in enumerate(zip(GAMES, played, strict=True)):
            scaled = advantages(np.stack([p.costs for p in of_game]).astype(float), 2.0)
            places = drawn_from(batch, g, of_game, scaled)
            assert len(set(places)) > 8
            k, move = places[5]
            _, seen = positions_of(game, of_game[k].nodes, [move])
            assert all(
                np.array_equal(ours[g, 5], theirs[0, 0])
                for ours, theirs in zip(batch.positions, seen, strict=True)
            )


def test_the_best_order_is_imitated():
    """One position in eight is one of it; there are no advantages there."""
    played = played_games()
    best = [of_game[0].nodes[::-1] for of_game in played]
    batches = ppo_batches(GAMES, played, [best[0], None], CONFIG, np.random.default_rng(0))
    for batch in batches:
        count = 16 // IMITATED
        assert batch.imitated.tolist() == [[0.0] * (16 - count) + [1.0] * count, [0.0] * 16]
        assert not batch.advantages[0, -count:].any()
        for t in range(16 - count, 16):
            remains = set(np.flatnonzero(batch.positions.remains[0, t]).tolist())
            move = len(best[0]) - len(remains)
            assert set(best[0][move:].tolist()) == remains
            assert batch.nodes[0, t] == best[0][move]


def test_few_positions():
    """Every minibatch has at least one of each graph, which is not imitated."""
    played = played_games()
    config = PPOConfig(minibatches=2, positions=1)
    best = [of_game[0].nodes for of_game in played]
    batches = ppo_batches(GAMES, played, best, config, np.random.default_rng(0))
    assert [batch.nodes.shape for batch in batches] == [(2, 1)] * 2
    assert not any(batch.imitated.any() for batch in batches)


def test_draws_follow_the_generator(monkeypatch):
    """The same one gives the same batches, whatever the number of threads."""
    played = played_games()

    def batches(seed: int):
        return ppo_batches(GAMES, played, [None, None], CONFIG, np.random.default_rng(seed))

    first = batches(0)
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    assert same_arrays(batches(0), first)
    assert not same_arrays(batches(1), first)
