"""The file of the results: one line of JSON for every run, appended when the run is over.

A process that is killed loses at most the current run. A truncated last line is removed before the
next one is written.
"""

import json
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import jax

from benchmarks.records import versions
from elimax.pipeline.checkout.files import write_errors
from elimax.pipeline.checkout.machine import device, file_digest, git_commit
from elimax.pipeline.errors import FileError

COMMAND = "python -m benchmarks.learning --out DIR"

Line = dict[str, Any]

KEY = ("set", "program", "method", "seed", "count", "budget")
"""What identifies a run; `budget` is the time limit in seconds, null if there is none."""

_FIELDS = (*KEY, "fingerprint", "vertices", "arrays", "machine", "versions", "policy")
_COMPARED = ("machine", "versions", "xla_flags")


def environment(policy: Path | None) -> Line:
    """Describes what a result depends on besides its program.

    Args:
        policy: The file of the policy; None if no method plays it.

    Returns:
        `machine`, the processor on a CPU, else the device; `cores`; `versions` of Python, elimax
        and the packages that compute; `xla_flags`; `commit`; `policy`, a digest of its file.
    """
    where = device()
    return {
        "machine": where["cpu" if jax.devices()[0].platform == "cpu" else "device"],
        "cores": os.cpu_count(),
        "versions": versions(),
        "xla_flags": os.environ.get("XLA_FLAGS", ""),
        "commit": git_commit(Path(__file__).parent),
        "policy": None if policy is None else file_digest(policy),
    }


def key(line: Mapping[str, Any]) -> tuple[Any, ...]:
    """What identifies the run of a line."""
    return tuple(line[name] for name in KEY)


def read_lines(path: Path) -> list[Line]:
    """Reads the results.

    Args:
        path: The file; it need not exist.

    Returns:
        All lines except a truncated one at the end.

    Raises:
        FileError: If the file cannot be read, or a line is not a result.
    """
    try:
        texts = path.read_bytes().splitlines(keepends=True)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise FileError(f"{path} cannot be read ({error}); give another --out") from None
    lines = []
    for number, text in enumerate(texts, start=1):
        if not text.endswith(b"\n"):
            continue
        try:
            line = json.loads(text)
        except ValueError:
            line = None
        if not isinstance(line, dict) or any(name not in line for name in _FIELDS):
            raise FileError(
                f"line {number} of {path} is not a result; remove the line, then run again: "
                f"{COMMAND}"
            )
        lines.append(line)
    return lines


def check_lines(path: Path, lines: Iterable[Line], where: Line) -> None:
    """Refuses to mix results of different machines, versions or policies.

    Args:
        path: The file, for the message.
        lines: Its lines.
        where: What `environment` returned. A policy is compared where a line has one.

    Raises:
        FileError: If a line was measured with something else.
    """
    for line in lines:
        names = [name for name in _COMPARED if line.get(name) != where[name]]
        if line["policy"] is not None and where["policy"] not in (None, line["policy"]):
            names.append("policy")
        for name in names:
            raise FileError(
                f"{path} was measured with {name} {line.get(name)!r}, expected {where[name]!r}: "
                "give another folder with --out, or remove the file"
            )


def repair(path: Path) -> None:
    """Removes a truncated last line.

    Args:
        path: The file; it need not exist.

    Raises:
        FileError: If the file cannot be written.
    """
    if not path.exists():
        return
    with write_errors(path), path.open("rb+") as file:
        content = file.read()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            file.truncate(whole)


def append_line(path: Path, line: Line) -> None:
    """Appends a result, which is on the disk when this returns.

    Args:
        path: The file; it and its folder are created if needed.
        line: The result.

    Raises:
        FileError: If the disk is full or the file cannot be written.
    """
    text = json.dumps(line, sort_keys=True, separators=(",", ":"), allow_nan=False)
    with write_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab", buffering=0) as file:
            file.write(f"{text}\n".encode())
            os.fsync(file.fileno())


def say(text: str) -> None:
    """Writes a line to stderr at once.

    Args:
        text: The line.
    """
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
