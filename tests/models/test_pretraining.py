"""Pretraining in miniature: every phase, the same bytes from one seed, also after a stop."""

import dataclasses
import math
from typing import NamedTuple

import numpy as np
import pytest

from elimax.interpreter.errors import StructureLimitError
from elimax.models import pretraining
from elimax.models.checkpoint import load_training, save_training
from elimax.models.errors import TrainingDivergedError
from elimax.models.game import Game
from elimax.models.lessons import annealed_lesson
from elimax.models.played_policy import read_graph
from elimax.models.pretraining import WORST, PretrainResult, Programs, pretrain
from elimax.models.training import TrainingState, cosine
from support.small_graphs import least_of_all_orders
from support.training import PRETRAIN, SMALL, bytes_of, cost_of_nodes, same_arrays, small_policy

UPDATES = len(PRETRAIN.phases)


class Run(NamedTuple):
    """A whole pretraining, and the states that it passed."""

    result: PretrainResult
    states: list[TrainingState]


def whole_run(**changes) -> Run:
    """Pretrains with some settings changed."""
    states: list[TrainingState] = []
    result = pretrain(
        dataclasses.replace(PRETRAIN, **changes),
        seed=0,
        on_update=lambda number, metrics, state: states.append(state),
    )
    return Run(result, states)


@pytest.fixture(scope="module")
def run() -> Run:
    """The run that most tests look at."""
    return whole_run()


def phase_states(run: Run, phase: str) -> list[tuple[TrainingState, TrainingState]]:
    """States before and after every update of a phase but the first one of all."""
    pairs = zip(run.states, run.states[1:], strict=False)
    return [
        (a, b) for name, (a, b) in zip(PRETRAIN.phases[1:], pairs, strict=True) if name == phase
    ]


def test_every_update_is_reported(run):
    """The curve has one entry an update; counts are those of the state."""
    assert [state.update for state in run.states] == list(range(1, UPDATES + 1))
    for number, (state, row) in enumerate(zip(run.states, run.result.curve, strict=True), start=1):
        assert state.curve == tuple(run.result.curve[:number])
        assert row["charts/update"] == number
        assert row["charts/eliminations"] == state.eliminations
        assert row["charts/evaluations"] == state.evaluations
        assert row["charts/lessons"] == len(state.lessons)
    last = run.states[-1]
    assert run.result.metrics == {
        "updates": UPDATES,
        "steps": last.step,
        "eliminations": last.eliminations,
        "evaluations": last.evaluations,
        "validation/best_ratio": last.best_value,
    }


def test_metrics_of_each_phase(run):
    """Losses where something is learnt, and none elsewhere."""
    for phase, row in zip(PRETRAIN.phases, run.result.curve, strict=True):
        losses = {name for name in row if name.startswith("losses/")}
        assert ("losses/total" in losses) == (phase in ("imitate", "reinforce"))
        assert ("losses/regret" in losses) == (phase == "imitate")
        assert ("losses/clipfrac" in losses) == (phase == "reinforce")
        assert losses or phase in ("label", "play")


def test_validation_takes_place_when_it_is_due(run):
    """Every second update that learns something, and the last one."""
    is_validated = ["validation/ratio" in row for row in run.result.curve]
    assert is_validated == [False, False, False, True, False, True, False, True]


def test_labels(run):
    """Each program has one lesson; annealing has evaluated so many orders for each vertex."""
    state = run.states[1]
    assert [number for number, _ in state.lessons] == [0, 1, 2, 3]
    programs = Programs(PRETRAIN.programs, PRETRAIN.count, 0, 0)
    moves = [programs.game(number).num_moves for number in range(4)]
    assert state.evaluations == PRETRAIN.labels.annealing * sum(moves)
    assert state.eliminations == state.step == 0
    for number, lesson in state.lessons:
        game = programs.game(number)
        assert lesson.cost == cost_of_nodes(game, lesson.nodes)
        assert len(lesson.moves) == min(PRETRAIN.labels.positions, game.num_moves)
        again = annealed_lesson(game, evaluations=10 * game.num_moves, positions=4, seed=number)
        assert same_arrays(again, lesson)


def test_a_play_adds_lessons_of_known_programs(run):
    """As many as games are played, and their work is counted."""
    ((before, after),) = phase_states(run, "play")
    added = after.lessons[len(before.lessons) :]
    assert len(added) == PRETRAIN.rounds.games
    assert {number for number, _ in added} <= {0, 1, 2, 3}
    assert after.lessons[: len(before.lessons)] == before.lessons
    programs = Programs(PRETRAIN.programs, PRETRAIN.count, 0, 0)
    games = [programs.game(number) for number, _ in added]
    for game, (_, lesson) in zip(games, added, strict=True):
        assert lesson.cost == cost_of_nodes(game, lesson.nodes)
    assert after.eliminations - before.eliminations == sum(game.num_moves for game in games)
    least = PRETRAIN.labels.completion * len(games)
    assert after.evaluations - before.evaluations >= least
    assert same_arrays(after.policy, before.policy)


