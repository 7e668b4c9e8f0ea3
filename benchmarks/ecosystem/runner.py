"""Runs cases in separate processes, several at a time; a crash or a hang costs one row."""

import contextlib
import json
import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.ecosystem.cases import Case
from benchmarks.ecosystem.stages import MARK, MODES, REFERENCES

ROOT = Path(__file__).parents[2]

Row = dict[str, Any]


def command_for(python: Path, case: Case, gigabytes: float, *, fastest: bool = False) -> list[str]:
    """The command that measures a case.

    Args:
        python: The interpreter of the environment with the packages.
        case: The case.
        gigabytes: Limit of its address space.
        fastest: Whether to race on it instead of comparing modes.

    Returns:
        The arguments; `--skip` is to be appended.
    """
    words = [str(python), "-W", "ignore", "-m", "benchmarks.ecosystem.measure", case.name]
    return [*words, "--gigabytes", str(gigabytes), *(["--fastest"] if fastest else [])]


def environment() -> dict[str, str]:
    """Environment variables of a process that measures.

    Returns:
        Those of this process, with this checkout first and no cache of orders.
    """
    own = {"PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu", "ELIMAX_CACHE_DIR": "off"}
    return {**os.environ, **own}


def run_case(command: Sequence[str], seconds: float) -> dict[str, Row]:
    """Runs all stages of a case; after a crash or a time-out, the rest in a new process.

    Args:
        command: What `command_for` returns, or the like.
        seconds: How long one stage may take.

    Returns:
        What is known about each stage, by name: `status` and numbers, or an `error`.
    """
    stages: dict[str, Row] = {}
    for _ in range(len(REFERENCES) + len(MODES) + 1):
        # References that work are computed again, since the other modes are compared with them.
        known = [s for s, x in stages.items() if s not in REFERENCES or x["status"] == "failed"]
        stuck, why = _run_process([*command, "--skip", *known], seconds, stages)
        if stuck is None:
            break
        stages[stuck] = {"status": "failed", "error": why}
        # Without the case itself no other stage can run.
        if stuck in ("start", "build"):
            break
    return stages


def _run_process(
    command: Sequence[str], seconds: float, stages: dict[str, Row]
) -> tuple[str | None, str]:
    """Fills in `stages`; returns the stage in which the process died, if it did, and why."""
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        try:
            return _follow(process, seconds, stages)
        finally:
            _kill(process)


def _follow(
    process: subprocess.Popen[str], seconds: float, stages: dict[str, Row]
) -> tuple[str | None, str]:
    """Reads what a process reports until it ends or a stage takes too long."""
    lines: queue.Queue[str | None] = queue.Queue()
    errors: list[str] = []
    reader = threading.Thread(target=_pass_on, args=(process, lines), daemon=True)
    listener = threading.Thread(target=lambda: errors.extend(process.stderr or ()), daemon=True)
    reader.start()
    listener.start()
    current, deadline = "start", time.monotonic() + seconds
    while True:
        try:
            line = lines.get(timeout=max(deadline - time.monotonic(), 0.0))
        except queue.Empty:
            return current, f"timed out after {seconds:g} s"
        if line is None:
            break
        if not line.startswith(MARK):
            continue
        told = json.loads(line.removeprefix(MARK))
        if "begin" in told:
            current, deadline = told["begin"], time.monotonic() + seconds
        else:
            stages.setdefault(told.pop("stage"), told)
    if current == "end":
        return None, ""
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(10)
    listener.join(10)
    tail = " ".join("".join(errors[-20:]).split())[-200:]
    return current, f"died with status {process.returncode}: {tail}"


def _pass_on(process: subprocess.Popen[str], lines: queue.Queue[str | None]) -> None:
    """Puts the lines of a process into a queue, and None after the last one."""
    for line in process.stdout or ():
        lines.put(line)
    lines.put(None)


def _kill(process: subprocess.Popen[str]) -> None:
    """Ends a process and its children; does nothing if it has ended."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
