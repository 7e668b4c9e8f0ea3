"""The command `python -m benchmarks.ecosystem`."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.ecosystem import __main__ as command
from support.ecosystem_rows import FAILED, stages


def test_cases_by_name_and_by_package() -> None:
    """Either chooses; nothing chooses all."""
    chosen = command.parse(["path_signature", "tinygp"]).cases
    assert {case.package for case in chosen} == {"signax", "tinygp"}
    assert len(command.parse([]).cases) > len(chosen) > 2


@pytest.mark.parametrize(
    ("words", "message"),
    [(["nothing"], "no case or package nothing: --list"), (["--jobs", "0"], "must be positive")],
)
def test_wrong_arguments(words: Any, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What is refused, and what to do."""
    with pytest.raises(SystemExit):
        command.parse(words)
    assert message in capsys.readouterr().err


def test_list(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is installed for it."""
    assert command.main(["--list", "signax"]) == 0
    assert capsys.readouterr().out == "path_signature (signax)\n"


@pytest.mark.parametrize(("changed", "status"), [({}, 0), ({"auto": FAILED}, 1)])
def test_table_json_and_exit_status(
    changed: Any,
    status: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Non-zero if anything is not right."""
    monkeypatch.setattr(command, "run_case", lambda words, seconds: stages(**changed))
    place = tmp_path / "out" / "result.json"
    words = ["signax", "--python", sys.executable, "--json", str(place)]
    assert command.main(words) == status
    result = json.loads(place.read_text())
    assert [row["name"] for row in result["cases"]] == ["path_signature"]
    assert result["versions"]["jax"]
    assert "path_signature  signax" in capsys.readouterr().out


def test_packages_that_cannot_be_installed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Says so in a line below what pip has said."""

    def fail() -> Path:
        raise subprocess.CalledProcessError(7, ["pip"])

    monkeypatch.setattr(command, "prepare", fail)
    assert command.main(["signax"]) == 2
    assert "cannot be installed (exit status 7): packages.txt is for" in capsys.readouterr().err
