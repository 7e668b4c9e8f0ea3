"""Times commands that should be immediate: `make bench-cli`.

Wall-clock and processor time, medians over repeated calls: of Python itself, of help and listings,
of a plan of a small function, and of `elimax run` in a checkout where nothing is out of date.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import NamedTuple

from elimax.pipeline.pages.report_tables import markdown_table

COMMANDS: dict[str, tuple[str, ...]] = {
    "python": ("-c", "pass"),
    "elimax --help": ("-m", "elimax.pipeline", "--help"),
    "elimax finetune --help": ("-m", "elimax.pipeline", "finetune", "--help"),
    "elimax --version": ("-m", "elimax.pipeline", "--version"),
    "elimax params": ("-m", "elimax.pipeline", "params"),
    "elimax compare mlp": ("-m", "elimax.pipeline", "compare", "mlp"),
    "elimax run, nothing to do": ("-m", "elimax.pipeline", "run"),
}
"""Arguments of the interpreter, by the name that is shown."""


class Duration(NamedTuple):
    """How long one call took, in seconds.

    Attributes:
        wall: Wall-clock time.
        processor: Processor time of the process and of those that it started and waited for.
    """

    wall: float
    processor: float


def measure(words: Sequence[str]) -> Duration:
    """Runs a command once.

    Args:
        words: Arguments of the interpreter.

    Returns:
        How long it took.

    Raises:
        subprocess.CalledProcessError: If it fails.
    """
    before, began = os.times(), time.perf_counter()
    subprocess.run([sys.executable, *words], stdout=subprocess.DEVNULL, check=True)
    wall, after = time.perf_counter() - began, os.times()
    used = after.children_user - before.children_user
    return Duration(wall, used + after.children_system - before.children_system)


def table(names: Sequence[str], repeats: int) -> str:
    """Measures commands in turn, so that a slower minute slows all of them.

    Args:
        names: Keys of `COMMANDS`.
        repeats: Calls of each.

    Returns:
        A table in Markdown.
    """
    found: dict[str, list[Duration]] = {name: [] for name in names}
    for _ in range(repeats):
        for name in names:
            found[name].append(measure(COMMANDS[name]))
    rows = [
        [
            name,
            round(statistics.median(one.wall for one in calls), 2),
            round(statistics.median(one.processor for one in calls), 2),
        ]
        for name, calls in found.items()
    ]
    return markdown_table(["command", "seconds", "processor seconds"], rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line.

    Args:
        arguments: Its arguments; None takes those of the process.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.command_line", description=__doc__)
    parser.add_argument("--repeats", type=int, default=5, help="calls of each command")
    parser.add_argument("--quick", action="store_true", help="skip elimax run")
    chosen = parser.parse_args(arguments)
    names = [name for name in COMMANDS if not (chosen.quick and "run" in name)]
    print(table(names, chosen.repeats))


if __name__ == "__main__":
    main()
