"""`order="fastest"` against JAX's two modes, on small systems, in batches; see the README.md above.

`DIR/lines.jsonl` gets one line for every system, dtype and batch; existing lines are kept.
"""

import argparse
import os
import statistics
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.learning.lines import Line, append_line, environment, read_lines
from benchmarks.measuring import paired_ratio
from benchmarks.races import least_squares, models
from elimax.interpreter import timing
from elimax.interpreter.differentiation import Options
from elimax.interpreter.jacobian import jacve
from elimax.interpreter.precision import relative_error
from elimax.interpreter.racing import race
from elimax.pipeline.checkout.files import write_text
from elimax.pipeline.errors import FileError
from elimax.pipeline.pages.report_tables import Table, markdown_table

SYSTEMS: dict[str, tuple[Callable[[Any], Any], list[float]]] = {
    function.__name__: (function, point)
    for systems in (least_squares.SYSTEMS, models.SYSTEMS)
    for function, point in systems.items()
}
OPTIONS = Options(0, False, False, False, "auto", "dense")
CHECKED = 64
"""Points at which Jacobians are compared in float64, enough for a kernel."""


def measure(name: str, dtype: str, batch: int, rounds: int, seconds: float) -> Line:
    """Races the contenders of one system, then times the winner again next to its rivals.

    Args:
        name: Name of the system.
        dtype: float32 or float64.
        batch: Number of points; 1 is one call without `vmap`.
        rounds: Rounds of the times that are reported.
        seconds: Time for the race.

    Returns:
        `winner`, the name of the contender; `execution` of its plan; `error`, its largest relative
        error in float64; `seconds` of a call by name: `jacfwd`, `jacrev`, `auto` (jacve), `fastest`
        and `floor`, which only writes an array of the size of the Jacobian; `by_kernel`, the names
        of those that call a native kernel; `ratios` by name, (time of JAX's better mode / time),
        with their intervals.
    """
    function, values = SYSTEMS[name]
    with jax.enable_x64(True):
        exact = race(function, (jnp.asarray(values, dtype),), {}, OPTIONS, batch=_size(batch),
                     seconds=seconds)  # fmt: skip
        points = _points(values, CHECKED, "float64")
        found = jax.jit(jax.vmap(jacve(function, order=exact.plan)))(points)
        expected = jax.jit(jax.vmap(jax.jacfwd(function)))(points)
        error = float(relative_error(np.asarray(found), np.asarray(expected)))
        makers: dict[str, Callable[[Any], Any]] = {
            "jacfwd": jax.jacfwd(function),
            "jacrev": jax.jacrev(function),
            "auto": jacve(function),
            "fastest": jacve(function, order=exact.plan),
        }
        given = _points(values, batch, dtype)
        shape = jax.eval_shape(makers["jacfwd"], given[0]).shape
        makers["floor"] = lambda x: jnp.broadcast_to(x[0], shape)
        mapped = {k: (jax.vmap(f) if batch > 1 else f) for k, f in makers.items()}
        given = given if batch > 1 else given[0]
        calls = {k: timing.compile_ahead(f, (given,)).call for k, f in mapped.items()}
        times = timing.measure(calls, rounds=rounds, seconds=10.0, seed=0)
    better = min(("jacfwd", "jacrev"), key=lambda mode: statistics.median(times[mode]))
    winner = next(iter(exact.seconds))
    return {
        **dict.fromkeys(("set", "program"), name),
        **{"method": "fastest", "seed": 0, "count": dtype, "budget": batch},
        **{"fingerprint": exact.plan.fingerprint, "vertices": exact.plan.num_vertices},
        **{"arrays": False, "policy": None, "error": error, "winner": winner, "better": better},
        "execution": exact.plan.execution,
        "by_kernel": [k for k, f in mapped.items() if _calls_kernel(f, given)],
        "left_out": exact.left_out,
        "raced": {k: float(f"{x:.4g}") for k, x in exact.seconds.items()},
        "seconds": {k: float(f"{statistics.median(x):.4g}") for k, x in times.items()},
        "ratios": {
            k: paired_ratio(times[better], x)
            for k, x in times.items()
            if k not in ("jacfwd", "jacrev")
        },
    }


def _calls_kernel(function: Callable[[Any], Any], points: Any) -> bool:
    return "kernel_call" in str(jax.make_jaxpr(function)(points))


def _size(batch: int) -> int | None:
    return batch if batch > 1 else None


def _points(values: Sequence[float], number: int, dtype: str) -> Any:
    """Makes random points around a point, (number, inputs)."""
    noise = np.random.default_rng(0).standard_normal((number, len(values)))
    return jnp.asarray(np.asarray(values) * (1 + 0.02 * noise), dtype)


