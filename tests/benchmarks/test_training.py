"""How fast the policy plays and learns, measured."""

from pathlib import Path
from typing import Any

import pytest

from benchmarks import training
from benchmarks.training import measure_training
from elimax.interpreter.errors import StructureLimitError
from elimax.models.checkpoint import save_policy
from elimax.models.training import TrainingState
from support.model_graphs import fork_graph, tiny_policy

GRAPH = fork_graph()
MOVES = 2
"""Vertices 1 and 2; 3 and 4 are pure outputs."""


@pytest.fixture
def policy_file(tmp_path: Path) -> Path:
    """A policy that compiles fast."""
    path = tmp_path / "policy.eqx"
    save_policy(path, tiny_policy())
    return path


@pytest.fixture
def learnt(monkeypatch: pytest.MonkeyPatch) -> list[tuple[TrainingState, list[Any]]]:
    """Nothing is compiled: what would be learnt from is noted."""
    noted: list[tuple[TrainingState, list[Any]]] = []

    def learn(
        state: TrainingState, batches: Any, loss: Any, settings: Any, rate: Any
    ) -> tuple[TrainingState, dict[str, float]]:
        assert loss is training.ppo_loss and rate(0) == settings[0].learning_rate
        noted.append((state, list(batches)))
        return state, {}

    monkeypatch.setattr(training, "learn", learn)
    return noted


def tick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock on which every look takes a second."""
    clock = iter(range(10_000))
    monkeypatch.setattr(training.time, "perf_counter", lambda: float(next(clock)))


def test_rates(policy_file: Path, learnt: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock on which playing and learning take a second each, and so does a game alone."""
    tick(monkeypatch)
    result = measure_training(GRAPH, policy_file, episodes=4, seconds=8.0)
    moves = 4 * MOVES
    assert result == {
        "episodes": 4,
        "updates": 4,
        "first_seconds": 2.0,
        "update_seconds": 2.0,
        "eliminations_per_second": moves / 2,
        "played_per_second": moves,
        # One game at second 0, another one at 1; at 2 the time for them is over.
        "played_in_one_thread": round(2 * MOVES / 3, 1),
    }
    assert len(learnt) == 1 + 4


def test_updates_begin_with_the_same_state_and_play_other_games(
    policy_file: Path, learnt: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two updates at least and `max_updates` at most; their epochs have the games' positions."""
    seeds: list[Any] = []
    real = training.play_games

    def play(policy: Any, games: Any, **given: Any) -> Any:
        seeds.append(given["seed"])
        assert given["temperature"] == 1.0 and given["episodes"] == 3
        return real(policy, games, **given)

    monkeypatch.setattr(training, "play_games", play)
    measure_training(GRAPH, policy_file, episodes=3, seconds=0.0, seed=5)
    assert seeds == [(5, 0), (5, 1), (5, 2)]
    assert len({id(state) for state, _ in learnt}) == 1
    config = training.PPOConfig()
    assert [len(batches) for _, batches in learnt] == [config.epochs * config.minibatches] * 3
    assert learnt[0][1][0].imitated.any()
    seeds.clear()
    few = measure_training(GRAPH, policy_file, episodes=3, seconds=1e9, max_updates=3)
    assert few["updates"] == 3 and len(seeds) == 4


def test_a_game_that_cannot_be_played_says_why(
    policy_file: Path, learnt: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Played again by itself, as `play_games` gives no reason."""

    def refuse(*given: Any, **options: Any) -> Any:
        raise StructureLimitError("too many")

    monkeypatch.setattr(training.Game, "play", refuse)
    with pytest.raises(StructureLimitError, match="too many"):
        measure_training(GRAPH, policy_file, episodes=2, seconds=0.0)
    assert not learnt


@pytest.mark.slow
def test_training_is_measured(policy_file: Path) -> None:
    """Two real updates."""
    result = measure_training(GRAPH, policy_file, episodes=2, seconds=0.0)
    assert result["updates"] == 2 and result["episodes"] == 2
    rates = ("eliminations_per_second", "played_per_second", "played_in_one_thread")
    assert min(result[rate] for rate in rates) > 0
    assert result["first_seconds"] > result["update_seconds"] > 0
