"""Files of the library."""

from pathlib import Path

import pytest

from elimax.interpreter.errors import GraphFormatError
from elimax.interpreter.json_files import read_json, write_text


def test_round_trip(tmp_path: Path) -> None:
    """What is written replaces what was there, byte by byte, and leaves nothing else."""
    path = tmp_path / "plan.json"
    for text in ('{"a": 1}\n', '{"a": [2]}\n'):
        write_text(path, text)
        assert path.read_bytes() == text.encode()
    assert read_json(path) == {"a": [2]}
    assert list(tmp_path.iterdir()) == [path]


def test_failed_writes_leave_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a half-written file nor a temporary one."""

    def full(*paths: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match="no space left"):
        write_text(tmp_path / "plan.json", "{}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"9" * 5_000],
    ids=["empty", "torn", "binary", "deep", "long"],
)
def test_reading_says_what_is_wrong(tmp_path: Path, content: bytes) -> None:
    """A file that is no JSON is named."""
    (tmp_path / "plan.json").write_bytes(content)
    with pytest.raises(GraphFormatError, match=r"plan\.json is torn or no JSON .*: write the file"):
        read_json(tmp_path / "plan.json")


def test_files_that_are_not_there(tmp_path: Path) -> None:
    """The error of the system says all."""
    with pytest.raises(FileNotFoundError):
        read_json(tmp_path / "plan.json")
    with pytest.raises(FileNotFoundError):
        write_text(tmp_path / "folder" / "plan.json", "{}")
