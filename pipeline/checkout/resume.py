"""Checkpoints of a training stage, so that a killed stage resumes where it was.

They are in .state/, which neither git nor DVC tracks, under a name with a digest of everything the
result depends on: parameters, inputs, program text, version of JAX. A changed parameter therefore
starts clean, and a stage that was killed and started again ends with the same bytes as one that was
never killed. (DVC's own `persist: true` outputs would resume from other parameters' checkpoints.)
"""

import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from elimax.pipeline.checkout.files import Layout, item_name, write_errors
from elimax.pipeline.checkout.machine import code_digest, content_digest

SAVE_INTERVAL = 15.0
"""Seconds between two checkpoints."""

_log = logging.getLogger("elimax.resume")


class Checkpoint:
    """The checkpoint file of one stage of one task.

    Args:
        path: Its path.
        interval: Least time between two checkpoints, in seconds.
    """

    def __init__(self, path: Path, interval: float = SAVE_INTERVAL) -> None:
        self.path = path
        self._interval = interval
        self._last = time.monotonic()

    def load(self, read: Callable[[Path], Any]) -> Any | None:
        """Returns the stored state, or None if there is none that can be read.

        Args:
            read: Reads a state from a path.
        """
        if not self.path.is_file():
            return None
        try:
            state = read(self.path)
        except Exception as error:  # Whatever is wrong with it, starting over is right.
            _log.warning("%s cannot be read (%s); the stage starts over", self.path, error)
            return None
        _log.warning("resuming from %s", self.path)
        return state

    def save(self, write: Callable[[Path], None]) -> None:
        """Stores the state if the last save is long enough ago.

        Args:
            write: Writes the state to a path, whole or not at all.
        """
        if time.monotonic() - self._last < self._interval:
            return
        with write_errors(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write(self.path)
        self._last = time.monotonic()

    def remove(self) -> None:
        """Deletes the checkpoint, and those of the same stage and item with other parameters."""
        name = self.path.name.rpartition("-")[0]
        for path in self.path.parent.glob(f"{name}-*.state"):
            # "mlp-1-*" also finds the checkpoints of a task called "mlp-1-b".
            if path.name.rpartition("-")[0] == name:
                path.unlink(missing_ok=True)


def checkpoint_of(
    layout: Layout,
    stage: str,
    task: str | None,
    depends_on: Mapping[str, Any],
    seed: int | None = None,
) -> Checkpoint:
    """Returns the checkpoint of a stage.

    Args:
        layout: Where .state/ is.
        stage: Name of the stage.
        task: Name of the task, or None.
        depends_on: Parameters, seed and digests of the inputs, plain data.
        seed: The seed in the name of the file, or None for a stage that has one run per task.

    Returns:
        The checkpoint; its file may or may not exist.
    """
    import jax

    everything = {
        "code": code_digest(f"elimax.pipeline.stages.{stage}"),
        "jax": jax.__version__,
        "platform": jax.devices()[0].platform,
        **depends_on,
    }
    name = item_name(task, seed) if task is not None else stage
    return Checkpoint(layout.state / stage / f"{name}-{content_digest(everything)}.state")
