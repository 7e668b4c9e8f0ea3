"""What is measured of a task: its orders, the functions by these orders, a batch of inputs."""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.order import EliminationOrder
from elimax.interpreter.jacobian import jacve
from elimax.interpreter.orders import named_order
from elimax.interpreter.orders.auto import auto_order
from elimax.interpreter.output.structured import StructuredJacobian
from elimax.interpreter.tracing.call import trace
from elimax.pipeline.checkout.context import command, order_from, read_order
from elimax.pipeline.checkout.files import Layout, read_json
from elimax.pipeline.stages import rivals, timing
from elimax.pipeline.tasks import load_task
from elimax.pipeline.tasks.task import Task

CHECKED = ("best", "fewest_nontrivial", "forward", "reverse", "markowitz")
"""Orders whose values are compared in float64."""
TIMED = ("best", "fewest_nontrivial", "auto")
"""Orders that are timed in float32."""
STRUCTURED, WRITTEN = "structured", "structured_written"
"""The best order without the zeros; the same written out at once."""
DIFFERENT = 4096
"""Points of a batch that differ; a larger one repeats them."""


@dataclasses.dataclass(frozen=True)
class Subject:
    """A task with its orders.

    Attributes:
        task: The task.
        graph: Its graph.
        orders: Those of `CHECKED`, by name.
    """

    task: Task
    graph: ComputationalGraph
    orders: Mapping[str, EliminationOrder]

    @classmethod
    def load(cls, name: str, layout: Layout) -> "Subject":
        """Traces a task and reads its orders from data/orders.

        Args:
            name: The task.
            layout: Where the files are.

        Raises:
            PipelineError: If the task is unknown, or its orders are missing or of another graph.
        """
        task, path, hint = load_task(name), layout.order(name), command("search", name)
        graph = trace(task.function, *task.example_inputs(), argnums=task.argnums, allow_int=True)
        content = read_json(path, hint, keys=("by_count",))
        fewest = content["by_count"].get("nontrivial")
        orders = {
            "best": read_order(path, graph, hint, "best"),
            "fewest_nontrivial": order_from(fewest, graph, path, hint, "fewest_nontrivial"),
            **{name: named_order(graph, name) for name in CHECKED[2:]},
        }
        return cls(task, graph, orders)

    @functools.cached_property
    def auto(self) -> EliminationOrder:
        """What "auto" finds; it is eliminated even where `jacve(f)` would run a mode of JAX."""
        return auto_order(self.graph)

    def order(self, name: str) -> EliminationOrder:
        """An order by its name, "auto" among them."""
        return self.auto if name == "auto" else self.orders[name]

    def fitting_batch(self, batch: int, dtype: str, gigabytes: float) -> int:
        """The largest batch size whose dense Jacobians fit in memory, at most `batch`."""
        size = rivals.dense_size(self.task) * np.dtype(dtype).itemsize
        return timing.fitting_batch(batch, size, gigabytes * 1e9)


def contenders(
    task: Task, orders: Mapping[str, EliminationOrder], layout: str, is_check: bool
) -> tuple[dict[str, Callable[..., Any]], dict[str, str]]:
    """The functions that are compared.

    Args:
        task: The task, with example inputs in the dtype that is measured.
        orders: Orders by name, "best" among them.
        layout: "published" or "packed", see `elimax.pipeline.stages.rivals`.
        is_check: Whether the structured blocks are also wanted written out, so that their values
            can be compared.

    Returns:
        By name, functions of what `batch_of` returns without the batch axis; and, for every order
        that equals an earlier one, the name of that one, which is measured for both.
    """
    first: dict[tuple[int, ...], str] = {}
    for name, order in orders.items():
        first.setdefault(order.vertices, name)
    same = {name: first[order.vertices] for name, order in orders.items()}
    same = {name: other for name, other in same.items() if name != other}
    distinct = {name: order for name, order in orders.items() if name not in same}
    functions = (rivals.packed if layout == "packed" else rivals.published)(task, distinct)
    structured = jacve(task.function, task.argnums, order=orders["best"], output="structured")
    example = task.example_inputs()

    def of_vector(vector: Any, others: Any) -> Any:
        return structured(*rivals.unpack(vector, others, example, task.argnums))

    def written(*arguments: Any) -> Any:
        return jax.tree.map(
            lambda block: block.todense(),
            structured(*arguments),
            is_leaf=lambda leaf: isinstance(leaf, StructuredJacobian),
        )

    if is_check and layout == "published":
        functions[WRITTEN] = written
    functions[STRUCTURED] = of_vector if layout == "packed" else structured
    return functions, same


def batch_of(task: Task, layout: str, batch: int, seed: int) -> tuple[tuple[Any, ...], Any]:
    """Makes a batch of inputs.

    Args:
        task: The task, with example inputs in the dtype that is measured.
        layout: "published" or "packed".
        batch: Size B of the batch; the same `DIFFERENT` points again and again if it is larger.
        seed: Seed of the points.

    Returns:
        Arguments on the device, with a leading axis B where they are differentiated, and `in_axes`
        of vmap for them.
    """
    single = task.example_inputs()
    some = timing.jitter_batch(single, task.argnums, min(batch, DIFFERENT), seed)
    axes: Any = timing.batch_axes(single, task.argnums)
    if layout == "packed":
        some, axes = rivals.pack(some, task.argnums), (0, None)

    def repeated(axis: int | None, tree: Any) -> Any:
        if axis is None:
            return tree
        return jax.tree.map(lambda leaf: np.resize(leaf, (batch, *leaf.shape[1:])), tree)

    placed = jax.tree.map(repeated, axes, some, is_leaf=lambda leaf: leaf is None)
    return tuple(jax.device_put(placed)), axes
