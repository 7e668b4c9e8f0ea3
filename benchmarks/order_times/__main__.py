"""Do fewer multiplications, or a lower price, mean less time? See benchmarks/README.md.

`DIR/FLAGS/TASK.json` is written after every task; existing files are kept.
"""

import argparse
import itertools
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.order_times.measure import OURS, measure, varied_orders
from benchmarks.order_times.tables import fit, times_table
from benchmarks.records import environment
from benchmarks.subjects import STORED, Subject
from elimax.interpreter.errors import ElimaxError
from elimax.interpreter.graph.price import Work
from elimax.pipeline.checkout.files import Layout, read_json, write_json, write_text
from elimax.pipeline.pages.report_tables import markdown_table
from elimax.pipeline.tasks import task_names
from elimax.pipeline.xla_flags import FLAG_SETS, FlagSet, add_xla_flags, with_flag_set

COMMAND = "python -m benchmarks.order_times --out DIR"

WEIGHTS = [
    Work(1, entry, product)
    for entry, product in itertools.product((0, 1, 5, 10), (0, 50, 200, 500, 2000))
]
"""Weights of entries and products that are tried."""

GIGABYTES = 0.5
"""Memory for the dense Jacobians of one batch, in 1e9 bytes."""


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Reads the command line.

    Args:
        arguments: Its arguments; those of the process if None.

    Returns:
        The options.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.order_times")
    add = parser.add_argument
    add("tasks", nargs="*", metavar="TASK", help="tasks; by default all")
    add("--flags", choices=FLAG_SETS, nargs="+", default=list(FLAG_SETS), help="sets of XLA flags")
    add("--orders", type=int, default=24, help="orders per task")
    add("--batch", type=int, default=65536, help="points per batch")
    add("--rounds", type=int, default=15, help="rounds of run times")
    add("--seconds", type=float, default=10.0, help="time for the rounds of a task")
    add("--out", type=Path, default=Path(".state/order_times"), metavar="DIR")
    add("--here", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if min(given.orders, given.batch, given.rounds) < 1:
        parser.error("--orders, --batch and --rounds must be at least 1")
    given.tasks = given.tasks or task_names()
    return given


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command.

    Args:
        arguments: Command-line arguments; those of the process if None.

    Returns:
        The exit status: that of a process that failed, or 2 if files are missing.
    """
    given = parse(arguments)
    try:
        for flags, task in itertools.product(given.flags, given.tasks):
            path = given.out / flags / f"{task}.json"
            if path.exists():
                continue
            if given.here:
                measure_task(path, task, given)
            elif status := _in_a_process(flags, task, given):
                return status
        if not given.here:
            text = report(given.out, given.flags, given.tasks)
            write_text(given.out / "table.md", text)
            sys.stdout.write(text)
    except ElimaxError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    return 0


def measure_task(path: Path, task: str, given: argparse.Namespace) -> None:
    """Measures a task in this process, and writes its file.

    Args:
        path: The file.
        task: Name of the task.
        given: The options.

    Raises:
        ElimaxError: If the task is unknown, its order is missing, or the file cannot be written.
    """
    subject = Subject.load(task, Layout.find(), STORED)
    orders = varied_orders(subject, given.orders, np.random.default_rng(0))
    batch = subject.fitting_batch(given.batch, "float32", GIGABYTES)
    records = measure(subject, orders, batch, rounds=given.rounds, seconds=given.seconds)
    about = {"task": task, "batch": batch, "environment": environment(OURS)}
    write_json(path, {**about, "records": records})


def _in_a_process(flags: FlagSet, task: str, given: argparse.Namespace) -> int:
    """Measures a task in a process of its own; returns its exit status.

    XLA reads its flags only once, and compiled programs do not pile up in memory.
    """
    words = [task, "--flags", flags, "--here", "--out", given.out]
    for name in ("orders", "batch", "rounds", "seconds"):
        words += [f"--{name}", getattr(given, name)]
    command = [sys.executable, "-m", "benchmarks.order_times", *map(str, words)]
    sys.stderr.write(f"{flags}, {task}\n")
    return subprocess.run(command, env=with_flag_set(flags), check=False).returncode


def report(folder: Path, flags: Sequence[str], tasks: Sequence[str]) -> str:
    """Writes the tables of what was measured.

    Args:
        folder: Folder of the results.
        flags: Sets of XLA flags.
        tasks: Names of the tasks.

    Returns:
        Markdown.

    Raises:
        FileError: If a file is broken.
    """
    parts = ["# Times of orders"]
    for name in flags:
        paths = [folder / name / f"{task}.json" for task in tasks]
        found = [read_json(path, COMMAND) for path in paths if path.exists()]
        if not found:
            continue
        arrays = [x for x in found if any(record.get("entries") for record in x["records"])]
        parts += [f"## XLA flags: {name}", markdown_table(*times_table(found))]
        if arrays:
            parts += ["### Weights of the price, tasks with arrays"]
            parts += [markdown_table(*fit(arrays, WEIGHTS))]
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    add_xla_flags(os.environ)
    sys.exit(main())
