"""Pretraining: one policy for all graphs, from programs that contain no task.

1. *Label*: programs are drawn, their orders annealed, and the regrets of all moves along these
   orders measured.
2. *Imitate*: the policy learns from the regrets.
3. Rounds of DAgger: the policy *plays* some of the programs, its games are cut off somewhere and
   completed by annealing, and it learns from the regrets along the completions too.
4. *Reinforce*: PPO over many programs at once.

Everything random depends only on the seed and the number of the update, so a training that was
stopped continues as if it had not been. A policy swings from step to step; the running mean of its
weights swings less and plays better. Of the means validated at the end, the one that plays best,
greedily, on held-out programs is kept.
"""

import dataclasses
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from elimax.interpreter.errors import StructureLimitError
from elimax.models.batches import padded_size, stack_boards, stack_positions
from elimax.models.game import Game, Played
from elimax.models.imitation import ImitationBatch, imitation_loss
from elimax.models.lessons import Lesson, annealed_lesson, completed_lesson, draw_positions
from elimax.models.optimisation import shareable
from elimax.models.policy import Policy, make_policy
from elimax.models.ppo import PPOBatch, ppo_loss
from elimax.models.prefetching import prefetched
from elimax.models.pretrain_config import PretrainConfig, ProgramsConfig
from elimax.models.processes import in_processes
from elimax.models.programs.draw import draw_program
from elimax.models.rollouts import play_games, ppo_batches
from elimax.models.training import (
    Metrics,
    OnUpdate,
    TrainingState,
    cosine,
    learn,
    start_training,
)

WORST = 2.0
"""Upper limit of the cost of a validation game, relative to annealing."""

# Numbers of random streams that must not overlap.
_PROGRAMS, _VALIDATION, _UPDATES = 0, 1, 2


class PretrainResult(NamedTuple):
    """What pretraining gives.

    Attributes:
        policy: The best policy by validation.
        curve: Metrics of every update.
        metrics: Summary of the training.
    """

    policy: Policy
    curve: list[Metrics]
    metrics: Metrics


def pretrain(
    config: PretrainConfig,
    *,
    seed: int,
    on_update: OnUpdate | None = None,
    resume: TrainingState | None = None,
) -> PretrainResult:
    """Trains a policy.

    Args:
        config: Settings.
        seed: Seed of everything that is random.
        on_update: Called after every update with its number, its metrics and the state.
        resume: A state to continue from; the result is the same as without a stop.

    Returns:
        The best policy, the curve and a summary.

    Raises:
        TrainingDivergedError: If a loss is not a finite number.
    """
    pretraining = Pretraining(config, seed)
    state = resume or pretraining.start()
    phases = config.phases
    while state.update < len(phases):
        state = pretraining.update(state)
        if on_update is not None:
            on_update(state.update, state.curve[-1], state)
    summary = {
        "updates": state.update,
        "steps": state.step,
        "eliminations": state.eliminations,
        "evaluations": state.evaluations,
        "validation/best_ratio": state.best_value,
    }
    return PretrainResult(state.best_policy, list(state.curve), summary)


class Programs:
    """The programs of one random stream, drawn when they are asked for and then kept."""

    def __init__(self, config: ProgramsConfig, count: str, seed: int, stream: int) -> None:
        """Draws nothing yet.

        Args:
            config: Which programs to draw.
            count: What costs in most of them.
            seed: Seed of the training.
            stream: Number of the stream.
        """
        self._config, self._count = config, count
        self._seed, self._stream = seed, stream
        self.game = functools.cache(self._draw)

    def _draw(self, number: int) -> Game:
        config = self._config
        rng = np.random.default_rng((self._seed, self._stream, number))
        other = "nontrivial" if self._count == "all" else "all"
        count = other if rng.random() < config.other_count else self._count
        while True:
            graph = draw_program(rng, config.min_vertices, config.max_vertices, config.mix)
            game = Game(graph, count)  # pyright: ignore[reportArgumentType]
            if game.num_moves:
                return game


