"""Records of the benchmark of Jacobians, written by hand."""

from typing import Any

ENVIRONMENT = {
    "platform": "gpu",
    "device": "Some GPU",
    "cpu": "Some CPU",
    "machine": "Some GPU",
    "versions": {"python": "3.12.1", "jax": "0.11.2"},
    "xla_flags": "--flag=1",
    "matmul_precision": "default",
    "code": "0123",
    "commit": "abc",
    "driver": "580.1",
    "orders": ["best"],
}


def ratio(median: float) -> dict[str, float]:
    """A ratio with an interval of 0.1 on either side."""
    return {"median": median, "low": median - 0.1, "high": median + 0.1}


def case(best: float = 2.0, **changes: Any) -> dict[str, Any]:
    """A case in which jacrev is the better mode, and ours is `best` times as fast."""
    names = ("jacfwd", "jacrev", "best")
    return {
        "kind": "times",
        "dtype": "float32",
        "layout": "published",
        "batch": 512,
        "wanted": 512,
        "ours": "best",
        "compilers": 1,
        "builds": dict.fromkeys(names, 3),
        "trace_seconds": {"jacfwd": 0.1, "jacrev": 0.2, "best": 0.3},
        "compile_seconds": {"jacfwd": 0.3, "jacrev": 0.6, "best": 0.5},
        "seconds": {"jacfwd": 4e-3, "jacrev": 2e-3, "best": 2e-3 / best},
        "search": {},
        "rounds": 3,
        "programs": {"jacrev": {"kernels": 9, "flops": 2_000_000}, "best": {"kernels": 3}},
        "absent": {},
        "failed": {},
        "ratios": {"jacfwd": {"best": ratio(2 * best)}, "jacrev": {"best": ratio(best)}},
        "null": ratio(1.0),
        "errors": {"best": {"jacfwd": 1e-7, "jacrev": 2e-7}},
        **changes,
    }


def content(task: str, *cases: dict[str, Any], **left_out: str) -> dict[str, Any]:
    """The file of a task."""
    return {
        "task": task,
        "fingerprint": "f",
        "environment": ENVIRONMENT,
        "cases": {f"case {number}": case for number, case in enumerate(cases)},
        "left_out": left_out,
    }
