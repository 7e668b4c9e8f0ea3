"""How a stage behaves as a process: it dies with DVC, stops cleanly, and never runs twice at once.

When DVC is killed, its children keep running, and the next run would start a second writer on the
same files (seen with DVC 3.67). A stage therefore asks Linux to end it when its parent ends, closes
open files and W&B runs at SIGTERM (see `termination`), and holds a lock. Its result must not depend
on what the user computed before, so it does not see the user's plan cache.
"""

import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Iterator

from elimax.interpreter.orders.order_cache import isolated_cache
from elimax.pipeline.checkout.files import Layout, item_name, write_errors
from elimax.pipeline.checkout.termination import ends_on_sigterm
from elimax.pipeline.errors import StageError

PR_SET_PDEATHSIG = 1

PLAYING_STAGES = frozenset({"pretrain", "finetune", "search"})
"""Stages that play games: graphs of similar size need the same compiled functions."""


@contextlib.contextmanager
def stage_process(
    layout: Layout, stage: str, task: str | None = None, seed: int | None = None
) -> Iterator[None]:
    """Makes this process behave as a stage while the context is open: lock, SIGTERM, caches.

    Args:
        layout: Where the lock file is.
        stage: Name of the stage.
        task: Name of the task, or None for a stage without one.
        seed: The seed, or None for a stage that has one run per task.

    Yields:
        Nothing.

    Raises:
        StageError: If another process runs the same stage on the same task and seed.
    """
    if "DVC_STAGE" in os.environ:
        # Only below DVC: a stage started from a shell may outlive it (nohup, tmux).
        end_with_parent()
        if stage in PLAYING_STAGES:
            _share_compiled_functions(layout)
    name = stage if task is None else f"{stage}@{item_name(task, seed)}"
    with ends_on_sigterm(), _lock(layout, name), isolated_cache():
        yield


def _share_compiled_functions(layout: Layout) -> None:
    """Lets stages reuse, through .state/, what another one compiled; evaluate times compiling."""
    import jax

    jax.config.update("jax_compilation_cache_dir", str(layout.state / "compiled"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.3)


def join_processes() -> None:
    """Makes this process one of several that compute together.

    SLURM, Open MPI and Kubernetes tell a process which one it is. Elsewhere
    JAX_COORDINATOR_ADDRESS, JAX_NUM_PROCESSES and JAX_PROCESS_ID do.

    Raises:
        StageError: If none of these is set, or the first process does not answer.
    """
    import jax

    number, index = (os.environ.get(f"JAX_{name}") for name in ("NUM_PROCESSES", "PROCESS_ID"))
    try:
        # For CPUs; GPUs communicate through NCCL whatever this says.
        jax.config.update("jax_cpu_collectives_implementation", "gloo")
        jax.distributed.initialize(
            num_processes=int(number) if number else None, process_id=int(index) if index else None
        )
    except (ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise StageError(
            f"cannot join other processes ({reason}): start elimax with srun or mpirun, or set "
            "JAX_COORDINATOR_ADDRESS, JAX_NUM_PROCESSES and JAX_PROCESS_ID; for a single process "
            "leave out --processes"
        ) from None


def end_with_parent() -> None:
    """Asks the kernel for SIGTERM when the parent process ends; does nothing outside Linux."""
    if sys.platform != "linux":
        return
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def running_stages(layout: Layout) -> list[str]:
    """Names of the stages that hold their lock in this checkout.

    Args:
        layout: Where the lock files are.
    """
    try:
        import fcntl
    except ImportError:  # As in `_lock`.
        return []
    running = []
    for path in sorted((layout.state / "locks").glob("*.lock")):
        with path.open("r+", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                running.append(path.stem)
    return running


@contextlib.contextmanager
def _lock(layout: Layout, name: str) -> Iterator[None]:
    try:
        import fcntl
    except ImportError:  # No file locks outside POSIX: there, users must not start a stage twice.
        yield
        return
    path = layout.state / "locks" / f"{name}.lock"
    with write_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        opened = path.open("ab+", buffering=0)  # Unbuffered, so closing writes nothing.
    with opened as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            owner = file.read().decode().strip() or "unknown"
            raise StageError(
                f"{name} is already running as process {owner}: wait until it ends, or end it"
            ) from None
        with contextlib.suppress(OSError):  # On a full disk the lock holds without its owner's id.
            file.seek(0)
            file.truncate()
            file.write(str(os.getpid()).encode())
        yield
