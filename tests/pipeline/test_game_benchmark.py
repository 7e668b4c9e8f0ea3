"""Speed of random games: what is measured, and how it is told."""

import json
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from models.boards import make_board, stack_boards
from models.whole_games import play_random, prepare_games
from pipeline import game_benchmark as benchmark
from pipeline.errors import PipelineError
from tests.model_graphs import program


@pytest.mark.slow
def test_both_ways_play_the_same_games() -> None:
    """Random games move by move and as wholes have the same mean cost, within five deviations."""
    boards = stack_boards([make_board(program(0, 12))])
    moves = int(boards.start.remaining.sum())
    key = jax.random.key(0)
    one = benchmark.play_moves(boards, key, episodes=2000, moves=moves).sum(axis=1)
    other = play_random(prepare_games(boards), 2000, key=key).cost[0].sum(axis=1)
    assert one.shape == other.shape == (2000,)
    spread = np.sqrt((np.var(one) + np.var(other)) / 2000)
    assert abs(np.mean(one) - np.mean(other)) < 5 * spread


def test_measures_every_way() -> None:
    """Rates, compile times and the ratio to playing move by move."""
    result = benchmark.measure_game("propane_combustion", episodes=2, rounds=3, seconds=0.0)
    assert result["form"] == "bits" and result["episodes"] == 2 and result["vertices"] > 0
    assert set(result["ways"]) >= {"moves", "whole"}
    for entry in result["ways"].values():
        assert entry["rate"] > 0 and entry["compile"] > 0
    assert result["ways"]["moves"]["ratio"]["median"] == 1.0


def written(task: str, rate: int, **more: dict[str, Any]) -> dict[str, Any]:
    """A result written by hand."""
    entry = {"compile": 1.0, "rate": rate, "ratio": {"median": 2.0, "low": 1.5, "high": 2.25}}
    ways = {"moves": entry, "whole": entry, **more}
    return {"task": task, "count": "all", "vertices": 5, "form": "rows", "ways": ways}


def test_table_has_dashes_for_one_device() -> None:
    """What was not measured is not shown as a number."""
    columns, rows = benchmark.game_table([written("mlp", 10)])
    assert len(columns) == len(rows[0]) == 12
    assert rows[0][:9] == ["mlp", "all", 5, "rows", 10, 1.0, 10, 1.0, "2 (1.5 to 2.25)"]
    assert rows[0][9:] == [None] * 3


def test_command_prints_and_writes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The table, the machine and its load, the target that is missed, and JSON."""
    asked: list[dict[str, Any]] = []

    def measured(name: str, **settings: Any) -> dict[str, Any]:
        asked.append(settings)
        return written(name, 60_000)

    monkeypatch.setattr(benchmark, "measure_game", measured)
    path = tmp_path / "game.json"
    assert benchmark.main(["--count", "nontrivial", "--episodes", "8", "--json", str(path)]) == 1
    assert asked[0] == {"count": "nontrivial", "episodes": 8, "rounds": 20, "seconds": 20.0}
    output = capsys.readouterr().out
    assert "| task | count | vertices | form | move by move, eliminations/s |" in output
    assert "roe_flux_1d misses its target of 1500000 eliminations a second" in output
    assert "transformer_encoder misses" not in output and "load" in output
    assert [entry["task"] for entry in json.loads(path.read_text())["results"]] == list(
        benchmark.TASKS
    )
    assert benchmark.main(["transformer_encoder", "mlp"]) == 0


def test_unknown_task() -> None:
    """The error of the registry reaches the user."""
    with pytest.raises(PipelineError, match="there is no task 'roe_flux'"):
        benchmark.measure_game("roe_flux")
