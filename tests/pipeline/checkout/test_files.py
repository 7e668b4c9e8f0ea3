"""Reading and writing of the pipeline's files."""

import errno
import json
import os
from pathlib import Path

import pytest

from elimax.pipeline.checkout.files import (
    Layout,
    item_name,
    read_csv,
    read_json,
    stem,
    write_csv,
    write_json,
)
from elimax.pipeline.errors import FileError

COMMAND = "elimax extract x"


def test_json_is_sorted_versioned_and_ends_with_a_newline(tmp_path: Path) -> None:
    """Equal content is equal bytes, whatever the order of the keys was."""
    write_json(tmp_path / "a/x.json", {"b": 1, "a": [1, 2]})
    write_json(tmp_path / "a/y.json", {"a": [1, 2], "b": 1})
    text = (tmp_path / "a/x.json").read_text()
    assert text == (tmp_path / "a/y.json").read_text()
    assert text.startswith('{\n "a"') and text.endswith("}\n")
    assert read_json(tmp_path / "a/x.json", COMMAND, ("a",)) == {"schema": 1, "a": [1, 2], "b": 1}


def test_csv_round_trip(tmp_path: Path) -> None:
    """Columns are sorted, whatever the order of the keys is; missing cells stay away."""
    rows = [{"y": 0.5, "x": 1}, {"x": 2, "z": 3}]
    write_csv(tmp_path / "c.csv", rows)
    assert (tmp_path / "c.csv").read_bytes() == b"x,y,z\n1,0.5,\n2,,3\n"
    assert read_csv(tmp_path / "c.csv", COMMAND) == rows


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "does not exist; write it with: elimax extract x"),
        ('{"schema": 1, "a"', "is truncated or not JSON (line 1:"),
        ("[" * 100_000, "is not readable JSON (maximum recursion depth"),
        ("9" * 5_000, "is not readable JSON (Exceeds the limit"),
        ('{"schema": 2, "a": 1}', "has schema version 2, expected 1; write it with"),
        ("[1]", "has schema version None, expected 1"),
        ('{"schema": 1}', "lacks the key 'a'; write it with"),
    ],
)
def test_broken_json_is_refused(tmp_path: Path, text: str | None, message: str) -> None:
    """Missing, torn, foreign and incomplete files each give one line with the command."""
    path = tmp_path / "x.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(FileError) as caught:
        read_json(path, COMMAND, ("a",))
    assert message in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["x,y\n1,two\n", "x,y\n1,2,3\n"])
def test_broken_csv_is_refused(tmp_path: Path, text: str) -> None:
    """A row that is no row of numbers is named by its line."""
    (tmp_path / "c.csv").write_text(text)
    with pytest.raises(
        FileError, match="is truncated: line 2 is not a row of numbers; write it with"
    ):
        read_csv(tmp_path / "c.csv", COMMAND)


def test_what_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    """A file that fills the memory, a link to itself, a folder."""
    large, loop = tmp_path / "large.json", tmp_path / "loop.json"
    with large.open("wb") as file:
        file.truncate(200_000_000)  # Takes no room on the disk.
    loop.symlink_to(loop)
    for path, reason in (
        (large, "has 200 MB, expected at most 100 MB; write it with: make"),
        (loop, r"cannot be read \(Too many levels of symbolic links\); write it with: make"),
        (tmp_path, r"cannot be read \(Is a directory\); write it with: make"),
    ):
        with pytest.raises(FileError, match=reason):
            read_json(path, "make")


def test_failed_write_leaves_the_old_file_and_no_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that is stopped while it writes changes nothing."""
    path = tmp_path / "x.json"
    write_json(path, {"a": 1})

    def stop(number: int) -> None:
        raise SystemExit(143)

    monkeypatch.setattr("os.fsync", stop)
    with pytest.raises(SystemExit):
        write_json(path, {"a": 2})
    assert json.loads(path.read_text())["a"] == 1
    assert os.listdir(tmp_path) == ["x.json"]


def test_full_disk_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ENOSPC names the file and what to do."""

    def full(number: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(FileError, match=r"cannot write .*x\.json: No space left on device; free"):
        write_json(tmp_path / "x.json", {})
    assert os.listdir(tmp_path) == []


def test_not_a_number_is_not_written(tmp_path: Path) -> None:
    """NaN is not JSON; a program error must not become a broken file."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "x.json", {"a": float("nan")})
    assert os.listdir(tmp_path) == []


def test_stems_are_safe_file_names() -> None:
    """Tasks of one's own give file names without separators."""
    assert stem("roe_flux_1d") == "roe_flux_1d"
    assert stem("my.module:function") == "my.module.function"
    assert stem("../../etc:x") == "etc.x"


def test_layout_is_found_upwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The nearest folder with params.yaml is the checkout, and ELIMAX_ROOT goes before it."""
    monkeypatch.delenv("ELIMAX_ROOT", raising=False)
    (tmp_path / "params.yaml").touch()
    (tmp_path / "a/b").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "a/b")
    assert Layout.find().root == tmp_path
    monkeypatch.setenv("ELIMAX_ROOT", str(tmp_path / "a"))
    assert Layout.find() == Layout(tmp_path / "a")
    assert Layout.find().shown(tmp_path / "a/b/c") == "b/c"


def test_items_are_named_as_dvc_names_its_stages() -> None:
    """The task, and the seed behind a dash."""
    assert item_name("mlp") == "mlp"
    assert item_name("package.module:f", 3) == "package.module.f-3"
