"""Stages as processes: locks, SIGTERM, and the end of the parent."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from elimax.interpreter.orders.order_cache import cache_folder
from elimax.pipeline.checkout.files import Layout
from elimax.pipeline.checkout.process import stage_process
from elimax.pipeline.errors import FileError, StageError
from support.repository import ROOT

CHILD = """
import pathlib, sys, time
from elimax.pipeline.checkout.files import Layout
from elimax.pipeline.checkout.process import stage_process
folder = pathlib.Path(sys.argv[1])
try:
    with stage_process(Layout(folder), "finetune", "x"):
        (folder / "started").write_text("")
        time.sleep(30)
finally:
    (folder / "closed").write_text("")
"""

PARENT = """
import subprocess, sys
subprocess.Popen([sys.executable, "-c", sys.argv[2], sys.argv[1]]).wait()
"""


def _wait_for(path: Path) -> None:
    deadline = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} did not appear"
        time.sleep(0.02)


def test_a_stage_runs_once_at_a_time(layout: Layout) -> None:
    """A second process of the same stage and task is refused; another task or seed is not."""
    with stage_process(layout, "finetune", "x"):
        for other in (("y",), ("x", 0)):
            with stage_process(layout, "finetune", *other):
                pass
        message = rf"finetune@x is already running as process {os.getpid()}: wait until it ends"
        with pytest.raises(StageError, match=message), stage_process(layout, "finetune", "x"):
            pass
    with stage_process(layout, "finetune", "x", 3):
        message = r"finetune@x-3 is already running"
        with pytest.raises(StageError, match=message), stage_process(layout, "finetune", "x", 3):
            pass


def test_a_stage_sees_no_order_cache(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the user has computed before changes no result."""
    monkeypatch.setenv("ELIMAX_CACHE_DIR", str(layout.root / "cache"))
    assert cache_folder() == layout.root / "cache"
    with stage_process(layout, "finetune", "x"):
        assert cache_folder() is None
    assert cache_folder() == layout.root / "cache"


def test_a_lock_that_cannot_be_written_is_one_line(layout: Layout) -> None:
    """As on a full disk, or where a file is in the way."""
    layout.state.write_text("a file")
    message = r"cannot write .*finetune@x.lock: .*; free some space or check the permissions"
    with pytest.raises(FileError, match=message), stage_process(layout, "finetune", "x"):
        pass


COMPILE = """
import pathlib, sys
import jax
from elimax.pipeline.checkout.files import Layout
from elimax.pipeline.checkout.process import stage_process
with stage_process(Layout(pathlib.Path(sys.argv[1])), sys.argv[2], "x"):
    print(jax.config.jax_compilation_cache_dir)
"""


@pytest.mark.parametrize(("stage", "folder"), [("finetune", ".state/compiled"), ("evaluate", None)])
def test_only_stages_that_play_share_compiled_functions(
    tmp_path: Path, stage: str, folder: str | None
) -> None:
    """Below DVC a training finds what another compiled; a stage that times compiling does not."""
    result = subprocess.run(
        [sys.executable, "-c", COMPILE, str(tmp_path), stage],
        cwd=ROOT,
        env={**os.environ, "DVC_STAGE": f"{stage}@x"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.strip() == str(tmp_path / folder if folder else None)


def test_sigterm_is_an_ordinary_exit(layout: Layout) -> None:
    """Open files and runs are closed, and the old handler is back afterwards."""
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as caught, stage_process(layout, "finetune", "x"):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(1)
    assert caught.value.code == 143
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is of Linux")
def test_a_stage_ends_with_its_parent(layout: Layout) -> None:
    """Kill -9 of DVC ends the stage too, cleanly, and the lock is free again."""
    environment = {**os.environ, "DVC_STAGE": "finetune@x", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", PARENT, str(layout.root), CHILD]
    with subprocess.Popen(command, env=environment) as parent:
        _wait_for(layout.root / "started")
        parent.kill()
    _wait_for(layout.root / "closed")
    with stage_process(layout, "finetune", "x"):
        pass
