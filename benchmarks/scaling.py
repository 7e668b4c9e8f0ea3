"""Measures how tracing and emission grow with the length of a program: `make bench-scaling`.

The programs are chains of scalars: every value comes from one or two of the ten values before it,
so that twice the equations are twice the work. Nothing is compiled or run, and one thread does all
of it: times are processor times, which other programs hardly affect. `--profile` shows which
functions the longest program spends its time in.
"""

import argparse
import cProfile
import io
import math
import pstats
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax import lax

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.jacobian import jacve
from elimax.interpreter.orders import named_order
from elimax.interpreter.tracing.call import trace
from elimax.pipeline.checkout.files import write_json
from elimax.pipeline.pages.report_tables import Table, markdown_table

WINDOW = 10
"""A value comes from one or two of this many values before it."""

ENDS = 5
"""Number of inputs, and of outputs."""

SIZES = (1000, 3000, 10000)
ORDERS = ("forward", "reverse", "markowitz")

_UNARY: tuple[Callable[[Any], Any], ...] = (lax.sin, lax.cos, lax.tanh)
_BINARY: tuple[Callable[[Any, Any], Any], ...] = (lax.mul, lax.add, lax.sub)


def chain_program(equations: int, seed: int = 0) -> Callable[..., tuple[Any, ...]]:
    """Makes a program of scalars in which all edges are short.

    Args:
        equations: Number of equations, one vertex each.
        seed: Seed of the operations and their operands.

    Returns:
        A function of `ENDS` scalars to `ENDS` scalars, the last values.
    """
    generator = np.random.default_rng(seed)
    steps: list[tuple[Callable[..., Any], tuple[int, ...]]] = []
    for node in range(ENDS, ENDS + equations):
        operands = generator.integers(max(0, node - WINDOW), node, size=1 + generator.integers(2))
        kind = _UNARY if len(operands) == 1 else _BINARY
        steps.append((kind[generator.integers(3)], tuple(int(node) for node in operands)))

    def program(*inputs: Any) -> tuple[Any, ...]:
        values = list(inputs)
        for function, operands in steps:
            values.append(function(*(values[node] for node in operands)))
        return tuple(values[-ENDS:])

    return program


def measure_size(
    equations: int,
    orders: Sequence[str] = ORDERS,
    budget: float = 60.0,
    report: Callable[[str], None] = lambda text: None,
) -> dict[str, Any]:
    """Measures one program.

    Args:
        equations: Number of equations.
        orders: Names of orders of the portfolio.
        budget: No further order is tried once the program has taken this many seconds.
        report: Called with what begins.

    Returns:
        `equations`, `vertices`; `trace`, `graph`: seconds of `jax.make_jaxpr(f)` and of `trace(f)`,
        which includes it; `orders`: by name, seconds to `find` it and to `emit`, which is
        `jax.make_jaxpr` of the Jacobian, and the number of `emitted` equations; `skipped` orders.
    """
    program, inputs = chain_program(equations), tuple(np.linspace(0.1, 0.9, ENDS, dtype="float32"))
    start = time.process_time()
    report(f"{equations} equations: trace")
    trace_seconds, _ = _timed(lambda: jax.make_jaxpr(_renewed(program))(*inputs))
    graph_seconds, graph = _timed(
        lambda: trace(_renewed(program), *inputs, argnums=range(len(inputs)))
    )
    results: dict[str, Any] = {}
    skipped: list[str] = []
    for name in orders:
        if time.process_time() - start > budget:
            skipped.append(name)
            continue
        report(f"{equations} equations: {name}")
        results[name] = _measure_order(program, inputs, graph, name)
    return {
        "equations": equations,
        "vertices": graph.num_vertices,
        "trace": trace_seconds,
        "graph": graph_seconds,
        "orders": results,
        "skipped": skipped,
    }


def growth(small: float, large: float, factor: float) -> float:
    """Returns the exponent k of growth as n^k.

    Args:
        small: Seconds at n.
        large: Seconds at n times `factor`.
        factor: Above 1.
    """
    return round(math.log(large / small) / math.log(factor), 2)


