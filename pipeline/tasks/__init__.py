"""The functions whose Jacobians the pipeline computes, by name.

`task_names` lists what comes with elimax; `load_task` also takes a user's own function, written
`package.module:function`. JAX and a task's module are imported when a task is loaded, not before,
so that listing the names is immediate.
"""

import difflib
import importlib
from typing import TYPE_CHECKING, Any

from elimax.pipeline.tasks.task import Task

if TYPE_CHECKING:
    from elimax.pipeline.tasks.loading import InvalidTaskError, UnknownTaskError

__all__ = ["InvalidTaskError", "Task", "UnknownTaskError", "load_task", "task_names"]

_NAMES = (
    "roe_flux_1d",
    "roe_flux_3d",
    "robot_arm_6dof",
    "human_heart_dipole",
    "propane_combustion",
    "black_scholes_hessian",
    "mlp",
    "transformer_encoder",
    "bundle_adjustment",
    "autoencoder_bottleneck",
    "bratu_stencil",
    "lstm_rollout",
    "kerr_metric",
    "planar_arm_20",
)


def task_names() -> tuple[str, ...]:
    """Lists the tasks that come with elimax, those of the paper first."""
    return _NAMES


def load_task(name: str) -> Task:
    """Loads a task of elimax or a user's own function.

    A user's function is given as `package.module:function`, in the working directory or installed.
    Its module also defines `FUNCTION_example_inputs()` or `example_inputs()`, which returns the
    tuple of its arguments, and, if the Jacobian is not taken with respect to all of them,
    `FUNCTION_argnums`, a tuple of positions. Its task is called `package.module.function`, which
    can also be a file name.

    Args:
        name: One of `task_names()`, or `package.module:function`.

    Returns:
        The task.

    Raises:
        UnknownTaskError: If there is no such task, module or function.
        InvalidTaskError: If the function of a user lacks example inputs, or they do not fit.
    """
    from elimax.pipeline.tasks import loading

    if ":" in name:
        return loading.load_user_function(name)
    if name not in _NAMES:
        near = difflib.get_close_matches(name.lower(), _NAMES, n=3, cutoff=0.5)
        guess = f", did you mean {' or '.join(near)}?" if near else ";"
        raise loading.UnknownTaskError(
            f"there is no task {name!r}{guess} tasks: {', '.join(_NAMES)}; "
            "write a function of your own as package.module:function"
        )
    return importlib.import_module(f"{__name__}.{name}").TASK


def __getattr__(name: str) -> Any:
    """Finds the error classes, whose base lives in a package that imports JAX."""
    if name in ("InvalidTaskError", "UnknownTaskError"):
        return getattr(importlib.import_module("elimax.pipeline.tasks.loading"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
