"""Measures the search for orders: `make bench-orders`.

Three tables: the best counts that several seeds of annealing reach in a given time on the graphs of
the tasks, with bounds and stored counts; what `jacve` finds by itself, how long that takes, and how
long finding it again takes; how many orders one core evaluates per second, by length of program.
"""

import argparse
import dataclasses
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from benchmarks.scaling import ENDS, chain_program
from elimax.interpreter.differentiation import resolve_order
from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.counting import count_multiplications
from elimax.interpreter.graph.order import check_order
from elimax.interpreter.graph.structure import Count
from elimax.interpreter.orders import (
    certify,
    forward_order,
    portfolio,
    reverse_order,
)
from elimax.interpreter.orders.annealing.anneal import anneal
from elimax.interpreter.orders.annealing.compilation import can_anneal
from elimax.interpreter.orders.order_cache import FOLDER_VARIABLE, forget_orders
from elimax.interpreter.tracing.call import trace
from elimax.pipeline.checkout.context import command
from elimax.pipeline.checkout.files import Layout, read_json, write_json
from elimax.pipeline.checkout.machine import device
from elimax.pipeline.pages.published import PUBLISHED
from elimax.pipeline.pages.report_tables import Table, markdown_table
from elimax.pipeline.tasks import load_task, task_names

COUNTS: tuple[Count, ...] = ("all", "nontrivial")
SIZES = (100, 300, 1000, 3000, 10000)


def measure_search(
    graph: ComputationalGraph, count: Count, seconds: float, seeds: Sequence[int]
) -> dict[str, Any]:
    """Searches one graph with several seeds.

    Args:
        graph: The graph.
        count: Which multiplications to save.
        seconds: Time of each search, two chains at once.
        seeds: The seeds.

    Returns:
        `portfolio`: the best classical count; `found`: the best count of every seed; `bound` and
        `optimal`, what `certify` says of the best one; `evaluations`: the median per second, all
        chains together; `order`: the best of all.
    """
    starts = list(portfolio(graph).values())
    classic = min(getattr(count_multiplications(graph, order), count) for order in starts)
    results = [anneal(graph, starts, count, seconds=seconds, seed=seed) for seed in seeds]
    speeds = [result.evaluations / max(result.seconds, 1e-9) for result in results]
    best = min(results, key=lambda result: getattr(result.count, count))
    return {
        "portfolio": classic,
        "found": [getattr(result.count, count) for result in results],
        **certify(graph, count, getattr(best.count, count))._asdict(),
        "evaluations": round(float(np.median(speeds))),
        "order": list(best.order.vertices),
    }


def is_scalar(graph: ComputationalGraph) -> bool:
    """Whether every value of a graph is a number."""
    return all(np.prod(shape) == 1 for shape in graph.node_shapes)


def measure_graphs(
    graphs: Mapping[str, ComputationalGraph],
    seconds: tuple[float, float],
    seeds: Sequence[int],
    report: Callable[[str], None],
) -> dict[str, dict[str, Any]]:
    """Searches several graphs by both counts.

    Args:
        graphs: Graphs by name.
        seconds: Time of each search of a graph of scalars, and of one with arrays.
        seeds: The seeds.
        report: Called with the name of each graph before it is searched.

    Returns:
        By name and count what `measure_search` returns; also the number of `vertices`.
    """
    results: dict[str, dict[str, Any]] = {}
    for name, graph in graphs.items():
        report(name)
        results[name] = {"vertices": graph.num_vertices}
        for count in COUNTS:
            limit = seconds[0] if is_scalar(graph) else seconds[1]
            results[name][count] = measure_search(graph, count, limit, seeds)
    return results


def stored_counts(layout: Layout, names: Sequence[str]) -> dict[str, dict[str, int]]:
    """Reads the lowest counts that stage search has found.

    Args:
        layout: Where data/orders is.
        names: Names of graphs.

    Returns:
        The lowest of both counts by name, where there is a file.

    Raises:
        FileError: If a file is broken.
    """
    stored = {}
    for name in names:
        if (path := layout.order(name)).exists():
            found = read_json(path, command("search", name), keys=("by_count",))["by_count"]
            stored[name] = {count: found[count][count] for count in COUNTS}
    return stored


def counts_table(
    results: Mapping[str, Mapping[str, Any]], stored: Mapping[str, Mapping[str, int]]
) -> Table:
    """Makes the table of counts, one row per graph and count.

    Args:
        results: What `measure_graphs` returned.
        stored: What `stored_counts` returned.

    Returns:
        Headings and rows; counts in `PUBLISHED` and of `stored` orders where there are any.
    """
    columns = [
        "graph", "count", "classic", "published", "stored", "annealed", "bound", "gap %",
        "orders/s",
    ]  # fmt: skip
    rows: list[list[Any]] = []
    for name, entry in results.items():
        for k, count in enumerate(COUNTS):
            found = entry[count]["found"]
            low, high = min(found), max(found)
            published = PUBLISHED[name][k] if name in PUBLISHED else None
            annealed = f"{low}" if low == high else f"{low} to {high}"
            bound = entry[count]["bound"]
            gap = round(100 * (low - bound) / max(low, 1), 1)
            classic, speed = entry[count]["portfolio"], entry[count]["evaluations"]
            known = [published, stored.get(name, {}).get(count)]
            rows.append([name, count, classic, *known, annealed, bound, gap, speed])
    return columns, rows


