"""Weights & Biases as a mirror of what a stage writes; the only module that knows it.

A stage writes its own CSV and JSON first. W&B gets the same rows, and whatever goes wrong with it
(not installed, no network, its background process dead) is reported once and never stops the stage.

WANDB_MODE decides: offline (the default: no account, no network), online, or disabled. Runs are in
wandb/ of the checkout unless WANDB_DIR names another folder: read them there with
`wandb leet ./wandb`, or upload them later with `wandb sync`. A run that cannot go online is kept
offline, and so are all later ones of the same `elimax run`, which says so once.
"""

import contextlib
import logging
import os
import secrets
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from elimax.pipeline.checkout.files import Layout, stem
from elimax.pipeline.checkout.machine import device, file_digest, git_commit
from elimax.pipeline.checkout.termination import EXIT_CODE, last_words

PROJECT = "elimax"
STEP = "charts/eliminations"
"""The horizontal axis of curves: eliminations played so far."""

PRETRAIN_STEP = "charts/update"
"""That of pretraining, in most of which no games are played."""

EVALUATE_STEP = "charts/case"
"""That of evaluate: the number of the case that is timed."""

STEPS = {"pretrain": PRETRAIN_STEP, "evaluate": EVALUATE_STEP}

LOWEST = ("costs/best", "costs/greedy", "costs/mean", "validation/ratio")
"""Columns whose lowest value, not their last one, is the result of a run."""

VERSIONS = ("elimax", "jax", "jaxlib", "numpy", "numba", "equinox", "optax", "wandb", "dvc")

PIPELINE_RUN = "ELIMAX_PIPELINE_RUN"
"""The environment variable with a name for one `elimax run`, the same in all of its stages."""

PROBE = 1_000_000
"""Bytes that must fit on the disk for W&B to be started."""

INIT_TIMEOUT = 20.0
"""Seconds that an online run may take to start before it falls back to offline."""

_log = logging.getLogger("elimax.tracking")


class Tracker:
    """One run of W&B, or none: every method is safe to call in either case.

    Args:
        run: The run of W&B, or None for a tracker that does nothing.
        wandb: The module, or None.
        is_online: Whether the run is online.
    """

    def __init__(self, run: Any = None, wandb: Any = None, *, is_online: bool = False) -> None:
        self._run = run
        self._wandb = wandb
        self._is_online = is_online

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

    def picture(self, name: str, svg: str) -> None:
        """Records a picture.

        Args:
            name: Its name.
            svg: An SVG element.
        """
        self._attempt(lambda run: run.log({name: self._wandb.Html(svg, inject=False)}))

    def uses(self, name: str, kind: str) -> None:
        """Records that a run depends on an artifact of an earlier one.

        Offline, the earlier versions are unknown; the config has the hashes of all inputs anyway.

        Args:
            name: Name of the artifact, whose latest version is meant.
            kind: Its type.
        """
        if self._is_online and self._run is not None:
            # The earlier stage may have run offline or in another project: that is not an error.
            with contextlib.suppress(Exception):
                self._run.use_artifact(f"{name}:latest", type=kind)

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
        except Exception as error:  # Nothing that W&B raises may stop a stage.
            self._run = None
            _warn(error)
            _forget(self._wandb)


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
        layout: The checkout; runs are in its wandb/ folder.
        stage: Name of the stage, the job type of the run.
        task: Name of the task, or None.
        config: Parameters and digests of the inputs, plain JSON data. Versions, device, XLA_FLAGS,
            commit and the digest of dvc.lock are added.
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
    if mode == "online" and _is_known_to_be_offline(layout):
        mode = "offline"
    surroundings = _surroundings(layout)
    group = os.environ.get("WANDB_RUN_GROUP") or os.environ.get("DVC_EXP_NAME")
    name = run_name(stage, task, seed)
    identity = {
        "name": name,
        "id": f"{name}-{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}",
    }
    description = {
        "project": os.environ.get("WANDB_PROJECT", PROJECT),
        "group": group or surroundings["commit"] or "no-commit",
        "job_type": stage,
        # The agent of a sweep has named the run already.
        **({} if "WANDB_SWEEP_ID" in os.environ else identity),
        "tags": [stage] if task is None else [stage, stem(task)],
        "config": {"stage": stage, "task": task, "seed": seed, **surroundings, **config},
    }
    try:
        _prepare_environment(layout.root)
        import wandb

        run, mode = _init(wandb, mode, description, layout)
        step = STEPS.get(stage, STEP)
        run.define_metric(step)
        run.define_metric("*", step_metric=step)
        for column in LOWEST:
            run.define_metric(column, step_metric=step, summary="min")
    except Exception as error:  # Nothing that W&B raises may stop a stage.
        _warn(error)
        return Tracker()
    return Tracker(run, wandb, is_online=mode == "online")


