"""What both trainings share: the state between two updates, and one update."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np
import optax

from elimax.models.game import Board
from elimax.models.policy import Policy
from elimax.models.ppo import (
    PPOConfig,
    check_losses,
    learn,
    make_optimiser,
)
from elimax.models.rollout import (
    Moves,
    join_moves,
    play,
    select_episodes,
)

Metrics = dict[str, float]


@dataclasses.dataclass(frozen=True)
class TrainingState:
    """All that a training needs in order to go on as if it had never stopped.

    Attributes:
        seed: Seed of the training; random numbers of an update depend on it and on `update` only.
        update: Number of finished updates.
        eliminations: Vertices eliminated so far, in all games.
        policy: The policy after the last update.
        optimiser: State of the optimiser.
        average: Running mean of the policies so far; in finetuning the first policy, unused.
        best_policy: The policy with the best value so far.
        best_value: That value; the lower the better, infinite at first.
        orders: Vertex numbers of games worth keeping, by name; empty in pretraining.
        curve: Metrics of every update.
    """

    seed: int
    update: int
    eliminations: int
    policy: Policy
    optimiser: optax.OptState
    average: Policy
    best_policy: Policy
    best_value: float
    orders: Mapping[str, tuple[int, ...]]
    curve: tuple[Metrics, ...]


OnUpdate = Callable[[int, Metrics, TrainingState], None]


def start_training(policy: Policy, ppo: PPOConfig, updates: int, *, seed: int) -> TrainingState:
    """The state before the first update.

    Args:
        policy: The policy to train.
        ppo: Settings of the learning.
        updates: Number of updates planned.
        seed: Seed of the training.

    Returns:
        The state.
    """
    weights: Any = policy
    with jax.numpy_dtype_promotion("standard"):
        optimiser = make_optimiser(ppo, updates).init(weights)
    return TrainingState(
        seed=seed,
        update=0,
        eliminations=0,
        policy=policy,
        optimiser=optimiser,
        average=policy,
        best_policy=policy,
        best_value=float("inf"),
        orders={},
        curve=(),
    )


def update_key(seed: int, update: int) -> jax.Array:
    """The random key of one update, whatever happened before it.

    Args:
        seed: Seed of the training.
        update: Number of updates before it.

    Returns:
        The key.
    """
    return jax.random.fold_in(jax.random.key(seed), update)


class Played(NamedTuple):
    """Result of one update."""

    policy: Policy
    optimiser: optax.OptState
    moves: Moves
    metrics: Metrics


def play_and_learn(
    state: TrainingState,
    optimiser: optax.GradientTransformation,
    boards: Board,
    episodes: int,
    ppo: PPOConfig,
    *,
    greedy: int = 0,
) -> Played:
    """Plays a batch of games and learns from it.

    Args:
        state: Where the training stands.
        optimiser: From `make_optimiser`.
        boards: G stacked boards.
        episodes: K, games of every board.
        ppo: Settings of the learning.
        greedy: Greedy games of every board beside them, which are not learnt from.

    Returns:
        The improved policy, the state of the optimiser, the games and the metrics.

    Raises:
        TrainingDivergedError: If a loss is not a finite number.
    """
    game_key, minibatch_key = jax.random.split(update_key(state.seed, state.update))
    segments = play(
        state.policy,
        boards,
        greedy=greedy,
        sampled=episodes,
        key=game_key,
        keep_observations=True,
    )
    policy, optimiser_state, metrics = learn(
        state.policy,
        state.optimiser,
        optimiser,
        select_episodes(segments, greedy),
        ppo,
        key=minibatch_key,
    )
    moves = join_moves(segments)
    returns = -moves.cost[:, :, greedy:].sum(axis=0) / np.asarray(boards.scale.classic)[:, None]
    metrics |= {
        "charts/update": state.update + 1,
        "charts/eliminations": state.eliminations + int(moves.is_played.sum()),
        "returns/mean": float(returns.mean()),
        "returns/best": float(returns.max(axis=1).mean()),
    }
    check_losses(state.update + 1, metrics)
    return Played(policy, optimiser_state, moves, metrics)
