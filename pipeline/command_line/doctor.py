"""Command doctor: what this machine and this checkout have, and what is wrong with them."""

import importlib
import importlib.util
import os
import platform
import re
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal, NamedTuple

from elimax.pipeline.checkout.files import Layout
from elimax.pipeline.checkout.machine import git_commit
from elimax.pipeline.errors import PipelineError
from elimax.pipeline.xla_flags import MULTI_OUTPUT_FUSION, added_flags

Level = Literal["ok", "note", "wrong"]

CORE = ("jax", "jaxlib", "numpy", "numba", "llvmlite", "platformdirs", "typer")
LEARN = ("equinox", "optax")
PIPELINE = ("dvc", "wandb", "ruamel.yaml", "rich")

LEAST_FREE = 2e9
"""Bytes that a full run of the pipeline writes, roughly and at most."""


class Finding(NamedTuple):
    """One line of the report.

    Attributes:
        what: What was looked at.
        found: What it is.
        level: "note" for a limitation, "wrong" for what must be fixed.
        advice: What to do; empty if nothing.
    """

    what: str
    found: str
    level: Level = "ok"
    advice: str = ""


def examine(environment: Mapping[str, str] = os.environ) -> list[Finding]:
    """Runs all checks.

    Args:
        environment: The variables of the process.

    Returns:
        What was found; the stages of DVC are checked only in a checkout.
    """
    checks = (_versions, _jax, _flags, _kernels, _cache, _checkout, _tracking)
    return [finding for check in checks for finding in check(environment)]


def lines(findings: Sequence[Finding]) -> list[str]:
    """The findings as readable lines: level, what, found, and the advice below."""
    width = max(len(finding.what) for finding in findings)
    written = []
    for finding in findings:
        written.append(f"{finding.level:5}  {finding.what.ljust(width)}  {finding.found}")
        if finding.advice:
            written.append(f"{' ' * (width + 9)}-> {finding.advice}")
    return written


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _versions(environment: Mapping[str, str]) -> Iterator[Finding]:
    del environment
    yield Finding("elimax", _elimax_version())
    yield Finding("python", f"{platform.python_version()} ({sys.executable})")
    found = {name: _version(name) for name in (*CORE, *LEARN, *PIPELINE)}
    yield Finding("packages", ", ".join(f"{name} {x}" for name, x in found.items() if x))
    for extra, names in (("learn", LEARN), ("pipeline", PIPELINE)):
        missing = [name for name in names if found[name] is None]
        if missing:
            advice = f"pip install 'elimax[{extra}]'"
            yield Finding(f"extra {extra}", f"missing: {', '.join(missing)}", "note", advice)
    missing = [name for name in CORE if found[name] is None]
    if missing:
        yield Finding("packages", f"missing: {', '.join(missing)}", "wrong", "pip install elimax")


def _elimax_version() -> str:
    import elimax

    return f"{elimax.__version__} ({Path(elimax.__file__).parent})"


def _jax(environment: Mapping[str, str]) -> Iterator[Finding]:
    del environment
    try:
        import jax

        devices = [f"{device.platform} ({device.device_kind})" for device in jax.devices()]
    except Exception as error:  # Whatever JAX raises if it does not start.
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:150]}"
        yield Finding("devices", reason, "wrong", "fix the installation of jax, or JAX_PLATFORMS")
        return
    dtype = jax.numpy.result_type(float)
    yield Finding("devices", f"{', '.join(devices)}; {dtype}; {os.cpu_count()} processors")


def _flags(environment: Mapping[str, str]) -> Iterator[Finding]:
    given = environment.get("XLA_FLAGS", "")
    yield Finding("XLA_FLAGS", given or "none")
    if added_flags:
        found = f"elimax's commands add {' '.join(added_flags)}: jaxlib miscomputes without it"
        advice = "in a program of your own, set it in XLA_FLAGS before JAX starts"
        yield Finding("numbers", found, "note", advice)
    if MULTI_OUTPUT_FUSION not in given:
        found = "multi-output fusion is off: XLA recomputes shared values"
        yield Finding("fusion", found, "note", "docs/time.md says when and how to switch it on")


def _kernels(environment: Mapping[str, str]) -> Iterator[Finding]:
    del environment
    try:
        from elimax.interpreter.native.machine import Machine

        machine = Machine()
    except Exception as error:  # LLVM without a target for this processor, or no llvmlite.
        reason = " ".join(str(error).split())[:150]
        yield Finding("native kernels", f"unavailable: {reason}", "note", "plans work without them")
        return
    library = "vector functions of libmvec" if machine.letter else "no vector functions"
    found = f"{machine.vector_bytes} bytes per vector, {machine.threads} threads, {library}"
    yield Finding("native kernels", found)


def _cache(environment: Mapping[str, str]) -> Iterator[Finding]:
    del environment
    from elimax.interpreter.orders.order_cache import cache_folder

    folder = cache_folder()
    if folder is None:
        yield Finding("cache of orders", "in memory only (ELIMAX_CACHE_DIR)", "note")
        return
    number = sum(1 for _ in folder.glob("*.json")) if folder.is_dir() else 0
    at = next(path for path in (folder, *folder.parents) if path.exists())
    if not os.access(at, os.W_OK):
        advice = "set ELIMAX_CACHE_DIR to another folder, or to off"
        yield Finding("cache of orders", f"{folder} is not writable", "note", advice)
    else:
        yield Finding("cache of orders", f"{folder}, {number} files")


def _checkout(environment: Mapping[str, str]) -> Iterator[Finding]:
    del environment
    try:
        layout = Layout.find()
    except PipelineError:
        layout = None
    if layout is None or not layout.params.is_file():
        yield Finding("checkout", "none here", "note", "stages need a clone of the repository")
        return
    commit = git_commit(layout.root)
    yield Finding("checkout", f"{layout.root}, commit {commit or 'none'}")
    free = shutil.disk_usage(layout.root).free
    low = free < LEAST_FREE
    advice = "free some space: elimax clean" if low else ""
    yield Finding("free disk", f"{free / 1e9:.1f} GB", "wrong" if low else "ok", advice)
    if not (layout.root / "dvc.yaml").is_file() or importlib.util.find_spec("dvc") is None:
        return
    from elimax.pipeline.checkout.code_fingerprints import changed_stages

    try:
        changed = sorted(changed_stages(layout))
    except PipelineError as error:
        advice = "DVC needs a git repository: use git clone, or git init and dvc init"
        yield Finding("stages", " ".join(str(error).split())[:200], "wrong", advice)
        return
    names = ", ".join(changed[:4]) + (", ..." if len(changed) > 4 else "")
    if changed:
        yield Finding("stages", f"{len(changed)} out of date: {names}", "note", "elimax run")
    else:
        yield Finding("stages", "all up to date")


def _tracking(environment: Mapping[str, str]) -> Iterator[Finding]:
    mode = environment.get("WANDB_MODE", "offline")
    if mode not in ("online", "offline", "disabled", "dryrun", "run", "shared"):
        advice = "choose online, offline or disabled"
        yield Finding("W&B", f"WANDB_MODE is {mode!r}", "wrong", advice)
        return
    base = environment.get("WANDB_DIR")
    try:
        folder = (Path(base) if base else Layout.find().root) / "wandb"
    except PipelineError:
        folder = Path("wandb")
    runs = [p for p in folder.glob("*run-*") if re.match(r"(offline-)?run-", p.name)]
    found = f"mode {mode}, {len(runs)} runs in {folder}"
    yield Finding("W&B", found, advice="wandb leet ./wandb shows them" if runs else "")