def test_learning_moves_policies_and_nothing_else(run):
    """Imitation takes its steps; PPO takes its own, and plays."""
    for before, after in phase_states(run, "imitate"):
        assert after.step - before.step == PRETRAIN.imitation.steps
        assert not same_arrays(after.policy, before.policy)
        assert after.lessons == before.lessons and after.eliminations == before.eliminations
    for before, after in phase_states(run, "reinforce"):
        ppo = PRETRAIN.reinforcement.ppo
        assert after.step - before.step == ppo.epochs * ppo.minibatches
        assert not same_arrays(after.policy, before.policy)
        assert after.eliminations > before.eliminations


def test_best_policy_by_validation_is_kept(run):
    """What is returned is the mean of the weights that had the lowest ratio."""
    ratios = {
        row["charts/update"]: row["validation/ratio"]
        for row in run.result.curve
        if "validation/ratio" in row
    }
    best = min(ratios, key=lambda update: ratios[update])
    assert run.result.metrics["validation/best_ratio"] == ratios[best]
    assert same_arrays(run.result.policy, run.states[int(best) - 1].average)


def test_a_worse_policy_does_not_replace_the_best(run, monkeypatch):
    """The last ratio is the highest: the policy before it stays."""
    values = iter([1.5, 1.2, 1.9])
    monkeypatch.setattr(
        pretraining.Pretraining, "validation_ratio", lambda self, policy: next(values)
    )
    other = whole_run()
    assert other.result.metrics["validation/best_ratio"] == 1.2
    assert same_arrays(other.result.policy, run.states[5].average)


def test_only_the_last_policies_may_be_kept(run, monkeypatch):
    """An early one stays behind, however good it looks."""
    values = iter([1.2, 1.5, 1.9])
    monkeypatch.setattr(
        pretraining.Pretraining, "validation_ratio", lambda self, policy: next(values)
    )
    other = whole_run(validation=dataclasses.replace(PRETRAIN.validation, last=3))
    assert other.result.metrics["validation/best_ratio"] == 1.5
    assert same_arrays(other.result.policy, run.states[5].average)


def test_one_seed_gives_the_same_bytes(run, tmp_path):
    """All of the state; and another seed gives another one."""
    again = whole_run()
    for first, second in zip(run.states, again.states, strict=True):
        assert bytes_of(tmp_path, first) == bytes_of(tmp_path, second)
    assert same_arrays(again.result.policy, run.result.policy)
    other = pretrain(PRETRAIN, seed=1)
    assert not same_arrays(other.policy, run.result.policy)


@pytest.mark.parametrize("stop", range(1, UPDATES + 1))
def test_resuming_gives_the_same_bytes(run, stop, tmp_path):
    """From a file of any update, before and after each phase, the training ends where it did."""
    save_training(tmp_path / "state", run.states[stop - 1])
    loaded = load_training(tmp_path / "state", SMALL, seed=0)
    states = [loaded]
    resumed = pretrain(
        PRETRAIN,
        seed=0,
        resume=loaded,
        on_update=lambda number, metrics, state: states.append(state),
    )
    assert len(states) == UPDATES - stop + 1
    assert bytes_of(tmp_path, states[-1]) == bytes_of(tmp_path, run.states[-1])
    assert same_arrays(resumed.policy, run.result.policy)
    assert (resumed.curve, resumed.metrics) == (run.result.curve, run.result.metrics)


def test_programs_are_streams():
    """One number is one program, whenever it is asked for; streams and seeds are different."""
    streams = [
        Programs(PRETRAIN.programs, "all", seed, stream)
        for seed, stream in ((0, 0), (0, 1), (1, 0))
    ]
    prints = [[programs.game(k).graph.fingerprint for k in (3, 1, 2)] for programs in streams]
    assert len({tuple(x) for x in prints}) == 3
    again = Programs(PRETRAIN.programs, "all", 0, 0)
    assert [again.game(k).graph.fingerprint for k in (3, 1, 2)] == prints[0]
    assert again.game(1) is again.game(1)


@pytest.mark.parametrize("count", ["all", "nontrivial"])
@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_some_programs_have_the_other_count(count, share):
    """In the share that is asked for."""
    config = dataclasses.replace(PRETRAIN.programs, other_count=share)
    programs = Programs(config, count, 0, 0)
    others = [programs.game(number).count != count for number in range(16)]
    assert any(others) == (share > 0) and all(others) == (share == 1)


