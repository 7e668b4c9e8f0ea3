"""What the commands print: results on stdout, progress and warnings on stderr.

A terminal gets colours and a progress bar, where rich is installed; a pipe or a log gets plain
lines.
"""

import contextlib
import importlib.util
import json
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

LOG_INTERVAL = 10.0
"""Seconds between two progress lines where there is no terminal."""


class Report(Protocol):
    """Reports the progress of a long computation."""

    def __call__(self, done: int, text: str = "") -> None:
        """Shows that `done` units of work are finished, with a text about the current state."""


class Console:
    """Output of one command, for people or as JSON for programs.

    Args:
        as_json: Print one JSON value on stdout and nothing else there.
    """

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json

    def say(self, text: str) -> None:
        """Prints a line for people; nothing under `--json`."""
        if not self.as_json:
            sys.stdout.write(f"{text}\n")

    def emit(self, content: Any) -> None:
        """Prints a value as JSON; nothing for people."""
        if self.as_json:
            sys.stdout.write(json.dumps(content, indent=1, sort_keys=True) + "\n")

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[Any]], title: str = "") -> None:
        """Prints a table for people; numbers are aligned to the right.

        Args:
            columns: Headings.
            rows: Cells, one sequence a row, each as long as `columns`.
            title: Line above the table.
        """
        if self.as_json:
            return
        if sys.stdout.isatty() and _has_rich():
            _rich_table(columns, rows, title)
        else:
            sys.stdout.write(plain_table(columns, rows, title))

    @contextlib.contextmanager
    def progress(self, total: int, label: str) -> Iterator[Report]:
        """Shows progress on stderr.

        Args:
            total: Units of work in all.
            label: What is being done.

        Yields:
            A function that is called with the number of finished units and a text.
        """
        if not (sys.stderr.isatty() and _has_rich()):
            yield _log_lines(total, label)
            return
        from rich.console import Console as RichConsole
        from rich.progress import Progress

        with Progress(console=RichConsole(stderr=True), transient=True) as bar:
            item = bar.add_task(label, total=total)

            def report(done: int, text: str = "") -> None:
                bar.update(item, completed=done, description=f"{label} {text}".rstrip())

            yield report


def plain_table(columns: Sequence[str], rows: Sequence[Sequence[Any]], title: str = "") -> str:
    """Formats a table as plain text.

    Args:
        columns: Headings.
        rows: Cells.
        title: Line above the table, or "".

    Returns:
        The text, each line closed by a newline.
    """
    cells = [[cell(value) for value in row] for row in rows]
    widths = [max(map(len, entries)) for entries in zip(columns, *cells, strict=True)]
    right = [_is_numeric(rows, index) for index in range(len(columns))]
    lines = [title] if title else []
    for row in [list(columns), *cells]:
        padded = (
            text.rjust(width) if numeric else text.ljust(width)
            for text, width, numeric in zip(row, widths, right, strict=True)
        )
        lines.append("  ".join(padded).rstrip())
    return "\n".join(lines) + "\n"


def cell(value: Any) -> str:
    """Formats one table cell: None as a dash, floats with two decimals."""
    if value is None:
        return "-"
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def eta(done: int, total: int, seconds: float) -> str:
    """Formats the remaining time, as in "about 9 min left"; empty while unknown.

    Args:
        done: Finished units of work.
        total: All units of work.
        seconds: Time spent on the finished ones.

    Returns:
        The text.
    """
    if done <= 0 or done >= total:
        return ""
    left = seconds / done * (total - done)
    return f"about {left:.0f} s left" if left < 90 else f"about {left / 60:.0f} min left"


def _log_lines(total: int, label: str) -> Report:
    start = last = time.monotonic()
    before: int | None = None

    def report(done: int, text: str = "") -> None:
        nonlocal before, last
        now = time.monotonic()
        if before is None:
            # A resumed training does not begin at 0, and its earlier work took no time here.
            before = max(0, done - 1)
        if done < total and now - last < LOG_INTERVAL:
            return
        last = now
        parts = [
            f"{label}: {done} of {total}",
            text,
            eta(done - before, total - before, now - start),
        ]
        sys.stderr.write(", ".join(part for part in parts if part) + "\n")
        sys.stderr.flush()

    return report


def _rich_table(columns: Sequence[str], rows: Sequence[Sequence[Any]], title: str) -> None:
    from rich.console import Console as RichConsole
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=title or None, title_justify="left")
    for index, name in enumerate(columns):
        table.add_column(name, justify="right" if _is_numeric(rows, index) else "left")
    for row in rows:
        table.add_row(*(escape(cell(value)) for value in row))
    RichConsole().print(table)


def _has_rich() -> bool:
    return importlib.util.find_spec("rich") is not None


def _is_numeric(rows: Sequence[Sequence[Any]], index: int) -> bool:
    values = [row[index] for row in rows if row[index] is not None]
    return bool(values) and all(isinstance(value, int | float) for value in values)
