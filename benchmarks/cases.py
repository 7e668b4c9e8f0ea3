"""What is measured: the list of cases, how long each may take, and the inputs of a case."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from elimax.pipeline.stages import batches, rivals
from elimax.pipeline.tasks.task import Task

CLASSICAL = ("forward", "reverse", "markowitz")
"""Orders whose values are checked in addition to those that are timed."""
TRAINED = ("roe_flux_1d", "kerr_metric", "lstm_rollout")
"""Tasks that the policy is trained on."""
EPISODES = (48, 256)
"""Games per update: as many as stage finetune plays, and as many as suit a large device."""
DIFFERENT = 4096
"""Distinct points of a batch; a larger batch repeats them."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """What is measured, and how long; the attributes are the options of the command line.

    Attributes:
        layouts: Layouts, see `elimax.pipeline.stages.rivals`.
        batch: Batch sizes of run times; one that does not fit becomes the largest that does.
        dtype: Dtypes of run times.
        orders: Orders to time. The null comparison and the structured output use the first.
        values: Whether the values of Jacobians in float64 are checked.
        check_batch: Batch size of these checks.
        training: Whether the training of the policy is timed.
        gigabytes: Memory that the dense Jacobians of one batch may take, in 1e9 bytes.
        rounds: Most rounds of run times.
        builds: Most rounds of tracing and compiling.
        case_seconds: No further round of either starts after this time, except for the first
            three of run times and the first of builds.
        compilers: Compilations at a time; more than one makes compile times those of a busy
            machine.
        compile_seconds: A compilation that takes longer is abandoned.
        seed: Seed of inputs, of the order of measurements, and of the bootstrap.
    """

    layouts: Sequence[str] = ("published", "packed")
    batch: Sequence[int] = (1, 512, 65536)
    dtype: Sequence[str] = ("float32",)
    orders: Sequence[str] = ("auto",)
    values: bool = False
    check_batch: int = 512
    training: bool = False
    gigabytes: float = 0.5
    rounds: int = 30
    builds: int = 3
    case_seconds: float = 3.0
    compilers: int = 1
    compile_seconds: float = 60.0
    seed: int = 0


@dataclasses.dataclass(frozen=True)
class Case:
    """One thing to measure.

    Attributes:
        task: Name of the task.
        kind: "values" and "times" of Jacobians, or "training" of the policy.
        dtype: Dtype of the floating inputs of a Jacobian.
        layout: "published" or "packed".
        batch: Wanted batch size, or games per update of a training.
    """

    task: str
    kind: str
    dtype: str
    layout: str
    batch: int

    @property
    def label(self) -> str:
        """Name of the case in the file of its task."""
        if self.kind == "training":
            return f"training with {self.batch} games"
        return f"{self.kind} {self.dtype} {self.layout} batch {self.batch}"


def all_cases(tasks: Sequence[str], settings: Settings) -> list[Case]:
    """Lists all cases: values, then run times batch by batch, then training.

    Args:
        tasks: Names of the tasks.
        settings: What is measured.
    """
    cases = []
    if settings.values:
        size = settings.check_batch
        cases += [Case(task, "values", "float64", "published", size) for task in tasks]
    # Tasks innermost: if time runs out, some batch sizes are complete for all tasks.
    cases += [
        Case(task, "times", dtype, layout, batch)
        for dtype in settings.dtype
        for batch in settings.batch
        for layout in settings.layouts
        for task in tasks
    ]
    if settings.training:
        trained = [task for task in TRAINED if task in tasks]
        cases += [Case(task, "training", "", "", games) for games in EPISODES for task in trained]
    return cases


def batch_of(task: Task, layout: str, batch: int, seed: int) -> tuple[tuple[Any, ...], Any]:
    """Makes a batch of inputs.

    Args:
        task: The task, with example inputs in the dtype that is measured.
        layout: "published" or "packed".
        batch: Size B of the batch; a large one repeats the same `DIFFERENT` points.
        seed: Seed of the points.

    Returns:
        Arguments on the device, with a leading axis B where they are differentiated, and `in_axes`
        of vmap for them.
    """
    single = task.example_inputs()
    some = batches.jitter_batch(single, task.argnums, min(batch, DIFFERENT), seed)
    axes: Any = batches.batch_axes(single, task.argnums)
    if layout == "packed":
        some, axes = rivals.pack(some, task.argnums), (0, None)

    def repeated(axis: int | None, tree: Any) -> Any:
        if axis is None:
            return tree
        return jax.tree.map(lambda leaf: np.resize(leaf, (batch, *leaf.shape[1:])), tree)

    placed = jax.tree.map(repeated, axes, some, is_leaf=lambda leaf: leaf is None)
    return tuple(jax.device_put(placed)), axes
