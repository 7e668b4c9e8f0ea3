"""Weights & Biases as a mirror of what a stage writes; the only module that knows it.

A stage writes its own CSV and JSON first. W&B gets the same rows, and whatever goes wrong with it
(not installed, no network, its background process dead) is said once and never stops the stage.

WANDB_MODE decides: offline (the default: no account, no network), online, or disabled. Runs lie in
wandb/ of the checkout unless WANDB_DIR names another folder: read them there with
`wandb leet ./wandb`, or upload them later with `wandb sync`.
"""

import contextlib
import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from elimax.pipeline.checkout.files import Layout, item_name, stem
from elimax.pipeline.checkout.machine import git_commit
from elimax.pipeline.checkout.termination import EXIT_CODE, last_words

PROJECT = "elimax"
STEP = "charts/eliminations"
"""The horizontal axis of curves: eliminations played so far."""

PRETRAIN_STEP = "charts/update"
"""That of pretraining, most of which plays nothing."""

INIT_TIMEOUT = 20.0
"""Seconds that an online run may take to start before it falls back to offline."""

_log = logging.getLogger("elimax.tracking")


class Tracker:
    """One run of W&B, or none: every method is safe to call in either case.

    Args:
        run: The run of W&B, or None for a tracker that does nothing.
        wandb: The module, or None.
    """

    def __init__(self, run: Any = None, wandb: Any = None) -> None:
        self._run = run
        self._wandb = wandb

    @property
    def active(self) -> bool:
        """Whether anything is recorded."""
        return self._run is not None

    def log(self, row: Mapping[str, Any]) -> None:
        """Records one row of a curve.

        Args:
            row: The row of the CSV file; `charts/eliminations` is the step.
        """
        self._attempt(lambda run: run.log({metric_name(key): row[key] for key in row}))

    def summary(self, values: Mapping[str, Any]) -> None:
        """Records final figures.

        Args:
            values: Plain JSON data by name.
        """
        self._attempt(lambda run: run.summary.update(dict(values)))

    def table(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Records a table.

        Args:
            name: Its name.
            columns: Headings.
            rows: Cells.
        """

        def send(run: Any) -> None:
            data = [list(row) for row in rows]
            run.log({name: self._wandb.Table(columns=list(columns), data=data)})

        self._attempt(send)

    def artifact(self, path: Path, name: str, kind: str) -> None:
        """Records a file as an artifact.

        Args:
            path: The file, already complete.
            name: Name of the artifact.
            kind: Its type, such as "policy" or "order".
        """

        def send(run: Any) -> None:
            artifact = self._wandb.Artifact(name, type=kind)
            artifact.add_file(str(path))
            run.log_artifact(artifact)

        self._attempt(send)

    def finish(self, exit_code: int) -> None:
        """Closes the run.

        Args:
            exit_code: Exit code of the stage.
        """
        self._attempt(lambda run: run.finish(exit_code=exit_code))
        self._run = None

    def _attempt(self, action: Callable[[Any], None]) -> None:
        if self._run is None:
            return
        try:
            action(self._run)
        except Exception as error:  # nothing that W&B raises may stop a stage
            self._run = None
            _warn(error)


def metric_name(column: str) -> str:
    """Returns the name in W&B of a column of a curve: one without a group is put under charts/."""
    return column if "/" in column else f"charts/{column}"


@contextlib.contextmanager
def track(
    layout: Layout,
    stage: str,
    task: str | None = None,
    config: Mapping[str, Any] | None = None,
    seed: int | None = None,
) -> Iterator[Tracker]:
    """Opens a run of W&B for one stage and closes it with the exit code of the stage.

    Args:
        layout: The checkout; runs lie in its wandb/ folder.
        stage: Name of the stage, the job type of the run.
        task: Name of the task, or None.
        config: Parameters, digests of the inputs, device; plain JSON data.
        seed: The seed in the name of the run, or None for a stage that has one run per task.

    Yields:
        The tracker; it does nothing where W&B is disabled, missing or broken.
    """
    tracker = _open(layout, stage, task, dict(config or {}), seed)
    exit_code = 1
    try:
        with last_words(lambda: tracker.finish(EXIT_CODE)):
            yield tracker
        exit_code = 0
    except SystemExit as exit_request:
        exit_code = exit_request.code if isinstance(exit_request.code, int) else 1
        raise
    finally:
        tracker.finish(exit_code)


def _open(
    layout: Layout, stage: str, task: str | None, config: dict[str, Any], seed: int | None
) -> Tracker:
    mode = os.environ.get("WANDB_MODE", "offline")
    if mode == "disabled":
        return Tracker()
    _prepare_environment(layout.root)
    commit = git_commit(layout.root)
    group = os.environ.get("WANDB_RUN_GROUP") or os.environ.get("DVC_EXP_NAME") or commit
    description = {
        "project": os.environ.get("WANDB_PROJECT", PROJECT),
        "group": group or "no-commit",
        "job_type": stage,
        "name": stage if task is None else f"{stage}-{item_name(task, seed)}",
        "tags": [stage] if task is None else [stage, stem(task)],
        "config": {"stage": stage, "task": task, "commit": commit, **config},
    }
    try:
        import wandb

        run = _init(wandb, mode, description)
        step = PRETRAIN_STEP if stage == "pretrain" else STEP
        run.define_metric(step)
        run.define_metric("*", step_metric=step)
    except Exception as error:  # nothing that W&B raises may stop a stage
        _warn(error)
        return Tracker()
    return Tracker(run, wandb)


def _init(wandb: Any, mode: str, description: Mapping[str, Any]) -> Any:
    """Starts a run; an online one that cannot start becomes an offline one."""
    settings = wandb.Settings(
        console="off", silent=True, save_code=False, disable_git=True, init_timeout=INIT_TIMEOUT
    )
    try:
        return wandb.init(mode=mode, settings=settings, **description)
    except Exception as error:
        if mode == "offline":
            raise
        _log.warning("W&B cannot go online (%s); this run is kept offline", _brief(error))
        return wandb.init(mode="offline", settings=settings, **description)


def _prepare_environment(root: Path) -> None:
    """Keeps all that W&B writes inside the checkout, and its error reports on this machine."""
    base = Path(os.environ.setdefault("WANDB_DIR", str(root.resolve()))) / "wandb"
    for name in ("DATA", "CACHE", "CONFIG"):
        os.environ.setdefault(f"WANDB_{name}_DIR", str(base / name.lower()))
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")


def _warn(error: Exception) -> None:
    _log.warning(
        "W&B is off for this stage (%s); the results are in data/ all the same", _brief(error)
    )


def _brief(error: Exception) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:150]}" if text else type(error).__name__
