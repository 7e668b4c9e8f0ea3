"""Pretraining: one policy for all graphs, from random programs that are new at every update.

All games of an update are of similar size, so that little is padded. A policy swings from update to
update; its running mean swings less and plays better. What is kept is the mean that does best,
greedily, on random programs that no update plays and on the given graphs, both groups weighing the
same: late in training a policy can still gain on random programs while it loses on real ones.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Annotated, NamedTuple

import jax
import numpy as np

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.structure import Count
from elimax.models.boards import make_board, stack_boards
from elimax.models.game import DEFAULT_MAX_STRUCTURES, Board
from elimax.models.policy import Policy, PolicyConfig, make_policy
from elimax.models.ppo import PPOConfig, make_optimiser
from elimax.models.programs.scalar import random_program
from elimax.models.ranges import Range
from elimax.models.rollout import join_moves, play
from elimax.models.training import (
    Metrics,
    OnUpdate,
    Played,
    TrainingState,
    play_and_learn,
    start_training,
)

# Random streams that must not overlap; training has one per update.
_VALIDATION_STREAM, _TRAINING_STREAM = 0, 1

# Programs of one update differ by at most this many vertices either way.
_SIZE_SPREAD = 8


@dataclasses.dataclass(frozen=True)
class PretrainConfig:
    """How to pretrain.

    Attributes:
        updates: Number of updates, the budget.
        programs_per_update: G, programs of an update.
        episodes: K, games of every program.
        count: Which multiplications cost, "all" or "nontrivial".
        min_vertices: Vertices of the smallest random program.
        max_vertices: Vertices of the largest random program.
        task_share: Share of the updates that play given graphs.
        max_task_vertices: Given graphs with more vertices are left out.
        max_structures: The most edge structures that a given graph may reach.
        averaging: Share of the old mean in the running mean of the policies, once it is under way.
        validation_programs: Number of random programs that decide, with the given graphs, which
            policy is kept.
        validation_every: Updates from one validation to the next.
        policy: Size of the policy.
        ppo: Settings of the learning.
    """

    updates: Annotated[int, Range(1, 1_000_000)] = 600
    programs_per_update: Annotated[int, Range(1, 10_000)] = 6
    episodes: Annotated[int, Range(1, 100_000)] = 8
    count: Count = "all"
    min_vertices: Annotated[int, Range(1, 10_000)] = 25
    max_vertices: Annotated[int, Range(1, 10_000)] = 100
    task_share: Annotated[float, Range(0.0, 1.0)] = 0.0
    max_task_vertices: Annotated[int, Range(0, 100_000)] = 160
    max_structures: Annotated[int, Range(1, 1_000_000)] = DEFAULT_MAX_STRUCTURES
    averaging: Annotated[float, Range(0.0, 1.0)] = 0.9
    validation_programs: Annotated[int, Range(1, 10_000)] = 16
    validation_every: Annotated[int, Range(1, 1_000_000)] = 10
    policy: PolicyConfig = dataclasses.field(default_factory=PolicyConfig)
    ppo: PPOConfig = dataclasses.field(default_factory=lambda: PPOConfig(epochs=1, minibatches=6))

    def __post_init__(self) -> None:
        if self.min_vertices > self.max_vertices:
            raise ValueError(
                f"min_vertices is {self.min_vertices} but must be at most max_vertices, which is "
                f"{self.max_vertices}"
            )


class PretrainResult(NamedTuple):
    """What pretraining gives.

    Attributes:
        policy: The best policy by validation.
        curve: Metrics of every update.
        metrics: Summary.
    """

    policy: Policy
    curve: list[Metrics]
    metrics: Metrics


def pretrain(
    config: PretrainConfig,
    graphs: Mapping[str, ComputationalGraph],
    *,
    seed: int,
    on_update: OnUpdate | None = None,
    resume: TrainingState | None = None,
) -> PretrainResult:
    """Trains a policy on random programs and, if wanted, on given graphs.

    Args:
        config: Settings.
        graphs: Training graphs by name; large ones are left out, see the settings.
        seed: Seed of everything that is random.
        on_update: Called after every update with its number, its metrics and the state.
        resume: A state to go on from; the result is the same as without a stop.

    Returns:
        The best policy, the curve and a summary.

    Raises:
        TrainingDivergedError: If a loss is not a finite number.
    """
    state = resume or start_training(
        make_policy(config.policy, seed=seed), config.ppo, config.updates, seed=seed
    )
    optimiser = make_optimiser(config.ppo, config.updates)
    curriculum = Curriculum(config, graphs, seed=seed)
    validation = validation_boards(config, curriculum.tasks, seed=seed)
    while state.update < config.updates:
        boards = curriculum.boards(state.update)
        played = play_and_learn(state, optimiser, boards, config.episodes, config.ppo)
        state, metrics = _advance(state, played, validation, config)
        if on_update is not None:
            on_update(state.update, metrics, state)
    summary = {
        "updates": state.update,
        "eliminations": state.eliminations,
        "validation/best_ratio": state.best_value,
    }
    return PretrainResult(state.best_policy, list(state.curve), summary)


def _advance(
    state: TrainingState, played: Played, validation: Sequence[Board], config: PretrainConfig
) -> tuple[TrainingState, Metrics]:
    """The state after an update, validated if it is time, and the update's metrics."""
    update = state.update + 1
    metrics = played.metrics
    share = min(config.averaging, update / (update + 9))
    average = _average(state.average, played.policy, share)
    best_policy, best_value = state.best_policy, state.best_value
    if update % config.validation_every == 0 or update == config.updates:
        ratio = greedy_ratio(average, validation)
        metrics |= {"validation/ratio": ratio}
        if ratio < best_value:
            best_policy, best_value = average, ratio
    state = dataclasses.replace(
        state,
        update=update,
        eliminations=state.eliminations + int(played.moves.is_played.sum()),
        policy=played.policy,
        optimiser=played.optimiser,
        average=average,
        best_policy=best_policy,
        best_value=best_value,
        curve=(*state.curve, metrics),
    )
    return state, metrics


