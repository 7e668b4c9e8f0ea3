"""Files of the benchmark: what was measured where, one file a task, and one of all."""

import os
import re
from pathlib import Path
from typing import Any

import jax

from elimax.pipeline.checkout.files import read_json, write_json
from elimax.pipeline.checkout.machine import code_digest, device
from elimax.pipeline.errors import FileError

COMMAND = "python -m benchmarks.gpu --out DIR"
DRIVER = Path("/proc/driver/nvidia/version")
WHERE = ("platform", "device", "jax", "code")
"""What must be equal for results to stand side by side."""


def environment() -> dict[str, Any]:
    """Describes device, versions and settings.

    Returns:
        `platform`, `device`, `cpu` and `jax` as `machine.device` does; `code`, a digest of the
        program text of the interpreter and of what times it; `driver`, empty if there is none;
        `runtime`, what JAX tells of it; `device_bytes`, what JAX may use; `compute_capability`;
        `xla_flags`; `matmul_precision`.
    """
    first = jax.devices()[0]
    try:
        memory = first.memory_stats() or {}
    except Exception:  # Not every device tells.
        memory = {}
    precision = jax.config.jax_default_matmul_precision  # pyright: ignore[reportAttributeAccessIssue]
    return {
        **device(),
        "code": code_digest("elimax.pipeline.stages.rivals"),
        "driver": _driver(),
        "runtime": " ".join(str(getattr(first.client, "platform_version", "")).split()),
        "device_bytes": memory.get("bytes_limit"),
        "compute_capability": getattr(first, "compute_capability", None),
        "xla_flags": os.environ.get("XLA_FLAGS", ""),
        "matmul_precision": str(precision or "default"),
    }


def _driver() -> str:
    """The version of NVIDIA's driver, which JAX does not tell."""
    try:
        text = DRIVER.read_text(encoding="utf-8")
    except OSError:
        return ""
    found = re.search(r"\d+(\.\d+)+", text)
    return found.group() if found else ""


class TaskFile:
    """The results of one task, written after every case.

    Attributes:
        path: The file.
        content: `task`, `fingerprint` of its graph, `environment`, `cases` by label, and
            `left_out`: cases of the last call that were not measured, with the reason.
    """

    def __init__(self, folder: Path, task: str, fingerprint: str, where: dict[str, Any]) -> None:
        """Opens the results of a task, or begins them.

        Args:
            folder: Where the files are.
            task: Name of the task.
            fingerprint: That of its graph.
            where: What `environment` returned.

        Raises:
            FileError: If there is a file of another graph, device, version or program text.
        """
        self.path = folder / f"{task}.json"
        self.content: dict[str, Any] = {
            "task": task,
            "fingerprint": fingerprint,
            "environment": where,
            "cases": {},
            "left_out": {},
        }
        if not self.path.exists():
            return
        found = read_json(self.path, COMMAND, keys=tuple(self.content))
        pairs = [("fingerprint", found["fingerprint"], fingerprint)]
        pairs += [(key, found["environment"].get(key), where[key]) for key in WHERE]
        for key, there, here in pairs:
            if there != here:
                raise FileError(
                    f"{self.path} was measured with {key} {there!r}, expected {here!r}: give "
                    "another folder with --out, or remove the file"
                )
        self.content |= {"cases": found["cases"], "environment": found["environment"]}
        if (label := found.get("running")) is not None:
            why = "the process ended while this was measured; remove the case to try again"
            self.content["cases"][label] = {"failed": {"all": why}}

    @property
    def cases(self) -> dict[str, Any]:
        """What was measured, by label."""
        return self.content["cases"]

    def begin(self, label: str) -> None:
        """Notes that a case begins, so that one that ends the process is not tried again."""
        write_json(self.path, {**self.content, "running": label})

    def end(self, label: str, case: dict[str, Any]) -> None:
        """Notes the result of a case."""
        self.cases[label] = case
        write_json(self.path, self.content)

    def leave_out(self, label: str, why: str) -> None:
        """Notes that a case is not measured in this call."""
        self.content["left_out"][label] = why
        write_json(self.path, self.content)


def all_results(folder: Path, names: tuple[str, ...], where: dict[str, Any]) -> dict[str, Any]:
    """Collects the results of all tasks in a folder, those of earlier calls included.

    Args:
        folder: Where the files are.
        names: Tasks that there may be a file of.
        where: What `environment` returned.

    Returns:
        `environment`, and `tasks`: by name `fingerprint`, `cases` and `left_out`.

    Raises:
        FileError: If a file is broken, or of another device, version or program text.
    """
    tasks = {}
    for name in names:
        if (folder / f"{name}.json").exists():
            found = read_json(folder / f"{name}.json", COMMAND, keys=("fingerprint", "left_out"))
            cases = TaskFile(folder, name, found["fingerprint"], where).cases
            tasks[name] = {key: found[key] for key in ("fingerprint", "left_out")}
            tasks[name]["cases"] = cases
    return {"environment": where, "tasks": tasks}
