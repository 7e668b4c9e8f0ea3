"""Where the pipeline keeps its files, and how it reads and writes them.

Every file is written whole or not at all. JSON has sorted keys and a schema version, so that equal
results are equal bytes.
"""

import contextlib
import csv
import dataclasses
import io
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from elimax.interpreter.atomic_files import write_atomically
from elimax.interpreter.errors import GraphFormatError
from elimax.interpreter.json_files import check_size
from elimax.pipeline.checkout.configs import PARAMS_FILE
from elimax.pipeline.errors import FileError

SCHEMA = 1


@dataclasses.dataclass(frozen=True)
class Layout:
    """The paths of all files of the pipeline below one folder.

    Attributes:
        root: The folder that holds params.yaml.
    """

    root: Path

    @classmethod
    def find(cls) -> "Layout":
        """Returns the layout of ELIMAX_ROOT, or of the nearest folder upwards with params.yaml."""
        given = os.environ.get("ELIMAX_ROOT")
        if given:
            return cls(Path(given).resolve())
        here = Path.cwd()
        for folder in (here, *here.parents):
            if (folder / PARAMS_FILE).is_file():
                return cls(folder)
        return cls(here)

    @property
    def params(self) -> Path:
        """The parameters of all stages."""
        return self.root / PARAMS_FILE

    def graph(self, task: str) -> Path:
        """The graph of a task, written by extract."""
        return self.root / "data/graphs" / f"{stem(task)}.json"

    @property
    def pretrained_policy(self) -> Path:
        """The policy that pretrain writes."""
        return self.root / "data/policies/pretrained.eqx"

    @property
    def pretrain_curve(self) -> Path:
        """Learning curve of pretrain."""
        return self.root / "data/pretrain/curve.csv"

    @property
    def pretrain_metrics(self) -> Path:
        """Final figures of pretrain."""
        return self.root / "data/pretrain/metrics.json"

    def policy(self, task: str, seed: int) -> Path:
        """The policy that finetune writes for one seed."""
        return self.root / "data/policies" / stem(task) / f"{seed}.eqx"

    def finetuned(self, task: str, seed: int) -> Path:
        """The best order that finetune found with one seed."""
        return self.root / "data/finetune" / stem(task) / f"{seed}.json"

    def finetune_curve(self, task: str, seed: int) -> Path:
        """Learning curve of finetune with one seed."""
        return self.root / "data/finetune" / stem(task) / f"{seed}.csv"

    def order(self, task: str) -> Path:
        """The best order of all, written by search."""
        return self.root / "data/orders" / f"{stem(task)}.json"

    def evaluation(self, task: str) -> Path:
        """Counts and correctness, written by evaluate."""
        return self.root / "data/evaluations" / f"{stem(task)}.json"

    def timed(self, task: str) -> Path:
        """Which cases were timed, written by evaluate."""
        return self.root / "data/timed" / f"{stem(task)}.json"

    def timings(self, task: str) -> Path:
        """Run times, written by evaluate; not an output of DVC."""
        return self.root / "data/timings" / f"{stem(task)}.json"

    def results(self, name: str) -> Path:
        """A file of the report."""
        return self.root / "results" / name

    @property
    def state(self) -> Path:
        """Untracked folder of checkpoints and locks."""
        return self.root / ".state"

    def shown(self, path: Path) -> str:
        """Returns a path as messages show it: relative to the root if it is below it."""
        return str(path.relative_to(self.root)) if path.is_relative_to(self.root) else str(path)


def stem(task: str) -> str:
    """Returns a file name stem for a task; "module:function" becomes "module.function"."""
    return re.sub(r"[^A-Za-z0-9_-]+", ".", task).strip(".") or "task"


def item_name(task: str, seed: int | None = None) -> str:
    """Returns a file name stem for a task, or for one seed of it, as DVC names its stages.

    Args:
        task: Name of the task, or module:function.
        seed: The seed, or None for a stage that has one run per task.
    """
    return stem(task) if seed is None else f"{stem(task)}-{seed}"


