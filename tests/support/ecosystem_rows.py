"""What the stages of a case of `make ecosystem` report."""

from typing import Any

from benchmarks.ecosystem.stages import MODES


def stages(run: float = 2.0, memory: float = 1e6, **changed: Any) -> dict[str, Any]:
    """A case in which everything is right."""
    numbers = {"trace": 1.0, "compile": 1.0, "run": run, "memory": memory}
    ours = {"status": "right", "error_size": 1e-15, **numbers}
    jax = {"status": "right", "error_size": 0.0, "trace": 0.5, "compile": 0.5}
    return {
        "jacfwd": {**jax, "run": 4.0, "memory": 1e5},
        "jacrev": {**jax, "run": 1.0, "memory": 5e5},
        **{mode: ours for mode in MODES},
        **changed,
    }


FAILED = {"status": "failed", "error": "TypeError: no"}
