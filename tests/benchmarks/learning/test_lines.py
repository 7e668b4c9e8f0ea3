"""The file of results: what is appended is read, and what was truncated does no harm."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.learning import lines
from benchmarks.learning.lines import append_line, check_lines, environment, key, read_lines, repair
from elimax.pipeline.errors import FileError
from support.learning_lines import WHERE, line

ONE, TWO = line("a", "all_rules", (0.1, 7)), line("b", "annealing", (0.5, 9), budget=1.0, seed=3)


def test_lines_come_back(tmp_path: Path) -> None:
    """In their sequence, each whole line on the disk when the call returns; no file is no lines."""
    path = tmp_path / "new" / "lines.jsonl"
    assert read_lines(path) == []
    append_line(path, ONE)
    assert path.read_text().count("\n") == 1
    append_line(path, TWO)
    assert read_lines(path) == [ONE, TWO]
    assert key(TWO) == ("small", "b", "annealing", 3, "all", 1.0)


@pytest.mark.parametrize("kept", [1, 20, -1])
def test_truncated_last_line(tmp_path: Path, kept: int) -> None:
    """Is left out when read and removed by a repair; the next line stands on its own."""
    path = tmp_path / "lines.jsonl"
    append_line(path, ONE)
    whole = path.read_bytes()
    append_line(path, TWO)
    path.write_bytes(whole + path.read_bytes()[len(whole) :][:kept])
    assert read_lines(path) == [ONE]
    repair(path)
    assert path.read_bytes() == whole
    append_line(path, TWO)
    assert read_lines(path) == [ONE, TWO]


def test_repair_leaves_whole_files_alone(tmp_path: Path) -> None:
    """And files that are not there; a file of one truncated line becomes empty."""
    path = tmp_path / "lines.jsonl"
    repair(path)
    assert not path.exists()
    append_line(path, ONE)
    repair(path)
    assert read_lines(path) == [ONE]
    path.write_text('{"set"')
    repair(path)
    assert path.read_bytes() == b""


@pytest.mark.parametrize("text", ["nonsense", "[1]", json.dumps({**ONE, "extra": 1})[:-1] + ",}"])
def test_a_line_that_is_no_result(tmp_path: Path, text: str) -> None:
    """The message has its number and what to do."""
    path = tmp_path / "lines.jsonl"
    append_line(path, ONE)
    path.write_text(path.read_text() + text + "\n")
    with pytest.raises(FileError, match=r"line 2 of .*lines\.jsonl is not a result; remove the"):
        read_lines(path)


@pytest.mark.parametrize("name", ["vertices", "policy", "budget"])
def test_a_line_that_lacks_a_field(tmp_path: Path, name: str) -> None:
    """Is not a result."""
    path = tmp_path / "lines.jsonl"
    append_line(path, {x: value for x, value in ONE.items() if x != name})
    with pytest.raises(FileError, match="line 1 of"):
        read_lines(path)


def test_file_that_cannot_be_read(tmp_path: Path) -> None:
    """A folder of that name."""
    with pytest.raises(FileError, match=r"cannot be read .* give another --out"):
        read_lines(tmp_path)


@pytest.mark.parametrize(
    ("field", "value", "shown"),
    [
        ("machine", "Other CPU", "machine 'Other CPU', expected 'Some CPU'"),
        ("versions", {"jax": "0.1"}, "versions {'jax': '0.1'}, expected"),
        ("xla_flags", "--fast", "xla_flags '--fast', expected ''"),
        ("policy", "9999", "policy '9999', expected '0123'"),
    ],
)
def test_what_was_measured_elsewhere_is_refused(field: str, value: Any, shown: str) -> None:
    """With both values and the remedy."""
    with pytest.raises(FileError) as refusal:
        check_lines(Path("x.jsonl"), [ONE, {**ONE, field: value}], WHERE)
    assert f"x.jsonl was measured with {shown}" in str(refusal.value)
    assert "give another folder with --out, or remove the file" in str(refusal.value)


def test_policies_matter_where_they_play() -> None:
    """Neither a rule nor a command without a policy depends on one; commits may differ."""
    check_lines(Path("x"), [{**ONE, "policy": None, "commit": "other"}], WHERE)
    check_lines(Path("x"), [ONE], {**WHERE, "policy": None})


def test_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names the machine, the versions, the flags and the policy's content."""
    monkeypatch.setenv("XLA_FLAGS", "--mine")
    policy = tmp_path / "p.eqx"
    policy.write_bytes(b"1")
    first = environment(policy)
    assert first["machine"] and first["cores"] and first["versions"]["jax"]
    assert first["xla_flags"] == "--mine" and set(first) == set(WHERE)
    policy.write_bytes(b"2")
    assert environment(policy)["policy"] != first["policy"]
    assert environment(None)["policy"] is None


def test_fields_of_the_key_are_required() -> None:
    """A run is told from others by fields that every line has."""
    assert set(lines.KEY) <= set(ONE)
