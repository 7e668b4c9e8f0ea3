"""Measures how fast the policy learns by playing, the work of the policy included."""

import time
from pathlib import Path
from typing import Any

import jax

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.models.boards import make_board, stack_boards
from elimax.models.checkpoint import load_policy
from elimax.models.ppo import PPOConfig, make_optimiser
from elimax.models.training import play_and_learn, start_training

PLANNED = 1000
"""Updates that the falling step size is planned for; more than are ever measured."""


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
        max_updates: Updates at most.
        seed: Seed of the games.

    Returns:
        `episodes`; `updates` that were counted; `first_seconds`, what the first update took with
        its compilation; `update_seconds`, the mean of the others; `eliminations_per_second` of
        these, playing and learning together.

    Raises:
        PolicyFormatError: If the file holds no policy.
        StructureLimitError: If the graph reaches too many edge structures.
        TrainingDivergedError: If a loss is not a finite number.
    """
    ppo = PPOConfig()
    boards = stack_boards([make_board(graph)])
    policy, _ = load_policy(policy_file)
    optimiser = make_optimiser(ppo, PLANNED)
    state = start_training(policy, ppo, PLANNED, seed=seed)

    def update() -> tuple[int, float]:
        start = time.perf_counter()
        # Every time from the same state: what is measured does not depend on what is learnt.
        played = play_and_learn(state, optimiser, boards, episodes, ppo)
        jax.block_until_ready((played.policy, played.optimiser))
        return int(played.moves.is_played.sum()), time.perf_counter() - start

    _, first = update()
    eliminations, spent, updates = 0, 0.0, 0
    while updates < max_updates and (updates < 2 or spent < seconds):
        played, took = update()
        eliminations, spent, updates = eliminations + played, spent + took, updates + 1
    return {
        "episodes": episodes,
        "updates": updates,
        "first_seconds": round(first, 3),
        "update_seconds": round(spent / updates, 4),
        "eliminations_per_second": round(eliminations / spent, 1),
    }
