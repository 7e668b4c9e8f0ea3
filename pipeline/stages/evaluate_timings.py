"""Times the Jacobians of a task against JAX's, in every dtype, layout and batch size."""

import dataclasses
import statistics
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

import jax

from elimax.interpreter import timing
from elimax.interpreter.graph.order import EliminationOrder
from elimax.models.ranges import Range
from elimax.pipeline.checkout.context import cheapest
from elimax.pipeline.checkout.machine import device
from elimax.pipeline.console import Report
from elimax.pipeline.errors import StageError
from elimax.pipeline.stages import batches, rivals
from elimax.pipeline.tasks.task import Task


@dataclasses.dataclass(frozen=True)
class EvaluateConfig:
    """Section `evaluate` of params.yaml.

    Attributes:
        tolerance: Largest relative error of a Jacobian in float64, per block.
        batch_sizes: Batch sizes to time; one that does not fit becomes the largest that does.
        dtypes: Dtypes to time.
        layouts: Layouts to time, see `elimax.pipeline.stages.rivals`.
        rounds: Rounds of a measurement at most.
        seconds: Time of all measurements of one task, compilation not included, in seconds.
        compile_seconds: When compiling has taken this long, no further case is started.
        dense_gigabytes: Memory that the dense Jacobians of one batch may take, in 1e9 bytes.
    """

    tolerance: Annotated[float, Range(0.0, 1.0)] = 1e-10
    batch_sizes: tuple[Annotated[int, Range(1, 2**30)], ...] = (1, 512, 65536)
    dtypes: tuple[Literal["float32", "float64"], ...] = ("float32", "float64")
    layouts: tuple[Literal["published", "packed"], ...] = ("published", "packed")
    rounds: Annotated[int, Range(1, 1_000_000)] = 20
    seconds: Annotated[float, Range(0.0, 1e6)] = 20.0
    compile_seconds: Annotated[float, Range(0.0, 1e6)] = 120.0
    dense_gigabytes: Annotated[float, Range(0.0, 1e6)] = 0.5


NATIVE = "native"
"""The best order as a native kernel; packed, the order that `jacve` finds."""


def silent(done: int, text: str = "") -> None:
    """Ignores the progress of a measurement."""


def timed_orders(
    orders: Mapping[str, EliminationOrder], counts: Mapping[str, Mapping[str, int]]
) -> dict[str, EliminationOrder]:
    """Returns the orders that are timed: markowitz with its better tie-break, best twice.

    The second `best` is the null comparison: the same function, measured twice.
    """
    ties = {name: counts[name] for name in ("markowitz", "markowitz_high")}
    return {
        "forward": orders["forward"],
        "reverse": orders["reverse"],
        "markowitz": orders[cheapest(ties, "all")],
        "best": orders["best"],
        "fewest_nontrivial": orders["fewest_nontrivial"],
        "best_again": orders["best"],
    }


def time_task(
    task: Task,
    orders: Mapping[str, EliminationOrder],
    config: EvaluateConfig,
    seed: int,
    report: Report = silent,
) -> dict[str, Any]:
    """Times the Jacobians of a task against JAX's.

    Args:
        task: The task.
        orders: What `timed_orders` returned.
        config: Batch sizes, dtypes, limits.
        seed: Seed of the inputs and of the order of measurements.
        report: Told how many cases are done.

    Returns:
        `device`, and `cases`: per dtype, layout and batch size what `time_case` returns, and
        `skipped`: the cases for which there was no time.
    """
    wanted = _cases(task, config)
    cases: list[dict[str, Any]] = []
    skipped: list[str] = []
    compiled = 0.0
    for number, (dtype, layout, batch) in enumerate(wanted):
        label = _label(dtype, layout, batch)
        report(number, label)
        if compiled > config.compile_seconds:
            skipped.append(label)
            continue
        with jax.enable_x64(dtype == "float64"):
            case = time_case(
                task,
                orders,
                dtype=dtype,
                layout=layout,
                batch=batch,
                rounds=config.rounds,
                seconds=config.seconds / len(wanted),
                seed=seed,
            )
        compiled += sum(case["compile_seconds"].values())
        cases.append(case)
    report(len(wanted))
    return {"device": device(), "cases": cases, "skipped": skipped}


