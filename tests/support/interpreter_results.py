"""Results of the interpreter benchmark, written by hand."""

from typing import Any


def ratio(median: float) -> dict[str, float]:
    """A ratio without spread."""
    return {"median": median, "low": median, "high": median}


def case(
    dense: float, *, layout: str = "published", batch: int = 512, builds: int = 1, **changes: Any
) -> dict[str, Any]:
    """A case in which jacrev is the better mode, and ours is `dense` times as fast."""
    names = ("jacfwd", "jacrev", "dense")
    return {
        "layout": layout,
        "batch": batch,
        "builds": dict.fromkeys(names, builds),
        "trace_seconds": {"jacfwd": 0.1, "jacrev": 0.2, "dense": 0.3},
        "compile_seconds": {"jacfwd": 0.3, "jacrev": 0.6, "dense": 0.5},
        "build_cpu_seconds": {"jacfwd": 0.4, "jacrev": 1.0, "dense": 1.5},
        "seconds": {"jacfwd": 4e-6, "jacrev": 2e-6, "dense": 2e-6 / dense},
        "rounds": 3,
        "bytes": {"jacfwd": 4_000_000, "jacrev": 2_000_000, "dense": 1_000_000},
        "called_once": [],
        "failed": {},
        "better": "jacrev",
        "ratios": {"jacfwd": ratio(0.5), "dense": ratio(dense)},
        "null": ratio(1.0),
        "errors": {"dense": 1e-7},
        **changes,
    }


def task_result(*cases: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """What `measure_task` returns."""
    search = {"graph_seconds": 0.01, "order_seconds": 0.02, "order": "reverse", "vertices": 3}
    return {
        "cases": list(cases),
        "search": {"published": search, "packed": search},
        "absent": {},
        **changes,
    }


def content(**tasks: dict[str, Any]) -> dict[str, Any]:
    """What `benchmark` returns but for its summary."""
    device = {"platform": "cpu", "device": "cpu", "cpu": "Some CPU", "jax": "0.10.2"}
    settings = {"dtype": "float32", "orders": "auto"}
    return {"tasks": tasks, "failed": {}, "device": device, "settings": settings}
