"""Result files, one per task, written after every case, and the environment they belong to."""

import ast
import importlib.metadata
import os
import platform
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax

import elimax
from elimax.pipeline.checkout.files import read_json, stem, write_json
from elimax.pipeline.checkout.import_closure import tree_hash
from elimax.pipeline.checkout.machine import code_digest, content_digest, device, git_commit
from elimax.pipeline.errors import FileError

COMMAND = "python -m benchmarks.jacobians --out DIR"
DRIVER = Path("/proc/driver/nvidia/version")
PACKAGES = ("jax", "jaxlib", "numpy", "numba", "sparsejac", "asdex", "symengine")
MEASURING = ("cases", "contenders", "measuring", "programs", "subjects", "symbolic", "training")
"""Modules of the benchmark that a result depends on."""
PACKAGE_MODULES = (
    "elimax.pipeline.stages.rivals",
    "elimax.models.rollouts",
    "elimax.models.training",
)
"""Modules of the package on which, with everything they import, a result depends."""
COMPARED = ("machine", "versions", "xla_flags", "matmul_precision", "code", "orders")
"""What must be equal for results to share a folder."""
_KEYS = ("task", "fingerprint", "environment", "cases", "left_out")


def environment(orders: Sequence[str]) -> dict[str, Any]:
    """Describes what a result depends on besides its task.

    Args:
        orders: Names of the orders that are timed.

    Returns:
        `machine`, the processor on a CPU, else the device; `platform`, `device`, `cpu`; `versions`
        of Python, elimax and `PACKAGES`; `xla_flags`; `matmul_precision`; `code`, a digest of the
        program text of what is measured and what measures it; `commit`; `driver`, empty if there is
        none; `runtime`, `device_bytes` and `compute_capability` as JAX reports them; `orders`.
    """
    first, where = jax.devices()[0], device()
    try:
        memory = first.memory_stats() or {}
    except Exception:  # Not every device reports it.
        memory = {}
    precision = jax.config.jax_default_matmul_precision  # pyright: ignore[reportAttributeAccessIssue]
    del where["jax"]
    return {
        **where,
        "machine": where["cpu" if where["platform"] == "cpu" else "device"],
        "versions": versions(),
        "xla_flags": os.environ.get("XLA_FLAGS", ""),
        "matmul_precision": str(precision or "default"),
        "code": _code(),
        "commit": git_commit(Path(__file__).parent),
        "driver": _driver(),
        "runtime": " ".join(str(getattr(first.client, "platform_version", "")).split()),
        "device_bytes": memory.get("bytes_limit"),
        "compute_capability": getattr(first, "compute_capability", None),
        "orders": list(orders),
    }


class TaskFile:
    """The results of one task.

    Attributes:
        path: The file.
        content: `task`, `fingerprint` of its graph, `environment`, `cases` by label, and
            `left_out`: cases of the last call that were not measured, with the reason.
    """

    def __init__(self, folder: Path, task: str, fingerprint: str, where: Mapping[str, Any]) -> None:
        """Opens the results of a task, or starts new ones.

        Args:
            folder: Where the files are.
            task: Name of the task.
            fingerprint: That of its graph.
            where: What `environment` returned.

        Raises:
            FileError: If a file is of another graph, machine, version, program text, ...
        """
        self.path = folder / f"{stem(task)}.json"
        fresh = (task, fingerprint, where, {}, {})
        self.content: dict[str, Any] = dict(zip(_KEYS, fresh, strict=True))
        if not self.path.exists():
            return
        found = _read(self.path, where)
        if found["fingerprint"] != fingerprint:
            _refuse(self.path, "fingerprint", found["fingerprint"], fingerprint)
        self.content |= {"cases": found["cases"], "environment": found["environment"]}
        if (label := found.get("running")) is not None:
            why = "the process ended during this measurement; remove the case to try again"
            self.cases[label] = {"failed": {"all": why}}

    @property
    def cases(self) -> dict[str, Any]:
        """What was measured, by label."""
        return self.content["cases"]

    def has(self, label: str) -> bool:
        """Whether a case need not be measured; one spoiled by noise is tried again."""
        return label in self.cases and "refused" not in self.cases[label]

    def begin(self, label: str) -> None:
        """Records that a case begins, so that one that ends the process is not tried again."""
        write_json(self.path, {**self.content, "running": label})

    def end(self, label: str, case: dict[str, Any]) -> None:
        """Records the result of a case."""
        self.cases[label] = case
        write_json(self.path, self.content)

    def leave_out(self, label: str, why: str) -> None:
        """Records that a case is not measured in this call."""
        self.content["left_out"][label] = why
        write_json(self.path, self.content)


def collect(folder: Path, where: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Reads the results of all tasks in a folder, those of earlier calls included.

    Args:
        folder: Where the files are.
        where: What `environment` returned.

    Returns:
        Contents by task.

    Raises:
        FileError: If a file is broken, or of another machine, version, program text, ...
    """
    contents = [_read(path, where) for path in sorted(folder.glob("*.json"))]
    return {content["task"]: content for content in contents}


def versions() -> dict[str, str]:
    """The versions of Python, elimax and those of `PACKAGES` that are installed, by name."""
    found = {"python": platform.python_version(), "elimax": elimax.__version__}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _read(path: Path, where: Mapping[str, Any]) -> dict[str, Any]:
    content = read_json(path, COMMAND, keys=_KEYS)
    for key in COMPARED:
        if (there := content["environment"].get(key)) != where[key]:
            _refuse(path, key, there, where[key])
    return content


def _refuse(path: Path, key: str, there: Any, here: Any) -> None:
    raise FileError(
        f"{path} was measured with {key} {there!r}, expected {here!r}: give another folder with "
        "--out, or remove the file"
    )


def _code() -> str:
    folder = Path(__file__).parent
    texts = {name: (folder / f"{name}.py").read_text(encoding="utf-8") for name in MEASURING}
    own = {name: tree_hash(ast.parse(text)) for name, text in texts.items()}
    package = {name: code_digest(name) for name in PACKAGE_MODULES}
    return content_digest({**own, **package})


def _driver() -> str:
    """The version of NVIDIA's driver, which JAX does not report."""
    try:
        text = DRIVER.read_text(encoding="utf-8")
    except OSError:
        return ""
    found = re.search(r"\d+(\.\d+)+", text)
    return found.group() if found else ""
