"""Running: what is measured, what is kept, and how a second call goes on."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.learning import pace, runner
from benchmarks.learning.lines import append_line, key, read_lines
from benchmarks.learning.methods import METHODS, Method, Trial
from benchmarks.learning.runner import Choice, Run, describe, measure, run_all, runs_of
from benchmarks.learning.sets import read_set
from elimax.interpreter.errors import StructureLimitError
from elimax.models import checkpoint
from elimax.pipeline.errors import FileError
from support.learning_lines import WHERE, line
from support.model_graphs import tiny_policy
from support.repository import ROOT

RULES = Run("random_small", "00", "three_rules", 0, "all", None)


def choice(**fields: Any) -> Choice:
    """Two programs, a rule and annealing."""
    default = Choice(
        sets=["random_small"],
        methods=["three_rules", "annealing"],
        counts=["all"],
        seeds=[0, 1],
        seconds=0.06,
        programs=2,
        policy=None,
    )
    return default._replace(**fields)


def quiet(text: str) -> None:
    """Reports to nobody."""


def test_runs() -> None:
    """Seeds for what draws numbers, a limit for what is timed, a program's methods together."""
    runs = list(runs_of(choice(counts=["all", "nontrivial"])))
    assert len(runs) == 2 * 2 * 3
    assert runs[0] == RULES
    first = [(run.method, run.seed, run.budget) for run in runs[:3]]
    assert first == [("three_rules", 0, None), ("annealing", 0, 0.06), ("annealing", 1, 0.06)]
    assert [run.count for run in runs[:6]] == ["all"] * 3 + ["nontrivial"] * 3
    assert len(list(runs_of(choice(programs=None)))) == 60 * 3


def test_timed_methods_may_play_some_programs_only() -> None:
    """Spread over the set, after `programs`; a set that is not named has all of them timed."""
    asked = choice(programs=20, seeds=[0], timed={"random_small": 4})
    played: dict[str, list[str]] = {method: [] for method in asked.methods}
    for run in runs_of(asked):
        played[run.method].append(run.program)
    assert len(played["three_rules"]) == 20
    assert played["annealing"] == ["00", "05", "10", "15"]
    elsewhere = asked._replace(timed={"random_large": 1})
    assert len(list(runs_of(elsewhere))) == 40


def test_measure() -> None:
    """The run, its graph, and what the method reached, with compilation apart."""
    found = measure(RULES, None)
    assert key(found) == ("random_small", "00", "three_rules", 0, "all", None)
    assert found["vertices"] >= 50 and len(found["fingerprint"]) == 16
    assert found["arrays"] is False
    assert found["trajectory"][-1] == (found["seconds"], found["cost"])
    assert found["warm_up_seconds"] > 0
    assert found["play_seconds"] >= found["seconds"]


def install(monkeypatch: pytest.MonkeyPatch, method: Method) -> None:
    """Puts a method in place of all of them."""
    monkeypatch.setattr(runner, "METHODS", dict.fromkeys(METHODS, method))


def test_the_first_call_is_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has a short limit and compiles; what has a fixed amount of work runs once."""
    asked: list[float] = []

    def play(trial: Trial) -> list[tuple[float, int]]:
        asked.append(trial.seconds)
        return [(0.5, 10 * len(asked))]

    install(monkeypatch, Method(play, is_timed=True))
    timed = Run("random_small", "00", "annealing", 0, "all", 7.0)
    assert measure(timed, None)["cost"] == 20
    assert asked == [runner.WARM_UP_SECONDS, 7.0]
    install(monkeypatch, Method(play, is_warmed_up=False))
    assert "warm_up_seconds" not in measure(RULES, None)
    assert asked[2:] == [0.0]
    install(monkeypatch, Method(play, warm_up=lambda trial: asked.append(-1.0) or []))
    assert measure(RULES, None)["warm_up_seconds"] >= 0
    assert asked[3:] == [-1.0, 0.0]


def test_what_a_method_cannot_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    """Is a line with the reason; a mistake is none."""

    def refuse(trial: Trial) -> Any:
        raise StructureLimitError("too many")

    install(monkeypatch, Method(refuse))
    found = measure(RULES, None)
    assert found["failed"] == "StructureLimitError: too many" and "cost" not in found
    assert describe(found) == (
        "random_small/00 all three_rules seed 0: StructureLimitError: too many"
    )

    def break_down(trial: Trial) -> Any:
        raise AssertionError("a mistake")

    install(monkeypatch, Method(break_down))
    with pytest.raises(AssertionError, match="a mistake"):
        measure(RULES, None)


def test_a_policy_plays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read from its file, once; its digest stands in its lines and in no others."""
    read: list[Path] = []

    def load(path: Path) -> tuple[str, dict[str, Any]]:
        read.append(path)
        return "the policy", {}

    def play(trial: Trial) -> list[tuple[float, int]]:
        return [(0.1, 3 if trial.policy == "the policy" else 4)]

    methods = {"rule": Method(play), "player": Method(play, needs_policy=True)}
    monkeypatch.setattr(checkpoint, "load_policy", load)
    for module in (runner, pace):
        monkeypatch.setattr(module, "METHODS", methods)
    path = tmp_path / "policy.eqx"
    wanted = choice(methods=list(methods), policy=path)
    found = run_all(wanted, tmp_path / "lines.jsonl", WHERE, report=quiet)
    assert [(x["cost"], x["policy"]) for x in found] == [(4, None), (3, "0123")] * 2
    assert read == [path]