def test_validation_ratio():
    """Geometric mean of greedy costs by those of annealed orders, here the best of all orders.

    Games that cost more than twice as much count as twice.
    """
    validation = dataclasses.replace(PRETRAIN.validation, annealing=2000)
    training = pretraining.Pretraining(dataclasses.replace(PRETRAIN, validation=validation), 0)
    programs = Programs(PRETRAIN.programs, PRETRAIN.count, 0, 1)
    logs = []
    for number in range(PRETRAIN.validation.programs):
        game = programs.game(number)
        greedy = game.play(read_graph(small_policy(), game.start)).costs.sum()
        least = least_of_all_orders(game.graph, game.count)
        logs.append(math.log(min(WORST, max(greedy, 1) / max(least, 1))))
    assert training.validation_ratio(small_policy()) == pytest.approx(math.exp(np.mean(logs)))


def test_a_program_without_a_lesson_is_left_out(monkeypatch):
    """Where there are too many structures for annealing's tables, one learns from the others."""
    make = pretraining.annealed_lesson

    def some(game, *, seed, **settings):
        if seed == 1:
            raise StructureLimitError("too many")
        return make(game, seed=seed, **settings)

    monkeypatch.setattr(pretraining, "annealed_lesson", some)
    validation = dataclasses.replace(PRETRAIN.validation, programs=1)
    run = whole_run(validation=validation)
    assert [number for number, _ in run.states[1].lessons] == [0, 2, 3]
    assert 1 not in {number for number, _ in run.states[-1].lessons}


def test_completions_that_cannot_be_made_are_left_out(run, monkeypatch):
    """The round adds no lesson then; what was spent on it is counted all the same."""

    def fail(*args, **settings):
        raise StructureLimitError("too many")

    monkeypatch.setattr(pretraining, "completed_lesson", fail)
    other = whole_run()
    assert len(other.states[4].lessons) == len(other.states[3].lessons)
    assert other.states[4].evaluations == run.states[4].evaluations


def test_games_that_cannot_be_played(monkeypatch):
    """They count as `WORST` in validation; PPO and rounds go on without them."""

    def fail(self, *args, **settings):
        raise StructureLimitError("too many")

    run = whole_run(reinforcement=dataclasses.replace(PRETRAIN.reinforcement, updates=0))
    state = run.states[-1]
    monkeypatch.setattr(Game, "play", fail)
    training = pretraining.Pretraining(PRETRAIN, 0)
    assert training.validation_ratio(state.policy) == pytest.approx(WORST)
    after = training.update(state)
    assert after.step == state.step and same_arrays(after.policy, state.policy)
    before = run.states[3]
    assert len(training.update(before).lessons) == len(before.lessons)


def test_step_sizes_fall_over_their_phase(run):
    """Imitation along its own cosine, the rounds along another one."""
    training = pretraining.Pretraining(PRETRAIN, 0)
    imitation, rounds = PRETRAIN.imitation, PRETRAIN.rounds
    steps = imitation.steps
    for before, update in enumerate((2, 3)):
        rate = training._learning_rate(run.states[update - 1])
        for step in range(steps):
            expected = cosine(
                imitation.learning_rate,
                imitation.final_learning_rate,
                (before + step / steps) / imitation.updates,
            )
            assert rate(step) == pytest.approx(expected)
    rate = training._learning_rate(run.states[4])
    expected = cosine(rounds.learning_rate, rounds.final_learning_rate, 1 / steps)
    assert rate(0) == rounds.learning_rate and rate(1) == pytest.approx(expected)


def test_a_training_that_diverges(monkeypatch):
    """A loss that is not a number stops it; the message has the number of the update."""

    def broken(policy, batch):
        return policy.head.score.weight.sum() * np.nan, {}

    monkeypatch.setattr(pretraining, "imitation_loss", broken)
    with pytest.raises(TrainingDivergedError, match=r"update 3 gave .*losses/total = nan"):
        pretrain(PRETRAIN, seed=0)


def test_batches_are_of_lessons(run):
    """Boards, positions and regrets of a batch belong together."""
    training = pretraining.Pretraining(PRETRAIN, 0)
    chosen = list(run.states[-1].lessons[2:4])
    batch = training._batch(chosen, 32, 6, np.random.default_rng(0))
    assert batch.regrets.shape == (2, 6, 32) and (batch.weights == 1).all()
    for g, (number, lesson) in enumerate(chosen):
        game = Programs(PRETRAIN.programs, PRETRAIN.count, 0, 0).game(number)
        nodes = len(game.start.nodes)
        assert batch.boards.present[g].sum() == nodes
        assert np.array_equal(batch.boards.features[g, :nodes], game.start.nodes)
        for remains, regrets in zip(batch.positions.remains[g], batch.regrets[g], strict=True):
            assert np.array_equal(np.isfinite(regrets), remains)
            move = game.num_moves - remains.sum()
            row = lesson.regrets[lesson.moves.tolist().index(move)]
            assert np.array_equal(regrets[lesson.nodes], row)


def test_lessons_are_grouped_by_size(run):
    """All of these boards have one padded size."""
    training = pretraining.Pretraining(PRETRAIN, 0)
    assert training._groups(run.states[-1]) == {32: list(range(6))}
