"""`make faults`: what it takes for a problem, with a stage that is a few lines of Python."""

import sys
from pathlib import Path

import pytest

from benchmarks import faults
from elimax.pipeline.checkout.files import Layout

PROGRAM = """
import pathlib, signal, sys, time
mode = pathlib.Path("mode").read_text()
if mode == "fails":
    sys.exit("error: it fails")
if mode == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if mode == "crashes":
    signal.signal(signal.SIGTERM, lambda *rest: sys.exit(7))
lock = pathlib.Path("lock")
if mode == "refuses" and lock.exists():
    sys.exit("error: x is already running as process 1")
lock.write_text("")
time.sleep({"deaf": 1.6, "crashes": 1.6, "refuses": 0.6}.get(mode, 0.05))
lock.unlink(missing_ok=True)
out = pathlib.Path("out")
out.write_text(str(time.time_ns()) if mode == "random" else "same")
"""

STAGE = faults.Stage("x", ("x",), ("out",))


@pytest.fixture
def checkout(tmp_path: Path) -> faults.Checkout:
    """A folder with the program above as its only stage."""
    (tmp_path / "stage.py").write_text(PROGRAM)
    (tmp_path / "mode").write_text("well")
    return faults.Checkout(Layout(tmp_path), [sys.executable, "stage.py"])


def problems(checkout: faults.Checkout, tries: int = 2) -> dict[str, set[str]]:
    """What was wrong by fault; an empty text where nothing was."""
    found: dict[str, set[str]] = {}
    for outcome in faults.outcomes(checkout, [STAGE], tries, 0, lambda line: None):
        found.setdefault(outcome.fault, set()).add(outcome.problem)
    return found


def test_a_good_stage_survives(checkout: faults.Checkout) -> None:
    """All faults are tried."""
    assert problems(checkout) == {
        "none": {""}, "kill -9, started again": {""}, "SIGTERM": {""}, "two at once": {""}
    }  # fmt: skip


def test_other_bytes_are_seen(checkout: faults.Checkout, tmp_path: Path) -> None:
    """A stage whose result is another one each time."""
    (tmp_path / "mode").write_text("random")
    found = problems(checkout, 1)
    assert "other bytes in out" in next(iter(found["kill -9, started again"]))
    assert found["two at once"] == {"other bytes in out"}


def test_a_stage_that_fails_is_not_tried_further(checkout: faults.Checkout, tmp_path: Path) -> None:
    """Its last line is shown."""
    (tmp_path / "mode").write_text("fails")
    assert problems(checkout) == {"none": {"exit code 1: error: it fails"}}


@pytest.mark.parametrize(("mode", "problem"), [("deaf", "took"), ("crashes", "exit code 7")])
def test_signals_that_are_not_obeyed(
    checkout: faults.Checkout,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    mode: str,
    problem: str,
) -> None:
    """Too late, or with another exit code."""
    (tmp_path / "mode").write_text(mode)
    monkeypatch.setattr(faults, "TERMINATION_SECONDS", 0.01)
    assert problem in faults.terminated(checkout, STAGE, 1.0).problem


def test_the_second_of_two_may_be_refused(checkout: faults.Checkout, tmp_path: Path) -> None:
    """In the words of the lock; anything else is a problem."""
    (tmp_path / "mode").write_text("refuses")
    assert (
        faults.at_once(checkout, STAGE, {"out": faults.file_digest(_same(tmp_path))}).problem == ""
    )
    (tmp_path / "mode").write_text("fails")
    assert "it fails" in faults.at_once(checkout, STAGE, {}).problem


def _same(folder: Path) -> Path:
    path = folder / "wanted"
    path.write_text("same")
    return path


def test_the_table_counts() -> None:
    """One row a fault and stage, with what was wrong."""
    found = [faults.Outcome("a", "x", ""), faults.Outcome("a", "x", "bad")]
    assert faults.table(found).splitlines()[-1] == "| a | x | 2 | 1 | bad |"


def test_an_unknown_stage_is_wrong_usage() -> None:
    """It is named."""
    with pytest.raises(SystemExit) as caught:
        faults.main(["trane"])
    assert caught.value.code == 2
