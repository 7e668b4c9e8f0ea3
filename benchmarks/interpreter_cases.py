"""Goes through the layouts and batch sizes of one task; runs in a process of its own."""

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import jax

from benchmarks import interpreter_contenders
from benchmarks.interpreter_contenders import Maker
from benchmarks.interpreter_measure import Limits, measure_case
from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.order import EliminationOrder
from elimax.interpreter.orders.annealing.compilation import can_anneal
from elimax.interpreter.orders.auto import auto_order
from elimax.interpreter.tracing.call import trace
from elimax.pipeline.checkout.context import command, read_order
from elimax.pipeline.checkout.files import Layout
from elimax.pipeline.checkout.machine import device
from elimax.pipeline.stages import rivals, timing
from elimax.pipeline.tasks import load_task
from elimax.pipeline.tasks.task import Task


@dataclasses.dataclass(frozen=True)
class Settings:
    """What is measured, and how long.

    Attributes:
        layouts: Layouts, see `elimax.pipeline.stages.rivals`.
        batches: Batch sizes; one that does not fit becomes the largest that does.
        dtype: Dtype of all floating inputs.
        orders: "auto", as `jacve` chooses, or "best", the order of data/orders/TASK.json. The
            latter is for the published arguments; one vector in has another graph and keeps "auto".
        dense_gigabytes: Memory that the dense Jacobians of one batch may take, in 1e9 bytes.
        limits: How long a case is measured.
        root: The folder that holds data/orders.
    """

    layouts: tuple[str, ...] = ("published", "packed")
    batches: tuple[int, ...] = (1, 512, 65536)
    dtype: str = "float32"
    orders: Literal["auto", "best"] = "auto"
    dense_gigabytes: float = 0.5
    limits: Limits = dataclasses.field(default_factory=Limits)
    root: Path = Path(".")


def measure_task(
    name: str, settings: Settings, report: Callable[[str], None] = print
) -> dict[str, Any]:
    """Measures all cases of one task.

    Args:
        name: Name of the task, or module:function.
        settings: What is measured.
        report: Told which case begins.

    Returns:
        `device`; `search` by graph: seconds of tracing the graph and of finding its order, and the
        name of the order; `cases`: what `measure_case` returns with `layout` and `batch`; `absent`:
        contenders that were left out, with the reason.

    Raises:
        ElimaxError: If there is no such task, or no order of it.
    """
    with jax.enable_x64(settings.dtype == "float64"):
        task = load_task(name)
        example = rivals.in_dtype(task.example_inputs(), settings.dtype)
        task = dataclasses.replace(task, example_inputs=lambda: example)
        makers, search, absent = _contenders(name, task, settings)
        cases = []
        sizes = batch_sizes(task, settings)
        for number, batch in enumerate(sizes):
            # Batch sizes hardly matter for tracing and compiling, so that one is repeated.
            limits = settings.limits
            if number != min(1, len(sizes) - 1):
                limits = dataclasses.replace(limits, builds=1)
            for layout, contenders in makers.items():
                report(f"{name} {layout} batch {batch}")
                arguments, axes = _batch(task, example, layout, batch, limits.seed)
                case = measure_case(contenders, arguments, axes, limits)
                cases.append({"layout": layout, "batch": batch, **case})
        return {"device": device(), "search": search, "cases": cases, "absent": absent}


def batch_sizes(task: Task, settings: Settings) -> list[int]:
    """Returns the batch sizes of a task that fit in memory, smallest first.

    Args:
        task: The task.
        settings: Wanted sizes, dtype and memory.
    """
    bytes_each = rivals.dense_size(task) * (8 if settings.dtype == "float64" else 4)
    limit = settings.dense_gigabytes * 1e9
    return sorted({timing.fitting_batch(batch, bytes_each, limit) for batch in settings.batches})


def _contenders(
    name: str, task: Task, settings: Settings
) -> tuple[dict[str, dict[str, Maker]], dict[str, Any], dict[str, str]]:
    """Finds the orders; returns makers by layout, what the search took, and who is left out."""
    example = task.example_inputs()

    def published_graph() -> ComputationalGraph:
        return trace(task.function, *example, argnums=task.argnums, allow_int=True)

    found = None
    if settings.orders == "best":
        path = Layout(settings.root).order(name)
        found = read_order(path, published_graph(), command("search", name), "best")
    order, took = _search(published_graph, found)
    makers: dict[str, dict[str, Maker]] = {}
    search = {"published": took}
    absent: dict[str, str] = {}
    if "published" in settings.layouts:
        makers["published"] = interpreter_contenders.published(task, order)
    if "packed" in settings.layouts and rivals.can_be_packed(task):
        flat = interpreter_contenders.flat_function(task)
        (vectors, others), _ = _batch(task, example, "packed", 1, settings.limits.seed)
        flat_order, search["packed"] = _search(
            lambda: trace(flat, vectors[0], others, argnums=(0,)), None
        )
        extra, absent = interpreter_contenders.coloured(task, example, settings.limits.seed)
        makers["packed"] = interpreter_contenders.packed(task, example, order, flat_order) | extra
    elif "packed" in settings.layouts:
        absent["packed"] = "whole numbers among the differentiated arguments do not fit a vector"
    return makers, search, absent


def _search(
    make_graph: Callable[[], ComputationalGraph], found: EliminationOrder | None
) -> tuple[EliminationOrder, Mapping[str, Any]]:
    """Finds the order of a graph unless there is one; returns it with what that took."""
    # The first trace also pays for loading what elimax and JAX load when they are first used.
    make_graph()
    can_anneal()
    start = time.perf_counter()
    graph = make_graph()
    traced = time.perf_counter()
    # As `jacve` does, but always from the start: an order out of its cache would say nothing.
    order = found or auto_order(graph)
    seconds = time.perf_counter() - traced
    return order, {
        "graph_seconds": float(f"{traced - start:.4g}"),
        "order_seconds": float(f"{seconds:.4g}"),
        "order": order.name,
        "vertices": graph.num_vertices,
    }


def _batch(
    task: Task, example: Sequence[Any], layout: str, batch: int, seed: int
) -> tuple[Any, Any]:
    """Returns arguments with a batch axis, and where vmap finds it."""
    arguments = timing.jitter_batch(example, task.argnums, batch, seed)
    if layout == "packed":
        return rivals.pack(arguments, task.argnums), (0, None)
    return arguments, timing.batch_axes(example, task.argnums)