def means_table(lines: Sequence[Line]) -> Table:
    """Geometric means of the ratios to the better mode of JAX, for every dtype and batch.

    Args:
        lines: Lines of the results.

    Returns:
        Headings and rows: `auto`, `fastest`, and `fastest` without the cases that JAX won; how
        often a mode of JAX won; how often `auto`, and the winner, ran a native kernel; cases of
        `fastest` whose interval lies below 0.97; the median of (time of fastest / time of only
        writing its output); the largest error.
    """
    rows = []
    for key in dict.fromkeys((line["count"], line["budget"]) for line in lines):
        ours = [line for line in lines if (line["count"], line["budget"]) == key]
        others = [line for line in ours if line["execution"] not in ("jacfwd", "jacrev")]
        below = [x["program"] for x in ours if x["ratios"]["fastest"]["high"] < 0.97]
        floor = [x["seconds"]["fastest"] / x["seconds"]["floor"] for x in ours]
        rows.append(
            [
                *(*key, len(ours), _mean(ours, "auto"), _mean(ours, "fastest")),
                *(_mean(others, "fastest"), len(ours) - len(others)),
                *(sum(way in line["by_kernel"] for line in ours) for way in ("auto", "fastest")),
                *(", ".join(below) or "none", statistics.median(floor)),
                max(line["error"] for line in ours),
            ]
        )
    columns = ["dtype", "batch", "systems", "auto", "fastest", "without JAX's wins", "JAX won"]
    columns += ["auto by kernel", "kernel won", "below 0.97", "times the floor", "largest error"]
    return columns, rows


def _mean(lines: Sequence[Line], name: str) -> float | None:
    ratios = [line["ratios"][name]["median"] for line in lines]
    return statistics.geometric_mean(ratios) if ratios else None


def times_table(lines: Sequence[Line]) -> Table:
    """Times of every case, in microseconds, and the ratio of the fastest with its interval."""
    names = ("jacfwd", "jacrev", "auto", "fastest", "floor")
    rows = [
        [
            *(line["program"], line["count"], line["budget"]),
            *(f"{line['seconds'][name] * 1e6:,.1f}" for name in names),
            line["winner"],
            "{median:.2f} ({low:.2f} to {high:.2f})".format(**line["ratios"]["fastest"]),
        ]
        for line in lines
    ]
    return ["system", "dtype", "batch", *(f"{name} us" for name in names), "winner", "ratio"], rows


def run(arguments: argparse.Namespace) -> str:
    """Measures what a file lacks, and writes the tables.

    Args:
        arguments: Those of `main`.

    Returns:
        The tables.

    Raises:
        FileError: If a file is broken or cannot be written.
    """
    path, where = arguments.out / "lines.jsonl", environment(None)
    lines = read_lines(path)
    known = {(line["program"], line["count"], line["budget"]) for line in lines}
    for dtype in arguments.dtype:
        for batch in arguments.batch:
            for name in arguments.systems or SYSTEMS:
                if (name, dtype, batch) not in known:
                    line = measure(name, dtype, batch, arguments.rounds, arguments.seconds)
                    append_line(path, line | where)
                    lines.append(line)
                    sys.stderr.write(f"{name}, {dtype}, batch {batch}: {line['winner']}\n")
                    jax.clear_caches()
    text = "\n\n".join(
        [
            f"# Races on {where['machine']}, {where['cores']} processors",
            f"XLA_FLAGS {os.environ.get('XLA_FLAGS', '')}",
            markdown_table(*means_table(lines)),
            markdown_table(*times_table(lines)),
        ]
    )
    write_text(arguments.out / "table.md", f"{text}\n")
    return f"{text}\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command.

    Args:
        arguments: Command-line arguments; those of the process if None.

    Returns:
        The exit status: 1 if results cannot be read or written.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.races")
    add = parser.add_argument
    add("systems", nargs="*", metavar="SYSTEM", help="systems; by default all")
    add("--batch", type=int, nargs="+", default=[1, 512, 65536], help="batch sizes")
    add("--dtype", choices=("float32", "float64"), nargs="+", default=["float32"])
    add("--rounds", type=int, default=15, help="rounds of the reported times")
    add("--seconds", type=float, default=10.0, help="time for one race")
    add("--out", type=Path, default=Path(".state/races"), metavar="DIR")
    given = parser.parse_args(arguments)
    if unknown := sorted(set(given.systems) - set(SYSTEMS)):
        parser.error(f"unknown system {', '.join(unknown)}: choose from {', '.join(SYSTEMS)}")
    try:
        sys.stdout.write(run(given))
    except FileError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
