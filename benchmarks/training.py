"""Measures how fast the policy plays and learns, including its own computation."""

import time
from pathlib import Path
from typing import Any

import jax
import numpy as np

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.models.checkpoint import load_policy
from elimax.models.game import Game, Played
from elimax.models.played_policy import read_graph
from elimax.models.policy import Policy
from elimax.models.ppo import PPOConfig, ppo_loss
from elimax.models.rollouts import play_games, ppo_batches
from elimax.models.training import TrainingState, learn, start_training

ALONE = 0.25
"""Time for games in one thread, as a share of that for updates."""


def measure_training(
    graph: ComputationalGraph,
    policy_file: Path,
    *,
    episodes: int,
    seconds: float,
    max_updates: int = 100,
    seed: int = 0,
) -> dict[str, Any]:
    """Trains the shipped policy on one graph for a while: PPO, as the stage finetune does.

    Args:
        graph: The graph.
        policy_file: The policy.
        episodes: Games of an update.
        seconds: No further update starts after this time, except for the first two. The first one,
            which compiles, is not counted.
        max_updates: Most updates.
        seed: Seed of the games.

    Returns:
        `episodes`; `updates`, those that were counted; `first_seconds`, the time of the first
        update, including compilation; `update_seconds`, the mean of the others;
        `eliminations_per_second` of these, playing and learning together; `played_per_second`,
        eliminations per second of play alone, in all threads; `played_in_one_thread`, eliminations
        per second of games one by one.

    Raises:
        PolicyFormatError: If the file holds no policy.
        StructureLimitError: If the graph reaches too many edge structures.
        TrainingDivergedError: If a loss is not a finite number.
    """
    game = Game(graph)
    policy, _ = load_policy(policy_file)
    state = start_training(policy, seed=seed)

    # Always from the same state, so that the measurement does not depend on what is learnt.
    def update(number: int) -> tuple[int, float, float]:
        start = time.perf_counter()
        played = play_update(game, policy, episodes, (seed, number))
        between = time.perf_counter()
        jax.block_until_ready(learn_from(game, state, played, (seed, number)).policy)
        return game.num_moves * len(played), between - start, time.perf_counter() - start

    *_, first = update(0)
    moves, playing, spent, updates = 0, 0.0, 0.0, 0
    while updates < max_updates and (updates < 2 or spent < seconds):
        played, of_play, took = update(updates + 1)
        moves, playing, spent = moves + played, playing + of_play, spent + took
        updates += 1
    return {
        "episodes": episodes,
        "updates": updates,
        "first_seconds": round(first, 3),
        "update_seconds": round(spent / updates, 4),
        "eliminations_per_second": round(moves / spent, 1),
        "played_per_second": round(moves / playing, 1),
        "played_in_one_thread": round(
            _one_by_one(game, policy, episodes, ALONE * seconds, seed), 1
        ),
    }


def play_update(game: Game, policy: Policy, episodes: int, seed: tuple[int, int]) -> list[Played]:
    """Plays the games of an update, in all threads.

    Args:
        game: The game.
        policy: The policy.
        episodes: How many.
        seed: Seed of the draws.

    Returns:
        The games.

    Raises:
        StructureLimitError: If the graph reaches too many edge structures.
    """
    (played,) = play_games(policy, [game], episodes=episodes, temperature=1.0, seed=seed)
    if played is None:
        # Playing it again by itself raises the error that says what is wrong.
        played = [game.play(read_graph(policy, game.start))]
    return played


def learn_from(
    game: Game, state: TrainingState, played: list[Played], seed: tuple[int, int]
) -> TrainingState:
    """Takes the optimiser's steps of an update; the best of its games is imitated.

    Args:
        game: The game.
        state: The training before.
        played: The games of the update.
        seed: Seed of what is drawn from them.

    Returns:
        The training afterwards; its weights may still be computed.

    Raises:
        TrainingDivergedError: If a loss is not a finite number.
    """
    config, rng = PPOConfig(), np.random.default_rng(seed)
    best = min(played, key=lambda one: one.cost).nodes
    batches = (
        batch
        for _ in range(config.epochs)
        for batch in ppo_batches([game], [played], [best], config, rng)
    )
    return learn(state, batches, ppo_loss, (config,), lambda _: config.learning_rate)[0]


def _one_by_one(game: Game, policy: Policy, episodes: int, seconds: float, seed: int) -> float:
    """Eliminations per second in one thread; the policy reads the graph once, as for an update."""
    start = time.perf_counter()
    ready, games = read_graph(policy, game.start), 0
    while games < episodes and (games < 1 or time.perf_counter() - start < seconds):
        game.play(ready, temperature=1.0, rng=np.random.default_rng((seed, games)))
        games += 1
    return game.num_moves * games / (time.perf_counter() - start)
