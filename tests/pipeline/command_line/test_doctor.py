"""Command doctor: what is there, what is missing, what is wrong."""

import json
import shutil
from pathlib import Path

import jax
import pytest

import elimax
from elimax.pipeline import xla_flags
from elimax.pipeline.checkout.files import Layout
from elimax.pipeline.command_line import cli, doctor
from elimax.pipeline.command_line.doctor import Finding, examine, lines


def found(environment: dict[str, str] | None = None) -> dict[str, Finding]:
    """The findings by what was looked at."""
    return {finding.what: finding for finding in examine(environment or {})}


def call(*arguments: str) -> int:
    """The exit code of `elimax doctor`."""
    with pytest.raises(SystemExit) as caught:
        cli.run(["doctor", *arguments])
    return int(caught.value.code or 0)


def test_what_is_there(layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    """Versions, devices, flags, caches, tracking: one line each, and JSON of the same."""
    findings = found({"XLA_FLAGS": "--a=1", "WANDB_MODE": "disabled"})
    assert findings["elimax"].found.startswith(elimax.__version__)
    assert f"jax {jax.__version__}" in findings["packages"].found
    assert findings["devices"].found.startswith("cpu (cpu)")
    assert findings["XLA_FLAGS"].found == "--a=1"
    assert findings["checkout"].found.startswith(str(layout.root))
    assert findings["W&B"].found.startswith("mode disabled, 0 runs")
    assert not [x for x in findings.values() if x.level == "wrong"]
    assert call("--json") == 0
    assert {entry["what"] for entry in json.loads(capsys.readouterr().out)} >= {"elimax", "W&B"}
    assert call() == 0
    assert capsys.readouterr().out.startswith("ok     elimax")


def test_what_is_wrong(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong variable, a disk that is full, a package that is missing; each with what to do."""
    assert found({"WANDB_MODE": "of"})["W&B"].level == "wrong"
    usage = shutil.disk_usage(layout.root)._replace(free=10**8)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: usage)
    full = found()["free disk"]
    assert (full.level, full.advice) == ("wrong", "free some space: elimax clean")
    monkeypatch.setenv("WANDB_MODE", "of")
    assert call() == 1


def test_what_is_missing(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """Packages of an extra are a note, those of the core are wrong."""
    known = doctor._version
    absent = {"optax", "wandb"}
    monkeypatch.setattr(doctor, "_version", lambda name: None if name in absent else known(name))
    findings = found()
    assert findings["extra learn"] == Finding(
        "extra learn", "missing: optax", "note", "pip install 'elimax[learn]'"
    )
    assert findings["extra pipeline"].found == "missing: wandb"
    absent.add("numba")
    assert found()["packages"] == Finding(
        "packages", "missing: numba", "wrong", "pip install elimax"
    )


def test_flags(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """What elimax's commands add, a program of one's own lacks."""
    monkeypatch.setattr(xla_flags, "added_flags", ["--b="])
    monkeypatch.setattr(doctor, "added_flags", ["--b="])
    assert "add --b=:" in found()["numbers"].found
    assert "fusion" not in found({"XLA_FLAGS": f"--x={xla_flags.MULTI_OUTPUT_FUSION}"})


def test_without_a_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library works anywhere; stages do not."""
    monkeypatch.delenv("ELIMAX_ROOT", raising=False)
    monkeypatch.chdir(tmp_path)
    assert found()["checkout"] == Finding(
        "checkout", "none here", "note", "stages need a clone of the repository"
    )


def test_lines_have_the_advice_below() -> None:
    """Aligned, the advice under what was found."""
    assert lines([Finding("a", "b"), Finding("long", "c", "wrong", "mend it")]) == [
        "ok     a     b",
        "wrong  long  c",
        "             -> mend it",
    ]
