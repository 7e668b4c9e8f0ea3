"""Results of tasks as the report reads them, for tests of its tables and its page."""

from typing import Any

from elimax.interpreter.orders import PORTFOLIO

DEVICE = {"platform": "cpu", "device": "cpu", "cpu": "Test chip", "jax": "1.0"}
BOTH = {"all": 10, "nontrivial": 5}


def ratio(median: float) -> dict[str, float]:
    """A ratio with narrow quartiles."""
    return {"median": median, "low": median - 0.05, "high": median + 0.05}


def case(jacfwd: float, jacrev: float, best: float) -> dict[str, Any]:
    """One case with given times in microseconds; jacrev may be missing (0)."""
    times = {"jacfwd": jacfwd * 1e-6, "jacrev": jacrev * 1e-6}
    times = {name: seconds for name, seconds in times.items() if seconds}
    names = ("forward", "reverse", "markowitz", "best")
    return {
        "flags": "default",
        "dtype": "float32",
        "layout": "packed",
        "batch": 512,
        "seconds": {**times, "best": best * 1e-6},
        "compile_seconds": {"best": 0.5},
        "ratios": {
            name: {order: ratio(seconds / best * 1e6) for order in names}
            for name, seconds in times.items()
        },
        "null": ratio(1.0),
        "failed": {} if jacrev else {"jacrev": "no while loops"},
    }


TIMINGS = {
    "win": {"device": DEVICE, "skipped": {}, "cases": [case(40, 20, 10), case(0, 0, 10)]},
    "loss": {
        "device": DEVICE,
        "skipped": {"float64 packed batch 1": "XLA crashed"},
        "cases": [case(5, 0, 10)],
    },
    "even": {"device": DEVICE, "skipped": {}, "cases": [case(10, 12, 10)]},
}


def summary(**changes: Any) -> dict[str, Any]:
    """A summary of one task."""
    names = ("forward", "reverse", "markowitz", "markowitz_high")
    return {
        "vertices": 7,
        **dict.fromkeys(names, BOTH),
        "best_classic": {**BOTH, "found_by": "forward"},
        "learned": {"all": 9, "nontrivial": 6, "found_by": "finetuned"},
        "best": {"all": 8, "nontrivial": 5, "found_by": "annealing"},
        "fewest_nontrivial": {"all": 11, "nontrivial": 4, "found_by": "annealing_nontrivial"},
        "bounds": {
            "all": {"bound": 8, "optimal": True},
            "nontrivial": {"bound": 1234, "optimal": False},
        },
        "improvement": 0.2,
        "correct": True,
        "error_below": 1e-13,
        **changes,
    }


def collected(task: str = "a", **changes: Any) -> dict[str, Any]:
    """What the stage report collects for one task."""
    row = {
        "charts/eliminations": 1.0,
        "charts/update": 1.0,
        "costs/mean": 24.0,
        "costs/best": 9.0,
        "validation/ratio": 1.125,
    }
    orders = {**dict.fromkeys(PORTFOLIO, BOTH), "finetuned": {"all": 9, "nontrivial": 6}}
    return {
        "summaries": {task: summary()},
        "candidates": {task: orders},
        "checks": {task: [{"correct": True, "error_below": 1e-13}]},
        "timings": {task: TIMINGS["loss"]},
        "curves": {task: [row]},
        "pretrained": {task: {"all": 10, "nontrivial": 6}},
        "pretrain_curve": [row],
        "pretrain_metrics": {},
        "gpu": {},
        "idea": None,
        **changes,
    }