class Pretraining:
    """One training: its programs, and what each phase does."""

    def __init__(self, config: PretrainConfig, seed: int) -> None:
        """Draws nothing yet.

        Args:
            config: Settings.
            seed: Seed of everything that is random.
        """
        self._config, self._seed, self._phases = config, seed, config.phases
        self._programs = Programs(config.programs, config.count, seed, _PROGRAMS)
        self._validation = Programs(config.programs, config.count, seed, _VALIDATION)

    def start(self) -> TrainingState:
        """The state before the first update, with a policy that has learnt nothing."""
        return start_training(make_policy(self._config.policy, seed=self._seed), seed=self._seed)

    def update(self, state: TrainingState) -> TrainingState:
        """One update, followed by validation if it is due.

        Args:
            state: Where the training stands.

        Returns:
            Where it stands afterwards.

        Raises:
            TrainingDivergedError: If a loss is not a finite number.
        """
        phase = self._phases[state.update]
        step = {
            "label": self._label,
            "imitate": self._imitate,
            "play": self._play,
            "reinforce": self._reinforce,
        }[phase]
        state, metrics = step(state)
        metrics |= {
            "charts/update": state.update + 1,
            "charts/eliminations": state.eliminations,
            "charts/evaluations": state.evaluations,
            "charts/lessons": len(state.lessons),
        }
        learns = phase in ("imitate", "reinforce")
        every = self._config.validation.every
        is_last = state.update + 1 == len(self._phases)
        if learns and ((state.update + 1) % every == 0 or is_last):
            ratio = self.validation_ratio(state.average)
            metrics["validation/ratio"] = ratio
            is_late = state.update + self._config.validation.last >= len(self._phases)
            if is_late and ratio < state.best_value:
                state = dataclasses.replace(state, best_policy=state.average, best_value=ratio)
        return dataclasses.replace(state, update=state.update + 1, curve=(*state.curve, metrics))

    def validation_ratio(self, policy: Policy) -> float:
        """Cost of greedy games relative to annealing, geometric mean over validation programs.

        No game counts more than `WORST`, so that a few programs do not decide the mean; a game that
        meets too many edge structures counts as `WORST`.
        """
        games = [self._validation.game(k) for k in range(self._config.validation.programs)]
        played = play_games(policy, games, episodes=0, temperature=0.0, seed=(), greedy=True)
        ratios = [
            WORST if of_game is None else min(WORST, max(1, of_game[0].cost) / reference)
            for of_game, reference in zip(played, self._references, strict=True)
        ]
        return float(np.exp(np.mean(np.log(ratios))))

    @functools.cached_property
    def _references(self) -> np.ndarray:
        """Cost of an annealed order of every validation program."""

        def reference(number: int) -> int:
            game = self._validation.game(number)
            evaluations = self._config.validation.annealing * game.num_moves
            return annealed_lesson(game, evaluations=evaluations, positions=1, seed=number).cost

        numbers = list(range(self._config.validation.programs))
        for number in numbers:
            self._validation.game(number)  # Traced here, one by one, and not in the threads.
        return np.maximum(in_processes(reference, numbers), 1)

    def _rng(self, state: TrainingState, *more: int) -> np.random.Generator:
        return np.random.default_rng((self._seed, _UPDATES, state.update, *more))

    def _label(self, state: TrainingState) -> tuple[TrainingState, Metrics]:
        config = self._config
        first = state.update * config.programs.per_update
        numbers = range(first, min(first + config.programs.per_update, config.programs.number))
        games = [self._programs.game(number) for number in numbers]

        def label(item: tuple[int, Game]) -> Lesson | None:
            number, game = item
            return _if_tabulated(
                annealed_lesson,
                game,
                evaluations=config.labels.annealing * game.num_moves,
                positions=config.labels.positions,
                seed=number,
            )

        lessons = in_processes(label, list(zip(numbers, games, strict=True)))
        evaluations = config.labels.annealing * sum(game.num_moves for game in games)
        return self._add(state, numbers, lessons, evaluations), {}

    def _play(self, state: TrainingState) -> tuple[TrainingState, Metrics]:
        """The policy plays; its games are cut off and completed by annealing."""
        config, rng = self._config, self._rng(state)
        known = sorted({number for number, _ in state.lessons})
        numbers = [known[k] for k in rng.integers(len(known), size=config.rounds.games)]
        games = [self._programs.game(number) for number in numbers]
        played = self._half_greedily(state, games)
        finished = [(k, of_game[0]) for k, of_game in enumerate(played) if of_game is not None]
        shares = rng.random(len(finished))
        items = [
            (k, game, int(share * games[k].num_moves))
            for (k, game), share in zip(finished, shares, strict=True)
        ]

        def complete(item: tuple[int, Played, int]) -> Lesson | None:
            k, game, cut_off = item
            return _if_tabulated(
                completed_lesson,
                games[k],
                game,
                cut_off,
                evaluations=config.labels.completion * (games[k].num_moves - cut_off),
                positions=config.labels.positions,
                seed=state.update * config.rounds.games + k,
            )

        lessons = in_processes(complete, items)
        left = sum(games[k].num_moves - cut_off for k, _, cut_off in items)
        evaluations = config.labels.completion * left
        state = self._add(state, [numbers[k] for k, _, _ in items], lessons, evaluations)
        moves = sum(game.num_moves for game in games)
        return dataclasses.replace(state, eliminations=state.eliminations + moves), {}

    def _half_greedily(self, state: TrainingState, games: list[Game]) -> list[list[Played] | None]:
        """Lets the running mean of the policies play, half of the games greedily."""
        half, seed = len(games) // 2, (self._seed, _UPDATES, state.update)
        greedily = play_games(
            state.average, games[:half], episodes=0, temperature=0.0, seed=seed, greedy=True
        )
        temperature = self._config.rounds.temperature
        drawn = play_games(
            state.average, games[half:], episodes=1, temperature=temperature, seed=seed
        )
        return [*greedily, *drawn]

    def _add(
        self,
        state: TrainingState,
        numbers: Sequence[int],
        lessons: Sequence[Lesson | None],
        evaluations: int,
    ) -> TrainingState:
        """Keeps the lessons that could be made."""
        found = [
            (number, lesson)
            for number, lesson in zip(numbers, lessons, strict=True)
            if lesson is not None
        ]
        return dataclasses.replace(
            state,
            lessons=(*state.lessons, *found),
            evaluations=state.evaluations + evaluations,
        )

    def _imitate(self, state: TrainingState) -> tuple[TrainingState, Metrics]:
        config = self._config.imitation
        groups = self._groups(state)

        def make(step: int) -> ImitationBatch:
            rng = self._rng(state, step)
            weights = np.array([len(group) for group in groups.values()], float)
            size = list(groups)[rng.choice(len(groups), p=weights / weights.sum())]
            group = groups[size]
            number = int(np.clip(config.batch_nodes // size, 1, 16))
            chosen = [state.lessons[group[k]] for k in rng.integers(len(group), size=number)]
            return self._batch(chosen, size, shareable(config.batch_positions), rng)

        return learn(
            state,
            prefetched(make, range(config.steps)),
            imitation_loss,
            (),
            self._learning_rate(state),
        )

    def _groups(self, state: TrainingState) -> dict[int, list[int]]:
        """Lessons by the padded size of their boards."""
        groups: dict[int, list[int]] = {}
        for k, (number, _) in enumerate(state.lessons):
            size = padded_size(len(self._programs.game(number).start.nodes))
            groups.setdefault(size, []).append(k)
        return groups

    def _batch(
        self,
        chosen: list[tuple[int, Lesson]],
        size: int,
        positions: int,
        rng: np.random.Generator,
    ) -> ImitationBatch:
        games = [self._programs.game(number) for number, _ in chosen]
        rows = [draw_positions(lesson, positions, rng) for _, lesson in chosen]
        regrets = np.full((len(chosen), positions, size), np.inf, np.float32)
        for g, (_, lesson) in enumerate(chosen):
            regrets[g][:, lesson.nodes] = lesson.regrets[rows[g]]
        parts = [
            (game, lesson.nodes, lesson.moves[row].tolist())
            for game, (_, lesson), row in zip(games, chosen, rows, strict=True)
        ]
        return ImitationBatch(
            stack_boards([game.start for game in games]),
            stack_positions(parts, size),
            regrets,
            np.ones((len(chosen), positions), np.float32),
        )

    def _learning_rate(self, state: TrainingState) -> Callable[[int], float]:
        """Step sizes of an update of imitation, by the number of the step."""
        config, rounds = self._config.imitation, self._config.rounds
        before = self._phases[: state.update].count("imitate")
        updates, first, last = config.updates, config.learning_rate, config.final_learning_rate
        if before >= config.updates:
            before -= config.updates
            updates = rounds.number * rounds.updates
            first, last = rounds.learning_rate, rounds.final_learning_rate
        return lambda step: cosine(first, last, (before + step / config.steps) / updates)

    def _reinforce(self, state: TrainingState) -> tuple[TrainingState, Metrics]:
        config, rng = self._config.reinforcement, self._rng(state)
        groups = self._groups(state)
        weights = np.array([len(group) for group in groups.values()], float)
        size = list(groups)[rng.choice(len(groups), p=weights / weights.sum())]
        drawn = rng.integers(len(groups[size]), size=config.programs)
        games = [self._programs.game(state.lessons[groups[size][k]][0]) for k in drawn]
        seed = (self._seed, _UPDATES, state.update)
        tried = play_games(
            state.policy, games, episodes=config.episodes, temperature=1.0, seed=seed
        )
        pairs = [(game, p) for game, p in zip(games, tried, strict=True) if p is not None]
        games, played = [game for game, _ in pairs], [p for _, p in pairs]
        before = self._phases[: state.update].count("reinforce")
        rate = config.ppo.learning_rate + (
            config.ppo.final_learning_rate - config.ppo.learning_rate
        ) * (before / config.updates)

        def batches() -> Iterator[PPOBatch]:
            for _ in range(config.ppo.epochs if games else 0):
                yield from ppo_batches(games, played, [None] * len(games), config.ppo, rng)

        state, metrics = learn(state, batches(), ppo_loss, (config.ppo,), lambda _: rate)
        moves = sum(len(p.nodes) for of_game in played for p in of_game)
        return dataclasses.replace(state, eliminations=state.eliminations + moves), metrics


def _if_tabulated(
    function: Callable[..., Lesson], *args: object, **kwargs: object
) -> Lesson | None:
    """A lesson, or None if the program has too many structures for the tables."""
    try:
        return function(*args, **kwargs)
    except StructureLimitError:
        return None
