"""What produced a result: device, versions, commit, digests of code and files."""

import hashlib
import json
import platform
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def device() -> dict[str, str]:
    """Describes the device that JAX computes on.

    Returns:
        Platform and kind of the first device, model of the processor, and version of JAX.
    """
    import jax

    first = jax.devices()[0]
    return {
        "platform": first.platform,
        "device": first.device_kind,
        "cpu": cpu_model(),
        "jax": jax.__version__,
    }


def cpu_model() -> str:
    """Returns the model name of the processor."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def git_commit(root: Path) -> str | None:
    """Returns the short commit hash of a folder, or None without git."""
    try:
        done = subprocess.run(
            ["git", "-C", str(root), "rev-parse", "--short", "HEAD"],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def file_digest(path: Path) -> str:
    """Returns the first 16 hexadecimal digits of the SHA-256 digest of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def code_digest(module: str) -> str:
    """Returns a digest of the program text that the results of a module depend on.

    Args:
        module: Dotted name, such as "elimax.pipeline.stages.finetune".
    """
    import elimax
    from elimax.pipeline.checkout.import_closure import fingerprint

    return content_digest(fingerprint(Path(elimax.__file__).resolve().parents[1], module))


def content_digest(content: Mapping[str, Any]) -> str:
    """Returns the first 16 hexadecimal digits of the digest of plain JSON data."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
