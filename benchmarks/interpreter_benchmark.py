"""Compares the interpreter with JAX on all tasks: `make bench-interpreter`.

Every task is measured in a process of its own, so that no task finds the caches of another one.
The table goes to stdout as Markdown, progress to stderr; a run over all tasks also writes
results/DEVICE/interpreter.json.
"""

import argparse
import concurrent.futures
import dataclasses
import multiprocessing
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.interpreter_cases import Settings, measure_task
from benchmarks.interpreter_measure import Limits
from benchmarks.interpreter_summary import summarise
from benchmarks.interpreter_tables import markdown_text
from elimax.pipeline.checkout.files import Layout, stem, write_json
from elimax.pipeline.tasks import task_names

Measure = Callable[[str, Settings], dict[str, Any]]


def say(text: str) -> None:
    """Writes a line of progress to stderr.

    Args:
        text: The line.
    """
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def in_process(name: str, settings: Settings) -> dict[str, Any]:
    """Measures a task in a fresh process; see `measure_task`.

    Args:
        name: The task.
        settings: What is measured.

    Returns:
        What `measure_task` returns.

    Raises:
        ElimaxError: If there is no such task, or no order of it.
        BrokenProcessPool: If the process dies, as it does when memory runs out.
    """
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(measure_task, name, settings, say).result()


def benchmark(
    names: Sequence[str], settings: Settings, measure: Measure = in_process
) -> dict[str, Any]:
    """Measures tasks and sums them up.

    Args:
        names: Names of tasks.
        settings: What is measured.
        measure: Measures one task.

    Returns:
        `tasks`, what `measure_task` returned by name; `failed`: tasks that could not be measured,
        with the reason; `summary`; `settings`; `device`, None if no task could be measured.
    """
    tasks: dict[str, dict[str, Any]] = {}
    failed: dict[str, str] = {}
    for name in names:
        try:
            tasks[name] = measure(name, settings)
        # Whatever stops one task, what was measured of the others must not be lost.
        except Exception as error:
            failed[name] = f"{type(error).__name__}: {' '.join(str(error).split())}"
            say(f"{name}: {failed[name]}")
    devices = [result.pop("device") for result in tasks.values()]
    shown = dataclasses.asdict(settings)
    del shown["root"]
    return {
        "tasks": tasks,
        "failed": failed,
        "summary": summarise(tasks),
        "settings": shown,
        "device": devices[0] if devices else None,
    }


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Reads the command line.

    Args:
        arguments: Words after the program's name; None takes those of the process.

    Returns:
        `tasks`, `settings` and `json`, where the result goes, or None.
    """
    limits = Limits()
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.interpreter_benchmark",
        description=(__doc__ or "").split("\n")[0],
    )
    add = parser.add_argument
    add("tasks", nargs="*", metavar="TASK", help="tasks, all of them by default")
    add("--layouts", nargs="+", choices=("published", "packed"), default=["published", "packed"])
    add("--batch", nargs="+", type=int, default=[1, 512, 65536], metavar="SIZE")
    add("--dtype", choices=("float32", "float64"), default="float32")
    add("--orders", choices=("auto", "best"), default="auto", help="best: from data/orders")
    add("--seconds", type=float, default=limits.seconds, help="run time of a case")
    add("--rounds", type=int, default=limits.rounds, help="rounds of a case at most")
    add("--builds", type=int, default=limits.builds, help="traces and compilations to compare")
    add("--json", type=Path, metavar="PATH", help="where the result goes as JSON")
    given = parser.parse_args(arguments)
    if min(*given.batch, given.rounds, given.builds) < 1:
        parser.error("batch sizes, rounds and builds must be at least 1")
    given.settings = Settings(
        layouts=tuple(given.layouts),
        batches=tuple(given.batch),
        dtype=given.dtype,
        orders=given.orders,
        limits=Limits(builds=given.builds, rounds=given.rounds, seconds=given.seconds),
        root=Layout.find().root,
    )
    return given


def main(arguments: Sequence[str] | None = None, measure: Measure = in_process) -> int:
    """Runs the benchmark.

    Args:
        arguments: Words after the program's name; None takes those of the process.
        measure: Measures one task.

    Returns:
        The exit status: 1 if some task could not be measured.
    """
    given = parse(arguments)
    content = benchmark(given.tasks or task_names(), given.settings, measure)
    if content["device"] is None:
        return 1
    path = given.json
    if path is None and not given.tasks:
        kind = stem(content["device"]["device"].lower().replace(" ", "-"))
        path = Layout(given.settings.root).results(f"{kind}/interpreter.json")
    sys.stdout.write(markdown_text(content))
    if path is not None:
        write_json(path, content)
        say(f"wrote {path}")
    return int(bool(content["failed"]))


if __name__ == "__main__":
    sys.exit(main())