@pytest.mark.slow
def test_the_shipped_kind_of_policy_plays(tmp_path: Path) -> None:
    """A file of save_policy, through the functions that are there."""
    path = tmp_path / "policy.eqx"
    checkpoint.save_policy(path, tiny_policy())
    wanted = choice(methods=["policy_greedy"], programs=1, policy=path)
    (found,) = run_all(wanted, tmp_path / "lines.jsonl", WHERE, report=quiet)
    assert found["cost"] > 0 and found["warm_up_seconds"] > 0


def test_a_second_call_measures_what_is_missing(tmp_path: Path) -> None:
    """Nothing of what is there; another limit, seed or program is another run."""
    path = tmp_path / "lines.jsonl"
    told: list[str] = []
    first = run_all(choice(), path, WHERE, report=told.append)
    assert len(first) == 6 and len(told) == 7
    assert told[0] == "6 runs, about 0 min"
    assert told[1].startswith("1 of 6: random_small/00 all three_rules seed 0: ")
    assert told[1].endswith("; about 0 min left")
    whole = path.read_bytes()
    again = run_all(choice(), path, WHERE, report=told.append)
    assert path.read_bytes() == whole and len(again) == 6 and len(told) == 7
    more = run_all(choice(seconds=0.07, programs=1), path, WHERE, report=told.append)
    assert [x["budget"] for x in more[6:]] == [0.07, 0.07]


def test_what_is_left_is_estimated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By what alike runs took, the time limit and usual times; jobs share the work."""
    method = METHODS["annealing"]
    methods = {"annealing": method, "three_rules": method._replace(is_timed=False)}
    for module in (runner, pace):
        monkeypatch.setattr(module, "METHODS", methods)

    def measured(run: Run, policy: Path | None) -> dict[str, Any]:
        assert policy is None
        fields = {name: getattr(run, name) for name in ("set", "seed", "budget")}
        (graph,) = (x.graph for x in read_set(run.set) if x.name == run.program)
        fields["fingerprint"] = graph.fingerprint
        return line(run.program, run.method, (1.0, 5), **fields) | {"play_seconds": 180.0}

    monkeypatch.setattr(runner, "measure", measured)
    told: list[str] = []
    run_all(choice(seconds=60.0), tmp_path / "a", WHERE, report=told.append)
    # Two programs with two seeds of both methods, a rule first: 4 x 0.2 s + 4 x 60 s.
    assert told[0] == "8 runs, about 4 min"
    left = [text.rpartition("; ")[2] for text in told[1:]]
    assert left == [f"about {minutes} min left" for minutes in (13, 10, 15, 12, 9, 6, 3, 0)]
    told.clear()
    run_all(choice(seconds=60.0, seeds=[0, 1, 2]), tmp_path / "a", WHERE, report=told.append)
    assert told[0] == "4 runs, about 12 min"


def test_a_truncated_line_is_measured_again(tmp_path: Path) -> None:
    """The lines before it stay as they are."""
    path = tmp_path / "lines.jsonl"
    wanted = choice(methods=["three_rules"])
    run_all(wanted, path, WHERE, report=quiet)
    first, second = path.read_text().splitlines(keepends=True)
    path.write_text(first + second[:-9])
    lines = run_all(wanted, path, WHERE, report=quiet)
    assert path.read_text().startswith(first)
    assert [x["program"] for x in read_lines(path)] == [x["program"] for x in lines] == ["00", "01"]


def test_results_of_other_programs_are_refused(tmp_path: Path) -> None:
    """A set that was drawn anew is not the same set."""
    path = tmp_path / "lines.jsonl"
    append_line(path, line("00", "three_rules", (0.1, 5), set="random_small"))
    with pytest.raises(FileError, match=r"random_small/00 with the graph f00d, expected [0-9a-f]+"):
        run_all(choice(), path, WHERE, report=quiet)


def test_results_of_other_machines_are_refused(tmp_path: Path) -> None:
    """Before anything is measured."""
    path = tmp_path / "lines.jsonl"
    append_line(path, line("a", "three_rules", (0.1, 5), machine="Other CPU"))
    with pytest.raises(FileError, match="measured with machine 'Other CPU'"):
        run_all(choice(), path, WHERE, report=quiet)
    assert len(read_lines(path)) == 1


@pytest.mark.slow
def test_several_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same costs as in one."""
    monkeypatch.syspath_prepend(ROOT)  # For the other processes.
    costs = []
    for jobs in (1, 2):
        path = tmp_path / f"{jobs}.jsonl"
        wanted = choice(methods=["three_rules", "all_rules"])
        lines = run_all(wanted, path, WHERE, jobs=jobs, report=quiet)
        costs.append({key(x): x["cost"] for x in lines})
    assert costs[0] == costs[1] and len(costs[0]) == 4


@pytest.mark.slow
def test_a_killed_process_loses_one_run_at_most(tmp_path: Path) -> None:
    """SIGKILL in the midst of it; the same command goes on."""
    words = [sys.executable, "-m", "benchmarks.learning", "--sets", "random_small"]
    words += ["--methods", "three_rules", "annealing", "--seeds", "1", "--seconds", "0.3"]
    words += ["--programs", "5", "--out", str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"}
    path = tmp_path / "lines.jsonl"
    with subprocess.Popen(
        words, cwd=ROOT, env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
    ) as process:
        assert process.stderr is not None
        told = 0
        while told < 3:
            told += b" of 10: " in process.stderr.readline()
        process.send_signal(signal.SIGKILL)
    kept = read_lines(path)
    assert 3 <= len(kept) < 10
    subprocess.run(words, cwd=ROOT, env=environment, check=True, capture_output=True)
    lines = read_lines(path)
    assert lines[: len(kept)] == kept
    assert len({key(x) for x in lines}) == len(lines) == 10