def require_file(path: Path, command: str) -> Path:
    """Returns a path if its file exists.

    Args:
        path: The file.
        command: The command that writes it, for the error message.

    Raises:
        FileError: If there is no such file.
    """
    if not path.is_file():
        raise FileError(f"{path} does not exist; write it with: {command}")
    return path


@contextlib.contextmanager
def write_errors(path: Path) -> Iterator[None]:
    """Turns an operating system error about writing a file into one line.

    Args:
        path: The file that is written.

    Yields:
        Nothing.

    Raises:
        FileError: If the disk is full or the file cannot be written.
    """
    try:
        yield
    except OSError as error:
        raise FileError(
            f"cannot write {path}: {error.strerror or error}; free some space or check the "
            "permissions, then run the command again"
        ) from error


def write_text(path: Path, text: str) -> None:
    """Writes a text file whole or not at all.

    Args:
        path: The file to write; its folder is created.
        text: Its content.

    Raises:
        FileError: If the disk is full or the file cannot be written.
    """
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Writes a file whole or not at all.

    Args:
        path: The file to write; its folder is created.
        content: Its content.

    Raises:
        FileError: If the disk is full or the file cannot be written.
    """
    with write_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Writes a JSON object with sorted keys and the schema version.

    Args:
        path: The file to write.
        content: The object, without "schema".

    Raises:
        FileError: If it cannot be written.
    """
    text = json.dumps({"schema": SCHEMA, **content}, sort_keys=True, indent=1, allow_nan=False)
    write_text(path, text + "\n")


def read_json(path: Path, command: str, keys: Sequence[str] = ()) -> dict[str, Any]:
    """Reads a JSON object that `write_json` wrote.

    Args:
        path: The file to read.
        command: The command that writes the file, for error messages.
        keys: Keys that it must have.

    Returns:
        The object.

    Raises:
        FileError: If the file is missing, truncated, of another schema version, or lacks a key.
    """
    hint = f"write it with: {command}"
    try:
        content = json.loads(_read_text(path, hint))
    except json.JSONDecodeError as error:
        raise FileError(
            f"{path} is truncated or not JSON (line {error.lineno}: {error.msg}); {hint}"
        ) from None
    except (ValueError, RecursionError) as error:  # a number too long, brackets too deep
        raise FileError(f"{path} is not readable JSON ({error}); {hint}") from None
    found = content.get("schema") if isinstance(content, dict) else None
    if found != SCHEMA:
        raise FileError(f"{path} has schema version {found}, expected {SCHEMA}; {hint}")
    for key in keys:
        if key not in content:
            raise FileError(f"{path} lacks the key {key!r}; {hint}")
    return content


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Writes rows as CSV; columns are sorted, since rows from a checkpoint have another order.

    Args:
        path: The file to write.
        rows: Numbers or texts by column; a missing one is left empty.

    Raises:
        FileError: If it cannot be written.
    """
    columns = sorted({key for row in rows for key in row})
    buffer = io.StringIO(newline="")
    writer = csv.DictWriter(buffer, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, buffer.getvalue())


def read_csv(path: Path, command: str) -> list[dict[str, float]]:
    """Reads a CSV of numbers that `write_csv` wrote; empty cells are left out.

    Raises:
        FileError: If the file is missing or holds anything but numbers.
    """
    hint = f"write it with: {command}"
    rows = []
    reader = csv.DictReader(io.StringIO(_read_text(path, hint)))
    for line, row in enumerate(reader, start=2):
        try:
            rows.append({key: float(value) for key, value in row.items() if value})
        except (TypeError, ValueError, AttributeError):
            raise FileError(
                f"{path} is truncated: line {line} is not a row of numbers; {hint}"
            ) from None
    return rows


def _read_text(path: Path, hint: str) -> str:
    try:
        check_size(path)
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise FileError(f"{path} does not exist; {hint}") from None
    except GraphFormatError as error:
        raise FileError(f"{error}; {hint}") from None
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise FileError(f"{path} cannot be read ({reason}); {hint}") from None