@jax.jit
def _average(mean: Policy, policy: Policy, share: float) -> Policy:
    return jax.tree.map(lambda old, new: share * old + (1.0 - share) * new, mean, policy)


class Curriculum:
    """Decides which programs an update plays.

    Attributes:
        tasks: The given graphs that are played, as single boards.
    """

    def __init__(
        self, config: PretrainConfig, graphs: Mapping[str, ComputationalGraph], *, seed: int
    ) -> None:
        """Prepares the given graphs.

        Args:
            config: Settings.
            graphs: Training graphs by name.
            seed: Seed of the training.
        """
        self._config = config
        self._seed = seed
        self.tasks = [
            make_board(graphs[name], config.count, config.max_structures)
            for name in sorted(graphs)
            if config.task_share > 0 and graphs[name].num_vertices <= config.max_task_vertices
        ]

    def boards(self, update: int) -> Board:
        """The boards of one update; the same update always gets the same.

        Args:
            update: Number of updates before it.

        Returns:
            G stacked boards of similar size.
        """
        rng = np.random.default_rng((self._seed, _TRAINING_STREAM, update))
        if self.tasks and rng.random() < self._config.task_share:
            return self._given(rng)
        return self._random(rng)

    def _random(self, rng: np.random.Generator) -> Board:
        config = self._config
        size = rng.integers(config.min_vertices, config.max_vertices + 1)
        sizes = size + rng.integers(-_SIZE_SPREAD, _SIZE_SPREAD + 1, config.programs_per_update)
        sizes = np.clip(sizes, config.min_vertices, config.max_vertices)
        return stack_boards([make_board(random_program(rng, int(n)), config.count) for n in sizes])

    def _given(self, rng: np.random.Generator) -> Board:
        """Given graphs of one size in nodes and in structures, drawn with replacement."""
        first = self.tasks[rng.integers(len(self.tasks))]
        alike = [board for board in self.tasks if _sizes(board) == _sizes(first)]
        drawn = rng.integers(len(alike), size=self._config.programs_per_update - 1)
        return stack_boards([first, *(alike[index] for index in drawn)])


def _sizes(board: Board) -> tuple[int, int]:
    return len(board.start.remaining), len(board.rules.cost)


def validation_boards(
    config: PretrainConfig, tasks: Sequence[Board], *, seed: int
) -> tuple[Board, ...]:
    """The boards that decide which policy is kept.

    Args:
        config: Settings.
        tasks: Single boards of the given graphs.
        seed: Seed of the training.

    Returns:
        Groups of stacked boards: random programs that no update plays, from the smallest to the
        largest, and the given graphs if there are any.
    """
    rng = np.random.default_rng((seed, _VALIDATION_STREAM))
    sizes = np.linspace(config.min_vertices, config.max_vertices, config.validation_programs)
    programs = [random_program(rng, round(size)) for size in sizes]
    random = stack_boards([make_board(program, config.count) for program in programs])
    return (random, stack_boards(tasks)) if tasks else (random,)


def greedy_ratio(policy: Policy, groups: Sequence[Board]) -> float:
    """Cost of a policy's most probable games, relative to the best classic orders.

    Args:
        policy: The policy.
        groups: Groups of stacked boards.

    Returns:
        Mean over the groups of the mean ratio over their boards.
    """
    ratios = []
    for boards in groups:
        moves = join_moves(play(policy, boards, greedy=1))
        ratios.append(np.mean(moves.cost.sum(axis=(0, 2)) / np.asarray(boards.scale.classic)))
    return float(np.mean(ratios))