def time_case(
    task: Task,
    orders: Mapping[str, EliminationOrder],
    *,
    dtype: str,
    layout: rivals.Layout,
    batch: int,
    rounds: int,
    seconds: float,
    seed: int,
) -> dict[str, Any]:
    """Times all functions for one dtype, layout and batch size.

    Returns:
        `dtype`, `layout`, `batch`; by name `compile_seconds` and median `seconds` of a call;
        `ratios` by rival and order: above 1, ours is faster; `null`: best against itself;
        `failed`: rivals that JAX cannot compute, and the kernel if there is none, with the reason;
        `rounds`.

    Raises:
        StageError: If one of our own Jacobians cannot be compiled.
    """
    single = rivals.in_dtype(task.example_inputs(), dtype)
    task = dataclasses.replace(task, example_inputs=lambda: single)
    arguments = batches.jitter_batch(single, task.argnums, batch, seed)
    axes: Any = batches.batch_axes(single, task.argnums)
    functions = (rivals.packed if layout == "packed" else rivals.published)(task, orders)
    functions[NATIVE] = rivals.native(task, orders["best"], layout)
    if layout == "packed":
        arguments, axes = rivals.pack(arguments, task.argnums), (0, None)
    # Equal orders are the same function, which need not be compiled twice. (Every caller passes a
    # dict, whose items can be reversed; pyright knows only of a Mapping.)
    first = {order.vertices: name for name, order in reversed(orders.items())}  # pyright: ignore
    again = {name: first[order.vertices] for name, order in orders.items()}
    distinct = {name: f for name, f in functions.items() if again.get(name, name) == name}
    compiled, failed = _compile(distinct, jax.device_put(arguments), axes)
    compiled |= {name: compiled[same] for name, same in again.items()}
    times = timing.measure(
        {name: entry.call for name, entry in compiled.items()},
        rounds=rounds,
        seconds=seconds,
        seed=seed,
    )
    ours = [name for name in (*orders, NATIVE) if name in times and name != "best_again"]
    return {
        "dtype": dtype,
        "layout": layout,
        "batch": batch,
        "rounds": len(times["best"]),
        "compile_seconds": {name: round(entry.seconds, 3) for name, entry in compiled.items()},
        "seconds": {name: statistics.median(series) for name, series in times.items()},
        "ratios": {
            rival: {name: timing.paired_ratio(times[rival], times[name]) for name in ours}
            for rival in rivals.RIVALS
            if rival in times
        },
        "null": timing.paired_ratio(times["best_again"], times["best"]),
        "failed": failed,
    }


def case_labels(task: Task, config: EvaluateConfig) -> list[str]:
    """Returns the combinations of dtype, layout and batch size that `time_task` goes through."""
    return [_label(*case) for case in _cases(task, config)]


def _label(dtype: str, layout: str, batch: int) -> str:
    return f"{dtype} {layout} batch {batch}"


def _cases(task: Task, config: EvaluateConfig) -> list[tuple[str, rivals.Layout, int]]:
    """Returns all dtypes, layouts and batch sizes to time."""
    layouts = [name for name in config.layouts if name != "packed" or rivals.can_be_packed(task)]
    entries = rivals.dense_size(task)
    limit = config.dense_gigabytes * 1e9
    cases = []
    # Batch sizes outside: where compiling takes too long for all, both layouts are still compared.
    for dtype in config.dtypes:
        bytes_each = entries * (8 if dtype == "float64" else 4)
        fitting = (batches.fitting_batch(batch, bytes_each, limit) for batch in config.batch_sizes)
        sizes = list(dict.fromkeys(fitting))
        cases += [(dtype, layout, batch) for batch in sizes for layout in layouts]
    return cases


def _compile(
    functions: Mapping[str, Callable[..., Any]], arguments: tuple[Any, ...], axes: Any
) -> tuple[dict[str, timing.Compiled], dict[str, str]]:
    """Compiles all functions over a batch; a rival or a kernel that fails is left out, with why."""
    compiled: dict[str, timing.Compiled] = {}
    failed: dict[str, str] = {}
    for name, function in functions.items():
        try:
            compiled[name] = timing.compile_ahead(jax.vmap(function, in_axes=axes), arguments)
        except Exception as error:
            reason = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
            if name not in (*rivals.RIVALS, NATIVE):
                raise StageError(f"the Jacobian by {name} cannot be compiled: {reason}") from error
            failed[name] = reason
    return compiled, failed