def run_name(stage: str, task: str | None, seed: int | None) -> str:
    """Returns the name of a run: "finetune-kerr_metric-s0"."""
    words = [stage] if task is None else [stage, stem(task)]
    return "-".join(words if seed is None else [*words, f"s{seed}"])


def _surroundings(layout: Layout) -> dict[str, Any]:
    """What a result may depend on besides parameters and inputs."""
    versions = {}
    for package in VERSIONS:
        with contextlib.suppress(PackageNotFoundError):
            versions[package] = version(package)
    lock = layout.root / "dvc.lock"
    return {
        "commit": git_commit(layout.root),
        "dvc_lock": file_digest(lock) if lock.is_file() else None,
        "versions": {"python": sys.version.split()[0], **versions},
        "xla_flags": os.environ.get("XLA_FLAGS", ""),
        # A stage that has not loaded JAX computes nothing.
        "device": device() if "jax" in sys.modules else None,
    }


def _init(wandb: Any, mode: str, description: Mapping[str, Any], layout: Layout) -> tuple[Any, str]:
    """Starts a run; an online one that cannot start becomes an offline one. Returns its mode."""
    # W&B stays silent, because _warn tells what went wrong in one line.
    settings = wandb.Settings(
        console="off",
        silent=True,
        show_errors=False,
        show_warnings=False,
        save_code=False,
        disable_git=True,
        init_timeout=INIT_TIMEOUT,
    )
    try:
        return wandb.init(mode=mode, settings=settings, **description), mode
    except Exception as error:
        if mode == "offline":
            raise
        _log.warning("W&B cannot go online (%s); runs are kept offline", _brief(error))
        _remember_to_be_offline(layout)
        return wandb.init(mode="offline", settings=settings, **description), "offline"


def _offline_mark(layout: Layout) -> Path:
    return layout.state / "wandb-offline"


def _is_known_to_be_offline(layout: Layout) -> bool:
    """Whether an earlier stage of this `elimax run` could not go online."""
    name = os.environ.get(PIPELINE_RUN)
    try:
        return name is not None and _offline_mark(layout).read_text(encoding="utf-8") == name
    except OSError:
        return False


def _remember_to_be_offline(layout: Layout) -> None:
    name = os.environ.get(PIPELINE_RUN)
    if name is not None:
        with contextlib.suppress(OSError):
            _offline_mark(layout).parent.mkdir(parents=True, exist_ok=True)
            _offline_mark(layout).write_text(name, encoding="utf-8")


def _home(root: Path) -> Path:
    """The checkout that stays: DVC runs queued experiments in copies below it, which it deletes."""
    root = root.resolve()
    for folder in root.parents:
        if root.is_relative_to(folder / ".dvc/tmp/exps"):
            return folder
    return root


def _prepare_environment(root: Path) -> None:
    """Keeps all that W&B writes inside the checkout, and its error reports on this machine.

    Raises:
        OSError: If that folder cannot be written.
    """
    base = Path(os.environ.setdefault("WANDB_DIR", str(_home(root)))) / "wandb"
    base.mkdir(parents=True, exist_ok=True)
    # Where it cannot write, W&B goes to /tmp or fills the terminal with tracebacks.
    probe = base / f".probe-{os.getpid()}"
    try:
        probe.write_bytes(bytes(PROBE))
    finally:
        with contextlib.suppress(OSError):
            probe.unlink()
    for name in ("DATA", "CACHE", "CONFIG"):
        os.environ.setdefault(f"WANDB_{name}_DIR", str(base / name.lower()))
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
    # A run that cannot be finished prints an error that its settings do not suppress.
    os.environ.setdefault("WANDB_SILENT", "true")


def _forget(wandb: Any) -> None:
    """Ends what is left of W&B now, while its errors are caught, not when Python exits."""
    with contextlib.suppress(Exception):
        wandb.teardown(exit_code=1)


def _warn(error: Exception) -> None:
    _log.warning(
        "W&B is off for this stage (%s); its results are still written to data/", _brief(error)
    )


def _brief(error: Exception) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:150]}" if text else type(error).__name__
