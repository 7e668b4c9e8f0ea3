"""The files: kept, continued, refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import records
from benchmarks.records import TaskFile, collect, environment
from elimax.pipeline.errors import FileError
from support.jacobian_records import ENVIRONMENT


def change(path: Path, key: str, value: Any) -> None:
    """Changes what a file was measured with."""
    content = json.loads(path.read_text())
    content["environment"][key] = value
    path.write_text(json.dumps(content))


def test_environment_is_complete() -> None:
    """Everything that results are compared by, versions of all that computes, and where."""
    where = environment(["auto", "best"])
    assert set(records.COMPARED) <= set(where)
    assert {"python", "elimax", "jax", "jaxlib", "numpy"} <= set(where["versions"])
    assert where["machine"] == where["cpu"] and where["platform"] == "cpu"
    assert where["orders"] == ["auto", "best"] and len(where["code"]) == 16
    assert json.loads(json.dumps(where)) == where


def test_code_is_that_which_measures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer modules, another digest; every one of them exists."""
    before = environment([])["code"]
    monkeypatch.setattr(records, "MEASURING", records.MEASURING[1:])
    assert environment([])["code"] != before


def test_a_file_goes_on(tmp_path: Path) -> None:
    """What was measured is there again, under the name of a user's task too."""
    first = TaskFile(tmp_path, "module:f", "f", ENVIRONMENT)
    first.begin("a")
    first.end("a", {"batch": 2})
    first.end("noisy", {"refused": "too noisy"})
    first.leave_out("b", "no time")
    second = TaskFile(tmp_path, "module:f", "f", ENVIRONMENT)
    assert second.path.name == "module.f.json"
    assert second.cases["a"] == {"batch": 2} and second.content["left_out"] == {}
    assert second.has("a") and not second.has("b") and not second.has("noisy")
    assert collect(tmp_path, ENVIRONMENT)["module:f"]["left_out"] == {"b": "no time"}


def test_a_death_is_not_tried_again(tmp_path: Path) -> None:
    """A case during which the process ended has a reason in the place of figures."""
    TaskFile(tmp_path, "mlp", "f", ENVIRONMENT).begin("a")
    file = TaskFile(tmp_path, "mlp", "f", ENVIRONMENT)
    assert file.has("a") and "the process ended" in file.cases["a"]["failed"]["all"]


@pytest.mark.parametrize(
    "key", ["machine", "versions", "xla_flags", "matmul_precision", "code", "orders"]
)
def test_foreign_files_are_refused(tmp_path: Path, key: str) -> None:
    """One line says what differs and what to do, when a task begins and when all are collected."""
    file = TaskFile(tmp_path, "mlp", "f", ENVIRONMENT)
    file.end("a", {})
    change(file.path, key, "another")
    with pytest.raises(FileError, match=f"was measured with {key} 'another'") as caught:
        TaskFile(tmp_path, "mlp", "f", ENVIRONMENT)
    told = str(caught.value)
    assert "give another folder with --out, or remove the file" in told and "\n" not in told
    with pytest.raises(FileError, match="another"):
        collect(tmp_path, ENVIRONMENT)


def test_another_graph_is_refused(tmp_path: Path) -> None:
    """The same task may have changed."""
    TaskFile(tmp_path, "mlp", "f", ENVIRONMENT).end("a", {})
    with pytest.raises(FileError, match="was measured with fingerprint 'f', expected 'g'"):
        TaskFile(tmp_path, "mlp", "g", ENVIRONMENT)


def test_another_commit_is_no_reason(tmp_path: Path) -> None:
    """The program text counts; the commit is kept for the reader."""
    TaskFile(tmp_path, "mlp", "f", ENVIRONMENT).end("a", {})
    again = TaskFile(tmp_path, "mlp", "f", ENVIRONMENT | {"commit": "other"})
    assert again.content["environment"]["commit"] == ENVIRONMENT["commit"]


def test_broken_files_name_the_command(tmp_path: Path) -> None:
    """A truncated file is an error of one line."""
    (tmp_path / "mlp.json").write_text('{"schema": 1,')
    with pytest.raises(FileError, match=r"python -m benchmarks\.jacobians --out DIR"):
        TaskFile(tmp_path, "mlp", "f", ENVIRONMENT)
