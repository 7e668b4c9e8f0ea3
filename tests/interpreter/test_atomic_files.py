"""Files that are whole or not there."""

import os
from pathlib import Path

import pytest

from elimax.interpreter.atomic_files import write_atomically


def test_content_replaces_what_was_there(tmp_path: Path) -> None:
    """Bytes come through as they are, and no other file stays behind."""
    path = tmp_path / "plan.json"
    for content in (b'{"a": 1}\r\n', b"\x00\xff", b""):
        write_atomically(path, content)
        assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_the_umask_decides_the_mode(tmp_path: Path, umask: int) -> None:
    """Whoever may read other new files may read this one, even if it replaces a private one."""
    path = tmp_path / "results.json"
    path.touch(0o600)
    before = os.umask(umask)
    try:
        write_atomically(path, b"{}")
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o666 & ~umask


@pytest.mark.parametrize("function", ["os.fsync", "os.replace"])
@pytest.mark.parametrize("error", [OSError("no space left"), SystemExit(143)])
def test_failed_writes_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str, error: BaseException
) -> None:
    """The old file stays as it was, and no temporary one is left, whatever stopped the write."""
    path = tmp_path / "plan.json"
    path.write_bytes(b"old")

    def fail(*arguments: object) -> None:
        raise error

    monkeypatch.setattr(function, fail)
    with pytest.raises(type(error), match=str(error)):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("durable", [True, False])
def test_durable_content_is_on_the_disk_before_the_rename(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, durable: bool
) -> None:
    """The content is flushed while the file still has its temporary name, if that is asked for."""
    path = tmp_path / "plan.json"
    flushed: list[tuple[bool, int]] = []

    def flush(number: int) -> None:
        flushed.append((path.exists(), os.fstat(number).st_size))

    monkeypatch.setattr("os.fsync", flush)
    write_atomically(path, b"content", durable=durable)
    assert flushed == ([(False, 7)] if durable else [])


def test_folders_are_not_made(tmp_path: Path) -> None:
    """The error of the system says that the folder does not exist."""
    with pytest.raises(FileNotFoundError):
        write_atomically(tmp_path / "folder" / "plan.json", b"{}")
