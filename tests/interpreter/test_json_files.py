"""Files of the library."""

from pathlib import Path

import pytest

from elimax.interpreter.errors import GraphFormatError
from elimax.interpreter.json_files import read_json


def test_content_is_read(tmp_path: Path) -> None:
    """A file gives what it holds."""
    (tmp_path / "plan.json").write_text('{"a": [2, "µ"]}\n', encoding="utf-8")
    assert read_json(tmp_path / "plan.json") == {"a": [2, "µ"]}


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"9" * 5_000],
    ids=["empty", "torn", "binary", "deep", "long"],
)
def test_reading_says_what_is_wrong(tmp_path: Path, content: bytes) -> None:
    """A file that is not JSON is named."""
    (tmp_path / "plan.json").write_bytes(content)
    with pytest.raises(
        GraphFormatError, match=r"plan\.json is truncated or not JSON .*: write the file"
    ):
        read_json(tmp_path / "plan.json")


def test_files_that_are_not_there(tmp_path: Path) -> None:
    """The error of the system says all."""
    with pytest.raises(FileNotFoundError):
        read_json(tmp_path / "plan.json")


def test_a_file_that_is_too_large(tmp_path: Path) -> None:
    """It is refused before it is read."""
    path = tmp_path / "plan.json"
    with path.open("wb") as file:
        file.truncate(200_000_000)
    with pytest.raises(GraphFormatError, match="has 200 MB, expected at most 100 MB"):
        read_json(path)