def scaling_table(results: Sequence[dict[str, Any]]) -> Table:
    """Makes the table: one row per step, one column per size.

    Args:
        results: What `measure_size` returned, the smallest program first.

    Returns:
        Headings and rows; the last column is the exponent of growth from the first to the last.
    """
    columns = ["step", *(f"{entry['equations']} s" for entry in results), "exponent"]
    steps = {
        "trace f": [entry["trace"] for entry in results],
        "graph": [entry["graph"] for entry in results],
    }
    for name in results[0]["orders"]:
        for step in ("find", "emit"):
            steps[f"{step} {name}"] = [entry["orders"].get(name, {}).get(step) for entry in results]
    factor = results[-1]["equations"] / results[0]["equations"]
    rows = []
    for step, seconds in steps.items():
        first, last = seconds[0], seconds[-1]
        known = first and last and factor > 1
        rows.append([step, *seconds, growth(first, last, factor) if known else None])
    return columns, rows


def profile_emission(equations: int, order: str, lines: int = 40) -> str:
    """Profiles tracing and emission of one program.

    Args:
        equations: Number of equations.
        order: Name of an order of the portfolio.
        lines: How many functions to list.

    Returns:
        The functions by their own time, then by the time with all that they call.
    """
    program, inputs = chain_program(equations), tuple(np.linspace(0.1, 0.9, ENDS, dtype="float32"))
    found = named_order(trace(program, *inputs, argnums=range(len(inputs))), order)
    jacobian = jacve(_renewed(program), argnums=tuple(range(ENDS)), order=found)
    profiler = cProfile.Profile()
    profiler.runcall(jax.make_jaxpr(jacobian), *inputs)
    text = io.StringIO()
    statistics = pstats.Stats(profiler, stream=text).strip_dirs()
    for key in ("tottime", "cumulative"):
        statistics.sort_stats(key).print_stats(lines)
    return text.getvalue()


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the benchmark and prints a Markdown table.

    Args:
        arguments: Command-line arguments; None takes those of the process.

    Returns:
        The exit status, 0.
    """
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.scaling", description=(__doc__ or "").split("\n")[0]
    )
    add = parser.add_argument
    add("--sizes", nargs="+", type=int, default=list(SIZES), metavar="N", help="equations")
    add("--orders", nargs="+", choices=ORDERS, default=list(ORDERS))
    add(
        "--seconds",
        type=float,
        default=120.0,
        help="start no further order of a size after this time",
    )
    add("--json", type=Path, metavar="PATH", help="where the result goes as JSON")
    add("--profile", action="store_true", help="profile the last size in the first order")
    given = parser.parse_args(arguments)
    if min(given.sizes) < ENDS:
        parser.error(f"--sizes must be at least {ENDS}, the number of outputs")
    sizes = sorted(given.sizes)
    results = [measure_size(size, given.orders, given.seconds, _say) for size in sizes]
    sys.stdout.write(markdown_table(*scaling_table(results)) + "\n")
    for entry in results:
        if entry["skipped"]:
            _say(f"{entry['equations']} equations: no time left for {', '.join(entry['skipped'])}")
    if given.profile:
        sys.stdout.write(profile_emission(sizes[-1], given.orders[0]))
    if given.json:
        write_json(given.json, {"results": results})
    return 0


def _measure_order(
    program: Callable[..., Any], inputs: tuple[Any, ...], graph: ComputationalGraph, name: str
) -> dict[str, Any]:
    """Finds one order and emits the Jacobian in it."""
    find_seconds, order = _timed(lambda: named_order(graph, name))
    jacobian = jacve(_renewed(program), argnums=tuple(range(ENDS)), order=order)
    emit_seconds, jaxpr = _timed(lambda: jax.make_jaxpr(jacobian)(*inputs))
    return {"find": find_seconds, "emit": emit_seconds, "emitted": len(jaxpr.jaxpr.eqns)}


def _timed(call: Callable[[], Any]) -> tuple[float, Any]:
    """Calls with empty caches; returns the processor seconds and the result."""
    jax.clear_caches()
    start = time.process_time()
    result = call()
    return float(f"{time.process_time() - start:.4g}"), result


def _renewed(function: Callable[..., Any]) -> Callable[..., Any]:
    """Returns a new function object that does the same, so that nothing is cached for it."""
    return lambda *args: function(*args)


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
