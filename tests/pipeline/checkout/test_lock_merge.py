"""Merging dvc.lock."""

import functools
import http.server
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from elimax.pipeline.checkout.lock_merge import main, merge_locks
from elimax.pipeline.checkout.yaml_text import parse_yaml
from support.repository import ROOT
from support.scratch_checkout import commit, git, make_checkout

OLD, NEW, OTHER = ({"cmd": "x", "outs": [{"md5": md5}]} for md5 in ("old", "new", "other"))

DRIVER = f"{sys.executable} -m elimax.pipeline.checkout.lock_merge %O %A %B"


def lock(**stages: Any) -> dict[str, Any]:
    """The content of a dvc.lock."""
    return {"schema": "2.0", "stages": stages}


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "merged", "clashes"),
    [
        ({"a": OLD}, {"a": OLD}, {"a": NEW}, {"a": NEW}, []),
        ({"a": OLD}, {"a": NEW}, {"a": OLD}, {"a": NEW}, []),
        ({"a": OLD}, {"a": NEW}, {"a": NEW}, {"a": NEW}, []),
        ({"a": OLD}, {"a": NEW}, {"a": OTHER}, {"a": NEW}, ["a"]),
        ({}, {"a": NEW}, {"b": NEW}, {"a": NEW, "b": NEW}, []),
        ({}, {"a": NEW}, {"a": OTHER}, {"a": NEW}, ["a"]),
        ({"a": OLD}, {}, {"a": OLD}, {}, []),
        ({"a": OLD}, {"a": OLD}, {}, {}, []),
        ({"a": OLD}, {}, {"a": NEW}, {"a": NEW}, ["a"]),
    ],
)
def test_stages(base: Any, ours: Any, theirs: Any, merged: Any, clashes: list[str]) -> None:
    """What one side has changed counts; where both have, ours does."""
    result = merge_locks(lock(**base), lock(**ours), lock(**theirs))
    assert result.content == lock(**merged)
    assert result.clashes == clashes


def test_nothing_before() -> None:
    """Git gives an empty file where there is no common ancestor."""
    assert merge_locks({}, lock(a=NEW), lock(b=NEW)).content == lock(a=NEW, b=NEW)


def test_layout_stays(tmp_path: Path) -> None:
    """A file comes back byte by byte as DVC wrote it."""
    paths = [tmp_path / name for name in ("base", "ours", "theirs")]
    for path in paths:
        path.write_bytes((ROOT / "dvc.lock").read_bytes())
    assert main([str(path) for path in paths]) == 0
    assert paths[1].read_bytes() == (ROOT / "dvc.lock").read_bytes()


@pytest.mark.parametrize("text", ["a: [", "- a", "stages: 3", None])
def test_a_broken_file(
    tmp_path: Path, text: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    """Git is told to leave the conflict to its user, and ours is as it was."""
    paths = [tmp_path / name for name in ("base", "ours", "theirs")]
    for path in paths:
        path.write_text("stages: {}\n")
    if text is None:
        paths[2].unlink()
    else:
        paths[2].write_text(text)
    assert main([str(path) for path in paths]) == 1
    assert paths[1].read_text() == "stages: {}\n"
    assert capsys.readouterr().err.startswith(f"dvc.lock: {paths[2]} ")


def test_words_are_missing(capsys: pytest.CaptureFixture[str]) -> None:
    """Called by hand without files, it says what it needs."""
    assert main([]) == 1
    assert capsys.readouterr().err == "0 files given; must be three: BASE OURS THEIRS\n"


def test_git_calls_it(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Two branches add stages that look alike, and both run one."""
    path = tmp_path / "dvc.lock"
    git(tmp_path, "init", "--quiet", "--initial-branch=ours")
    git(tmp_path, "config", "merge.dvc-lock.driver", DRIVER)
    (tmp_path / ".gitattributes").write_bytes((ROOT / ".gitattributes").read_bytes())
    head = "schema: '2.0'\nstages:\n  both:\n    cmd: x\n"
    stage = "  {0}:\n    cmd: y {0}\n    params:\n      params.yaml:\n        count: all\n"
    path.write_text(head)
    commit(tmp_path)
    git(tmp_path, "switch", "--quiet", "--create", "theirs")
    for branch in ("theirs", "ours"):
        git(tmp_path, "switch", "--quiet", branch)
        path.write_text(head.replace("x", branch) + stage.format(f"on_{branch}"))
        commit(tmp_path)
    capfd.readouterr()
    git(tmp_path, "merge", "--quiet", "--message", "Both", "theirs")
    assert "both sides have run both; ours is kept" in capfd.readouterr().err
    assert path.read_text() == (
        head.replace("x", "ours") + stage.format("on_ours") + stage.format("on_theirs")
    )


class Shelf(http.server.SimpleHTTPRequestHandler):
    """A server that keeps what it is sent."""

    def do_POST(self) -> None:
        """Writes a file."""
        path = Path(self.translate_path(self.path))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"".join(self._parts()))
        self.send_response(201)
        self.end_headers()

    def _parts(self) -> Iterator[bytes]:
        if "Content-Length" in self.headers:
            yield self.rfile.read(int(self.headers["Content-Length"]))
            return
        while size := int(self.rfile.readline(), 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def log_message(self, format: str, *args: Any) -> None:
        """Prints nothing."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """The address of such a server."""
    (tmp_path / "shelf").mkdir()
    handler = functools.partial(Shelf, directory=str(tmp_path / "shelf"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as found:
        threading.Thread(target=found.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{found.server_address[1]}/"
        found.shutdown()


@pytest.mark.slow
def test_machines_without_a_common_folder(tmp_path: Path, server: str) -> None:
    """The recipe of docs/howto/cluster.md: two machines run a task each, a third has it all."""
    first = tmp_path / "first"
    make_checkout(first)

    def dvc(root: Path, *words: str) -> str:
        return subprocess.run(
            [sys.executable, "-m", "dvc", *words],
            cwd=root,
            env={"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "PYTHONPATH": str(root)},
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    (first / ".gitattributes").write_bytes((ROOT / ".gitattributes").read_bytes())
    dvc(first, "remote", "add", "--default", "lab", server)
    dvc(first, "repro", "extract", "pretrain")
    dvc(first, "push")
    commit(first)
    for task in ("mlp", "lstm_rollout"):
        git(tmp_path, "clone", "--quiet", "first", task)
        dvc(tmp_path / task, "pull", "--allow-missing")
        assert "Running stage 'extract" not in dvc(tmp_path / task, "repro", f"evaluate@{task}")
        dvc(tmp_path / task, "push")
        commit(tmp_path / task)
    git(first, "config", "merge.dvc-lock.driver", DRIVER)
    for task in ("mlp", "lstm_rollout"):
        git(first, "pull", "--quiet", "--no-rebase", "--no-edit", f"../{task}", "HEAD")
    stages = set(parse_yaml((first / "dvc.lock").read_text(), "dvc.lock")["stages"])
    assert {"evaluate@mlp", "evaluate@lstm_rollout", "finetune@mlp-0"} <= stages
    dvc(first, "pull", "--allow-missing")
    done = dvc(first, "repro")
    ran = [line for line in done.splitlines() if line.startswith("Running stage")]
    assert ran == ["Running stage 'fingerprint':", "Running stage 'report':"]