def measure_auto(graph: ComputationalGraph) -> dict[str, Any]:
    """Measures what `jacve` does to choose an order by itself.

    Args:
        graph: The graph.

    Returns:
        `seconds` of the search; both counts; `found_by`; `memory_ms` and `file_ms`: the time it
        takes to find the order again in this process, and in another one.
    """
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch.dict(os.environ, {FOLDER_VARIABLE: folder}),
    ):
        forget_orders()
        seconds, order = _timed(lambda: resolve_order(graph, "auto"))
        memory_seconds, _ = _timed(lambda: resolve_order(graph, "auto"))
        forget_orders()
        # A fresh copy, so that its fingerprint is computed again, as for a newly traced graph.
        fresh = dataclasses.replace(graph)
        file_seconds, again = _timed(lambda: resolve_order(fresh, "auto"))
    if again != order:
        raise AssertionError("the cache returned a different order from the one found")
    counts = count_multiplications(graph, check_order(graph, order))
    return {
        "seconds": round(seconds, 3),
        "all": counts.all,
        "nontrivial": counts.nontrivial,
        "found_by": getattr(order, "name", ""),
        "memory_ms": round(1e3 * memory_seconds, 2),
        "file_ms": round(1e3 * file_seconds, 2),
    }


def measure_speed(graph: ComputationalGraph, seconds: float) -> float:
    """Measures how many orders one chain evaluates per second.

    Args:
        graph: The graph.
        seconds: How long to measure.

    Returns:
        Orders per second.
    """
    starts = [reverse_order(graph), forward_order(graph)]
    result = anneal(graph, starts, seconds=seconds, chains=1)
    return result.evaluations / result.seconds


def scaling_graph(vertices: int) -> ComputationalGraph:
    """The graph of a program of scalars with short edges."""
    inputs = np.linspace(0.1, 0.9, ENDS, dtype="float32")
    return trace(chain_program(vertices), *inputs, argnums=range(ENDS))


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the benchmark and prints Markdown tables.

    Args:
        arguments: Command-line arguments; None takes those of the process.

    Returns:
        The exit status, 0.
    """
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.orders", description=(__doc__ or "").split("\n")[0]
    )
    add = parser.add_argument
    add("tasks", nargs="*", metavar="TASK", help="tasks, all of them by default")
    add("--seconds", nargs=2, type=float, default=[10.0, 60.0], metavar=("SCALAR", "ARRAY"))
    add("--seeds", type=int, default=5, metavar="N", help="searches per graph")
    add(
        "--sizes",
        nargs="*",
        type=int,
        default=list(SIZES),
        metavar="V",
        help="vertices of long programs",
    )
    add("--json", type=Path, metavar="PATH", help="where the result goes as JSON")
    given = parser.parse_args(arguments)
    graphs = {name: task_graph(name) for name in given.tasks or task_names()}
    limits = given.seconds[0], given.seconds[1]
    stored = stored_counts(Layout.find(), tuple(graphs))
    results = measure_graphs(graphs, limits, range(given.seeds), _say)
    sys.stdout.write(markdown_table(*counts_table(results, stored)) + "\n\n")
    can_anneal()
    automatic = {name: measure_auto(graph) for name, graph in graphs.items()}
    columns = ["graph", "seconds", "all", "nontrivial", "found_by", "memory_ms", "file_ms"]
    rows = [[name, *(entry[key] for key in columns[1:])] for name, entry in automatic.items()]
    sys.stdout.write(markdown_table(columns, rows) + "\n\n")
    speeds = {}
    for size in given.sizes:
        _say(f"{size} vertices")
        speeds[size] = round(measure_speed(scaling_graph(size), 3.0))
    if speeds:
        rows = [[size, speed] for size, speed in speeds.items()]
        sys.stdout.write(markdown_table(["vertices", "orders/s on one core"], rows) + "\n")
    if given.json:
        content = {"device": device(), "seconds": given.seconds, "seeds": given.seeds}
        content |= {"tasks": results, "auto": automatic, "speeds": speeds}
        write_json(given.json, content)
    return 0


def task_graph(name: str) -> ComputationalGraph:
    """The graph of a task at its example inputs.

    Args:
        name: Name of the task, or module:function.

    Returns:
        The graph.

    Raises:
        UnknownTaskError: If there is no such task.
    """
    task = load_task(name)
    return trace(task.function, *task.example_inputs(), argnums=task.argnums)


def _timed(call: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds that a call takes, and what it returns."""
    began = time.perf_counter()
    result = call()
    return time.perf_counter() - began, result


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
