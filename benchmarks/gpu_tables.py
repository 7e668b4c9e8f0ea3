"""The results of the benchmark as Markdown."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks.gpu_subject import STRUCTURED
from elimax.pipeline.pages.report_tables import Table, better_rival, markdown_table
from elimax.pipeline.stages.rivals import RIVALS

NAMES = ("best", "fewest_nontrivial", "auto", STRUCTURED)
"""What the ratios of are shown."""


def markdown_text(content: Mapping[str, Any]) -> str:
    """Writes all tables.

    Args:
        content: What stands in gpu.json.

    Returns:
        The text, which ends with a newline.
    """
    where, tasks = content["environment"], content["tasks"]
    parts = [
        f"# Jacobians on {where['device']}",
        f"JAX {where['jax']}, driver: {where['driver'] or 'none'}, precision of products "
        f"{where['matmul_precision']}, XLA_FLAGS {where['xla_flags'] or 'none'}.",
        "## Values in float64",
        "Largest relative error of a block against `jax.jacfwd` and `jax.jacrev`, of all orders.",
        markdown_table(*check_table(tasks)),
        "## Run time",
        "A ratio is (time of the better of vmap(jacfwd f) and vmap(jacrev f)) / (our time), the "
        "median of paired rounds with its quartiles; above 1 elimination is faster. Times are of "
        "one call, waiting for the device included. Structured output leaves out zeros and "
        "constants. Kernels: launches of a call, JAX and the best order.",
        markdown_table(*timing_table(tasks)),
        "## Geometric means of the ratios",
        markdown_table(*means_table(tasks)),
    ]
    columns, rows = training_table(tasks)
    if rows:
        parts += ["## Training of the policy", markdown_table(columns, rows)]
    notes = list(_notes(tasks))
    if notes:
        parts += ["## Not measured", "\n".join(f"- {note}" for note in notes)]
    return "\n\n".join(parts) + "\n"


def check_table(tasks: Mapping[str, Any]) -> Table:
    """Makes the table of errors in float64, one row a task.

    Args:
        tasks: Results by task.
    """
    rows = []
    for task, case in _cases(tasks):
        if "wrong" not in case:
            continue
        errors = case["errors"]
        ours = [name for name in errors if name not in RIVALS]
        worst = [_worst(errors[name].get(rival) for name in ours) for rival in RIVALS]
        verdict = f"NO: {', '.join(case['wrong'])}" if case["wrong"] else "yes"
        if case["unchecked"]:
            verdict += f"; not compared: {', '.join(case['unchecked'])}"
        between = errors.get("jacrev", {}).get("jacfwd")
        rows.append([task, case["batch"], *worst, _number(between), verdict])
    columns = ["task", "batch", "against jacfwd", "against jacrev", "jacrev against jacfwd"]
    return [*columns, "correct"], rows


def timing_table(tasks: Mapping[str, Any]) -> Table:
    """Makes the table of run times, one row a case.

    Args:
        tasks: Results by task.
    """
    columns = ["task", "dtype", "layout", "batch", "JAX us", "mode", "best us", "ratio"]
    columns += ["spread", *NAMES[1:], "null", "kernels"]
    rows = []
    for task, case in _cases(tasks):
        rival = better_rival(case)
        seconds = case["seconds"]
        ratios = case["ratios"].get(rival, {}) if rival else {}
        best, null = ratios.get("best"), case["null"]
        launches = [case["programs"].get(name, {}).get("kernels") for name in (rival, "best")]
        row = [task, case["dtype"], case["layout"], case["batch"]]
        row += [_microseconds(seconds.get(rival)), rival, _microseconds(seconds.get("best"))]
        row += [best and best["median"], _spread(best)]
        row += [ratios[name]["median"] if name in ratios else None for name in NAMES[1:]]
        row += [_spread(null), " / ".join("-" if x is None else str(x) for x in launches)]
        rows.append(row)
    return columns, rows


def means_table(tasks: Mapping[str, Any]) -> Table:
    """Makes the table of geometric means over the tasks, by dtype, layout and wanted batch.

    Args:
        tasks: Results by task.
    """
    groups: dict[tuple[Any, ...], dict[str, list[float]]] = {}
    for _, case in _cases(tasks):
        rival = better_rival(case)
        if rival is None:
            continue
        group = groups.setdefault((case["dtype"], case["layout"], case["wanted"]), {})
        for name in NAMES:
            if name in case["ratios"][rival]:
                group.setdefault(name, []).append(case["ratios"][rival][name]["median"])
    rows = [
        [*key, max(map(len, group.values()), default=0), *(_mean(group.get(x)) for x in NAMES)]
        for key, group in groups.items()
    ]
    return ["dtype", "layout", "batch", "tasks", *NAMES], rows


def training_table(tasks: Mapping[str, Any]) -> Table:
    """Makes the table of the training of the policy.

    Args:
        tasks: Results by task.
    """
    keys = ["episodes", "updates", "first_seconds", "update_seconds", "eliminations_per_second"]
    rows = [
        [task, *(case[key] for key in keys)]
        for task, result in tasks.items()
        for case in result["cases"].values()
        if "eliminations_per_second" in case
    ]
    return ["task", *(key.replace("_", " ") for key in keys)], rows


def _cases(tasks: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Cases of Jacobians that were measured, the largest groups outside."""
    found = [
        (task, case)
        for task, result in tasks.items()
        for case in result["cases"].values()
        if "ratios" in case
    ]
    yield from sorted(
        found, key=lambda x: (x[1]["dtype"], x[1]["layout"] != "published", -x[1]["wanted"])
    )


def _notes(tasks: Mapping[str, Any]) -> Iterator[str]:
    for task, result in tasks.items():
        for label, case in result["cases"].items():
            for name, why in case.get("failed", {}).items():
                yield f"{task}, {label}, {name}: {why}"
            if case.get("batch") != case.get("wanted"):
                yield f"{task}, {label}: batch {case['batch']} is the largest that fits"
        for label, why in result["left_out"].items():
            yield f"{task}, {label}: {why}"


def _worst(errors: Any) -> str | None:
    known = [error for error in errors if error is not None]
    texts = [error for error in known if isinstance(error, str)]
    return texts[0] if texts else _number(max(known, default=None))


def _number(error: float | str | None) -> str | None:
    return error if error is None or isinstance(error, str) else f"{error:.1e}"


def _mean(values: list[float] | None) -> float | None:
    return round(math.exp(math.fsum(map(math.log, values)) / len(values)), 2) if values else None


def _microseconds(seconds: float | None) -> str | None:
    return None if seconds is None else f"{seconds * 1e6:,.{0 if seconds >= 1e-3 else 1}f}"


def _spread(ratio: Mapping[str, float] | None) -> str | None:
    return None if ratio is None else f"{ratio['low']:.2f} to {ratio['high']:.2f}"
