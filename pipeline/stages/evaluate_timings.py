"""Times the Jacobians of a task against JAX's, in every dtype, layout and batch size.

XLA reads its flags once per process: what is timed here has the flags of this process, and
`elimax.pipeline.stages.timing_process` starts one for each set.
"""

import dataclasses
import statistics
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, NamedTuple

import jax

from elimax.interpreter import timing
from elimax.interpreter.graph.order import EliminationOrder
from elimax.models.ranges import Range
from elimax.pipeline.checkout.context import cheapest
from elimax.pipeline.errors import StageError
from elimax.pipeline.stages import batches, rivals
from elimax.pipeline.tasks.task import Task
from elimax.pipeline.xla_flags import FLAG_SETS, FlagSet


@dataclasses.dataclass(frozen=True)
class EvaluateConfig:
    """Section `evaluate` of params.yaml.

    Attributes:
        tolerance: Largest relative error of a Jacobian in float64, per block.
        batch_sizes: Batch sizes to time; one that does not fit becomes the largest that does.
        dtypes: Dtypes to time.
        layouts: Layouts to time, see `elimax.pipeline.stages.rivals`.
        flags: Sets of XLA flags to time with, see `elimax.pipeline.xla_flags`; only the first one
            on devices other than CPUs.
        rounds: Most rounds of a measurement.
        seconds: Time of all measurements of one task, compilation not included, in seconds.
        compile_seconds: When compiling has taken this long, no further case is started.
        dense_gigabytes: Memory that the dense Jacobians of one batch may take, in 1e9 bytes.
    """

    tolerance: Annotated[float, Range(0.0, 1.0)] = 1e-10
    batch_sizes: tuple[Annotated[int, Range(1, 2**30)], ...] = (1, 512, 65536)
    dtypes: tuple[Literal["float32", "float64"], ...] = ("float32", "float64")
    layouts: tuple[Literal["published", "packed"], ...] = ("published", "packed")
    flags: tuple[FlagSet, ...] = FLAG_SETS
    rounds: Annotated[int, Range(1, 1_000_000)] = 20
    seconds: Annotated[float, Range(0.0, 1e6)] = 20.0
    compile_seconds: Annotated[float, Range(0.0, 1e6)] = 120.0
    dense_gigabytes: Annotated[float, Range(0.0, 1e6)] = 0.5


NATIVE = "native"
"""The best order as a native kernel; packed, the order that `jacve` finds."""


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


class Case(NamedTuple):
    """What is timed in one go."""

    dtype: str
    layout: rivals.Layout
    batch: int
    flags: FlagSet

    def __str__(self) -> str:
        """Names the case in the table of run times."""
        words = f"{self.dtype} {self.layout} batch {self.batch}"
        return words if self.flags == "default" else f"{words} {self.flags}"


def wanted_cases(task: Task, config: EvaluateConfig, platform: str = "cpu") -> list[Case]:
    """Returns all combinations of flags, dtype, batch size and layout to time.

    Args:
        task: The task; one whose arguments make no vector has no packed layout.
        config: What to combine, and the memory that limits batch sizes.
        platform: The platform of the device.

    Returns:
        The cases, those with equal flags next to each other.
    """
    layouts: list[rivals.Layout] = [
        name for name in config.layouts if name != "packed" or rivals.can_be_packed(task)
    ]
    flag_sets = config.flags if platform == "cpu" else config.flags[:1]
    entries = rivals.dense_size(task)
    limit = config.dense_gigabytes * 1e9
    cases = []
    # Layouts innermost: if compiling takes too long for all cases, both layouts are still compared.
    for flags in flag_sets:
        for dtype in config.dtypes:
            each = entries * (8 if dtype == "float64" else 4)
            fitting = (batches.fitting_batch(batch, each, limit) for batch in config.batch_sizes)
            sizes = list(dict.fromkeys(fitting))
            cases += [Case(dtype, name, batch, flags) for batch in sizes for name in layouts]
    return cases


def time_case(
    task: Task,
    orders: Mapping[str, EliminationOrder],
    case: Case,
    *,
    rounds: int,
    seconds: float,
    seed: int,
) -> dict[str, Any]:
    """Times all functions for one dtype, layout and batch size, with the flags of this process.

    Args:
        task: The task.
        orders: What `timed_orders` returned.
        case: What to time; its flags are only written down.
        rounds: Most rounds.
        seconds: Time of measuring, compilation not included, in seconds.
        seed: Seed of the inputs and of the order of measurements.

    Returns:
        The fields of the case; by name `compile_seconds` and median `seconds` of a call;
        `ratios` by rival and order: above 1, ours is faster; `null`: best against itself;
        `failed`: rivals that JAX cannot compute, and the kernel if there is none, with the reason;
        `rounds`.

    Raises:
        StageError: If one of our own Jacobians cannot be compiled.
    """
    with jax.enable_x64(case.dtype == "float64"):
        compiled, failed = _compile_all(task, orders, case, seed)
        times = timing.measure(
            {name: entry.call for name, entry in compiled.items()},
            rounds=rounds,
            seconds=seconds,
            seed=seed,
        )
    ours = [name for name in (*orders, NATIVE) if name in times and name != "best_again"]
    return {
        **case._asdict(),
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


def _compile_all(
    task: Task, orders: Mapping[str, EliminationOrder], case: Case, seed: int
) -> tuple[dict[str, timing.Compiled], dict[str, str]]:
    """Compiles the rivals and ours over the batch of a case."""
    single = rivals.in_dtype(task.example_inputs(), case.dtype)
    task = dataclasses.replace(task, example_inputs=lambda: single)
    arguments = batches.jitter_batch(single, task.argnums, case.batch, seed)
    axes: Any = batches.batch_axes(single, task.argnums)
    functions = (rivals.packed if case.layout == "packed" else rivals.published)(task, orders)
    functions[NATIVE] = rivals.native(task, orders["best"], case.layout)
    if case.layout == "packed":
        arguments, axes = rivals.pack(arguments, task.argnums), (0, None)
    # Equal orders are the same function, which need not be compiled twice. (Every caller passes a
    # dict, whose items can be reversed; pyright sees only a Mapping.)
    first = {order.vertices: name for name, order in reversed(orders.items())}  # pyright: ignore
    again = {name: first[order.vertices] for name, order in orders.items()}
    distinct = {name: f for name, f in functions.items() if again.get(name, name) == name}
    compiled, failed = _compile(distinct, jax.device_put(arguments), axes)
    return compiled | {name: compiled[same] for name, same in again.items()}, failed


def _compile(
    functions: Mapping[str, Callable[..., Any]], arguments: tuple[Any, ...], axes: Any
) -> tuple[dict[str, timing.Compiled], dict[str, str]]:
    """Compiles all functions over a batch; leaves out a failing rival or kernel, with reason."""
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
