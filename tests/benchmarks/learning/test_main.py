"""The command `python -m benchmarks.learning`."""

from pathlib import Path
from typing import Any

import pytest

from benchmarks.learning import __main__ as command
from benchmarks.learning.lines import append_line, read_lines
from benchmarks.learning.methods import FULL, SHORT
from benchmarks.learning.pace import Pace
from benchmarks.learning.runner import runs_of
from benchmarks.learning.sets import TIMED, set_names
from elimax.pipeline.checkout.files import Layout
from elimax.pipeline.errors import FileError
from support.learning_lines import line
from support.repository import ROOT


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--sets", "nope"], "invalid choice: 'nope'"),
        (["--methods", "nope"], "invalid choice: 'nope'"),
        (["--counts", "some"], "invalid choice: 'some'"),
        (["--jobs", "0"], "--seeds, --jobs and --seconds must be positive"),
        (["--seconds", "inf"], "--seeds, --jobs and --seconds must be positive"),
        (["--programs", "0"], "--programs must be positive"),
    ],
)
def test_wrong_arguments(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is refused, and what may be."""
    with pytest.raises(SystemExit):
        command.parse(words)
    assert message in capsys.readouterr().err


def test_the_short_mode_is_the_default() -> None:
    """All sets, one run at a time, with the shipped policy; one seed, some programs timed."""
    choice = command.choice_of(command.parse([]))
    assert tuple(choice.sets) == set_names() and choice.methods == SHORT
    assert list(choice.seeds) == [0] and choice.counts == ("all",) and choice.seconds == 10
    assert choice.programs is None and command.parse([]).jobs == 1
    assert choice.policy == Layout.find().pretrained_policy
    assert choice.timed == TIMED


def test_the_full_mode() -> None:
    """All programs timed with three seeds; what is named on the command line comes first."""
    choice = command.choice_of(command.parse(["--full"]))
    assert choice.methods == FULL and list(choice.seeds) == [0, 1, 2] and choice.timed == {}
    some = command.parse(["--full", "--methods", "beam", "--seeds", "2"])
    assert some.methods == ["beam"] and some.seeds == 2


def test_the_short_mode_takes_about_half_an_hour() -> None:
    """By time limits and usual times, as what is announced before anything is measured."""
    choice = command.choice_of(command.parse([]))
    pace = Pace()
    seconds = sum(pace.expected(x.set, x.method, x.budget) for x in runs_of(choice))
    assert 1200 < seconds < 2000


def test_policies_are_needed_by_those_who_play_them(tmp_path: Path) -> None:
    """A missing file is an error for them alone."""
    words = ["--policy", str(tmp_path / "none.eqx"), "--methods"]
    assert command.choice_of(command.parse([*words, "all_rules"])).policy is None
    with pytest.raises(FileError, match=r"none\.eqx does not exist; write it with: make"):
        command.choice_of(command.parse([*words, "all_rules", "policy_greedy"]))


def test_measures_and_writes_tables(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lines, tables and progress; the tables alone come from the lines again."""
    monkeypatch.chdir(ROOT)
    words = ["--sets", "tasks", "--methods", "three_rules", "all_rules", "--programs", "1"]
    assert command.main([*words, "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr()
    assert "2 of 2: tasks/human_heart_dipole all all_rules seed 0: 148 in" in printed.err
    assert "| tasks | 1 | all_rules | 0.00 |" in printed.out
    table = tmp_path / "table.md"
    assert table.read_text() == printed.out
    assert [x["cost"] for x in read_lines(tmp_path / "lines.jsonl")] == [172, 148]
    table.unlink()
    assert command.main(["--tables", "--out", str(tmp_path)]) == 0
    assert table.read_text() == printed.out
    assert capsys.readouterr().err == ""


def test_curves_are_written(tmp_path: Path) -> None:
    """Next to the tables."""
    for method in ("annealing", "policy_annealing"):
        found: dict[str, Any] = line("a", method, (0.1, 9), (0.5, 8), budget=1.0)
        append_line(tmp_path / "lines.jsonl", found)
    assert command.main(["--tables", "--out", str(tmp_path)]) == 0
    assert (tmp_path / "anytime_small_all.svg").read_text().startswith("<svg")


def test_broken_results(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line on stderr and the exit status 1."""
    (tmp_path / "lines.jsonl").write_text("nonsense\n")
    assert command.main(["--tables", "--out", str(tmp_path)]) == 1
    printed = capsys.readouterr()
    assert "lines.jsonl is not a result" in printed.err and printed.out == ""
