"""A task with its graphs and orders."""

import dataclasses
import functools
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.order import EliminationOrder
from elimax.interpreter.orders import named_order
from elimax.interpreter.orders.annealing.compilation import can_anneal
from elimax.interpreter.orders.auto import auto_order
from elimax.interpreter.tracing.call import trace
from elimax.pipeline.checkout.context import command, order_from, read_order
from elimax.pipeline.checkout.files import Layout, read_json
from elimax.pipeline.stages import batches, rivals
from elimax.pipeline.tasks import load_task
from elimax.pipeline.tasks.task import Task

STORED = ("best", "fewest_nontrivial")
"""Orders that stage search has found, in data/orders."""


@dataclasses.dataclass(frozen=True)
class Subject:
    """A task with its graphs and orders.

    Attributes:
        task: The task.
        graph: Its graph.
        stored: The requested `STORED` orders, by name.
        found: Other orders and the seconds it took to find them, by name and whether they are for
            the packed layout; filled on demand.
    """

    task: Task
    graph: ComputationalGraph
    stored: Mapping[str, EliminationOrder]
    found: dict[tuple[str, bool], tuple[EliminationOrder, float]] = dataclasses.field(
        default_factory=dict
    )

    @classmethod
    def load(cls, name: str, layout: Layout, orders: Sequence[str]) -> "Subject":
        """Traces a task and reads its stored orders.

        Args:
            name: The task.
            layout: Where the files are.
            orders: Names of the requested orders.

        Raises:
            PipelineError: If the task is unknown, or its orders are missing or of another graph.
        """
        task, path, hint = load_task(name), layout.order(name), command("search", name)
        graph = trace(task.function, *task.example_inputs(), argnums=task.argnums, allow_int=True)
        stored = {}
        if "best" in orders:
            stored["best"] = read_order(path, graph, hint, "best")
        if "fewest_nontrivial" in orders:
            fewest = read_json(path, hint, keys=("by_count",))["by_count"].get("nontrivial")
            stored["fewest_nontrivial"] = order_from(fewest, graph, path, hint, "fewest_nontrivial")
        return cls(task, graph, stored)

    @functools.cached_property
    def packed_graph(self) -> ComputationalGraph:
        """The graph of the function of one vector."""
        return rivals.packed_graph(self.task)

    def order(self, name: str, *, packed: bool = False) -> EliminationOrder:
        """Returns an order by its name; "auto" even where `jacve(f)` would run a mode of JAX.

        Args:
            name: "auto", a stored order, or the name of a classical one.
            packed: Whether it is for the packed graph; stored orders never are.
        """
        if name in STORED:
            return self.stored[name]
        if (name, packed) not in self.found:
            graph = self.packed_graph if packed else self.graph
            can_anneal()  # Loading compiled code is not part of the search.
            start = time.perf_counter()
            order = auto_order(graph) if name == "auto" else named_order(graph, name)
            self.found[name, packed] = order, time.perf_counter() - start
        return self.found[name, packed][0]

    def searches(self, *, packed: bool) -> dict[str, dict[str, Any]]:
        """Seconds it took to find each order that is not stored, and what found it."""
        return {
            name: {"seconds": float(f"{seconds:.4g}"), "found_by": order.name}
            for (name, is_packed), (order, seconds) in self.found.items()
            if is_packed == packed
        }

    def fitting_batch(self, batch: int, dtype: str, gigabytes: float) -> int:
        """The largest batch size whose dense Jacobians fit in memory, at most `batch`."""
        size = rivals.dense_size(self.task) * np.dtype(dtype).itemsize
        return batches.fitting_batch(batch, size, gigabytes * 1e9)
