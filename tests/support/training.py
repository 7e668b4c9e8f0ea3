"""A tiny policy and tiny training runs, which the tests of learning share."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.counting import count_multiplications
from elimax.models.batches import Boards, stack_boards, stack_positions
from elimax.models.checkpoint import save_training
from elimax.models.features import LOCAL, POSITION, START, STRUCTURE
from elimax.models.finetuning import FinetuneConfig
from elimax.models.game import Game, Played
from elimax.models.imitation import ImitationBatch
from elimax.models.policy import Policy, PolicyConfig, make_policy
from elimax.models.positions import Positions
from elimax.models.ppo import PPOConfig
from elimax.models.pretrain_config import (
    ImitationConfig,
    LabelsConfig,
    PretrainConfig,
    ProgramsConfig,
    ReinforcementConfig,
    RoundsConfig,
    ValidationConfig,
)
from elimax.models.programs.draw import ProgramMix
from elimax.models.programs.scalar import random_program
from elimax.models.rollouts import play_games
from elimax.models.training import TrainingState

SMALL = PolicyConfig(width=6, heads_per_view=1, blocks=1, expansion=1, head_width=8)
"""The one size of policy that these tests train."""

PADDED = 32
"""Nodes of every board after padding, so that there is one size to compile for."""

FAST = PPOConfig(
    epochs=1, minibatches=2, positions=32, learning_rate=0.01, final_learning_rate=0.01
)
"""PPO in small steps of one shape, 16 positions of one graph."""

PRETRAIN = PretrainConfig(
    programs=ProgramsConfig(
        number=4,
        per_update=2,
        min_vertices=5,
        max_vertices=8,
        other_count=0.5,
        mix=ProgramMix(scalar=1.0, arrays=0.0, packages=0.0),
    ),
    labels=LabelsConfig(annealing=10, completion=10, positions=4),
    imitation=ImitationConfig(updates=2, steps=2, batch_nodes=32, batch_positions=4),
    rounds=RoundsConfig(number=1, games=2, updates=1),
    reinforcement=ReinforcementConfig(updates=2, programs=1, episodes=2, ppo=FAST),
    validation=ValidationConfig(programs=2, annealing=10, every=2),
    policy=SMALL,
)
"""Eight updates: two that label, two of imitation, a round of two, and two of PPO."""

FINETUNE = FinetuneConfig(updates=4, episodes=6, ppo=FAST)


def small_policy(seed: int = 0) -> Policy:
    """An untrained policy."""
    return make_policy(SMALL, seed=seed)


def small_program(seed: int, num_vertices: int = 8) -> ComputationalGraph:
    """A random scalar program whose board is not larger than `PADDED`."""
    return random_program(np.random.default_rng(seed), num_vertices)


def cost_of(graph: ComputationalGraph, order: Any, count: str = "all") -> int:
    """What an order costs, as the interpreter counts it."""
    return getattr(count_multiplications(graph, order), count)


def cost_of_nodes(game: Game, nodes: Sequence[int] | np.ndarray) -> int:
    """The cost of a whole game, as the interpreter counts it."""
    return cost_of(game.graph, game.order(nodes, "game").vertices, game.count)


def all_played(policy: Policy, games: Sequence[Game], **settings: Any) -> list[list[Played]]:
    """What `play_games` plays; asserts that it plays every game."""
    found = [played for played in play_games(policy, games, **settings) if played is not None]
    assert len(found) == len(games)
    return found


def times_compiled(function: Any) -> int:
    """For how many kinds of arguments a function of `jax.jit` has been compiled."""
    return function._cache_size()


def same_arrays(first: Any, second: Any) -> bool:
    """Whether two trees hold the same numbers, bit for bit."""
    pairs = zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True)
    return all(np.asarray(a).tobytes() == np.asarray(b).tobytes() for a, b in pairs)


def bytes_of(folder: Path, state: TrainingState) -> bytes:
    """A training state as the bytes of its file, by which states can be compared."""
    save_training(folder / "bytes", state)
    return (folder / "bytes").read_bytes()


def drawn_positions(seed: int, games: int = 1, positions: int = 4) -> tuple[Boards, Positions]:
    """Random positions that no game has to be played for; node 0 remains at all of them."""
    rng = np.random.default_rng(seed)

    def normal(*shape: int) -> np.ndarray:
        return rng.normal(size=shape).astype(np.float32)

    remains = rng.random((games, positions, PADDED)) < 0.4
    remains[:, :, 0] = True
    edges = np.tril(rng.random((games, positions, PADDED, PADDED)) < 0.2, -1)
    boards = Boards(
        normal(games, PADDED, len(START) + len(LOCAL)),
        np.tril(rng.integers(0, 5, (games, PADDED, PADDED)), -1).astype(np.int16),
        normal(games, 64, len(STRUCTURE)),
        np.ones((games, PADDED), bool),
    )
    seen = Positions(
        normal(games, positions, PADDED, len(LOCAL)),
        edges & remains[..., None] & remains[..., None, :],
        remains,
        normal(games, positions, len(POSITION)),
    )
    return boards, seen


def drawn_lessons(seed: int, games: int = 1, positions: int = 4) -> ImitationBatch:
    """Random regrets of moves at `drawn_positions`; infinite where no move is allowed."""
    boards, seen = drawn_positions(seed, games, positions)
    rng = np.random.default_rng((seed, 1))
    regrets = rng.choice([0.0, 0.05, 0.3, 2.0], seen.remains.shape)
    regrets = np.where(seen.remains, regrets, np.inf).astype(np.float32)
    weights = rng.uniform(0.5, 2.0, (games, positions)).astype(np.float32)
    return ImitationBatch(boards, seen, regrets, weights)


def positions_of(game: Game, nodes: np.ndarray, moves: Sequence[int]) -> tuple[Boards, Positions]:
    """Some positions of one game, as a batch."""
    boards = stack_boards([game.start])
    return boards, stack_positions([(game, nodes, moves)], PADDED)
