"""Sums the measurements of the interpreter up, and compares them with what is aimed at."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks.interpreter_contenders import MODES, OURS

RATIO_TARGETS: Mapping[str, float] = {"dense": 1.6, "structured": 2.0}
"""Wanted geometric mean over the tasks of (better JAX mode / ours), by contender."""

WORST_TARGET = 0.95
"""No case may have a lower ratio."""

BUILD_TARGET = 1.0
"""Wanted (trace + compile of ours) / (the same of the better JAX mode) at most."""

TASK_TARGETS: Mapping[str, float] = {"autoencoder_bottleneck": 6.0}
"""Wanted ratio of single tasks."""

Results = Mapping[str, Mapping[str, Any]]


def summarise(tasks: Results) -> dict[str, Any]:
    """Sums up all cases with a batch, that is, of more than one input.

    Args:
        tasks: What `measure_task` returned, by name.

    Returns:
        `ratios` by contender: `mean`, the geometric mean of the tasks, each the geometric mean of
        its cases; `by_layout`, the same of one layout; `by_task`; `worst` and `worst_single`, the
        lowest ratio with and without a batch.
        `builds` by task and contender: see `build_ratios`.
    """
    ratios = {}
    for name in OURS:
        by_task = _means(tasks, name)
        layouts = {layout: _means(tasks, name, layout) for layout in ("published", "packed")}
        if by_task:
            ratios[name] = {
                "mean": geometric_mean(list(by_task.values())),
                "by_layout": {
                    layout: geometric_mean(list(means.values()))
                    for layout, means in layouts.items()
                    if means
                },
                "by_task": by_task,
                "worst": _worst(tasks, name, single=False),
                "worst_single": _worst(tasks, name, single=True),
            }
    builds = {task: build_ratios(result) for task, result in tasks.items()}
    return {"ratios": ratios, "builds": builds}


def build_ratios(result: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """Compares what tracing and compiling take, in the cases where they were repeated most.

    Args:
        result: What `measure_task` returned.

    Returns:
        By our contenders `worst`, the largest ratio of the layouts to the mode that runs faster,
        `worst_cpu`, the same of processor time, and `worst_cheapest`, the largest ratio to the mode
        that is built faster.
    """
    most = max((_repeats(case) for case in result["cases"]), default=0)
    ratios: dict[str, dict[str, float]] = {}
    for case in result["cases"]:
        if _repeats(case) < most:
            continue
        built = {name: build_seconds(case, name) for name in case["trace_seconds"]}
        cpu = case["build_cpu_seconds"]
        better, cheapest = case["better"], min(built[mode] for mode in MODES if mode in built)
        for name in (name for name in OURS if name in built):
            entry = ratios.setdefault(name, {})
            for key, ratio in (
                ("worst", built[name] / built[better]),
                ("worst_cpu", cpu[name] / cpu[better]),
                ("worst_cheapest", built[name] / cheapest),
            ):
                entry[key] = max(entry.get(key, 0.0), round(ratio, 3))
    return ratios


def build_seconds(case: Mapping[str, Any], name: str) -> float:
    """Returns the time to trace and compile a contender, in seconds.

    Args:
        case: What `measure_case` returned.
        name: The contender.
    """
    return case["trace_seconds"][name] + case["compile_seconds"][name]


def summary_lines(summary: Mapping[str, Any]) -> list[str]:
    """Writes the summary as sentences, each with its target and whether it is met.

    Args:
        summary: What `summarise` returned.

    Returns:
        One line for each figure.
    """
    lines = []
    for name, entry in summary["ratios"].items():
        text = f"{name}: geometric mean of better JAX mode / ours with a batch {entry['mean']:.2f}"
        lines.append(text + _verdict(entry["mean"], RATIO_TARGETS.get(name)))
        if len(entry["by_layout"]) > 1:
            means = (f"{layout} {mean:.2f}" for layout, mean in entry["by_layout"].items())
            lines.append(f"{name}: by layout {', '.join(means)}")
        for key, what in (("worst", "with a batch"), ("worst_single", "one input")):
            if entry[key]:
                ratio, *place = entry[key]
                text = f"{name}: worst case, {what}, {ratio:.2f} ({', '.join(map(str, place))})"
                lines.append(text + _verdict(ratio, WORST_TARGET))
        for task, target in TASK_TARGETS.items():
            if task in entry["by_task"]:
                ratio = entry["by_task"][task]
                lines.append(f"{name}: {task} {ratio:.2f}" + _verdict(ratio, target))
    for name in RATIO_TARGETS:
        found = {task: entry[name] for task, entry in summary["builds"].items() if name in entry}
        if not found:
            lines.append(f"{name}: not available")
            continue
        met = [task for task, entry in found.items() if entry["worst"] <= BUILD_TARGET]
        slowest = max(found, key=lambda task: found[task]["worst"])
        lines.append(
            f"{name}: trace + compile at most those of the better JAX mode for {len(met)} of "
            f"{len(found)} tasks, worst {slowest} {found[slowest]['worst']:.2f} times"
        )
    return lines


def large_cases(result: Mapping[str, Any], name: str) -> Iterator[Mapping[str, Any]]:
    """Yields the cases with a batch in which a contender was measured.

    Args:
        result: What `measure_task` returned.
        name: The contender.

    Yields:
        Cases of all batch sizes above one.
    """
    for case in result["cases"]:
        if case["batch"] > 1 and name in case["ratios"]:
            yield case


def geometric_mean(values: Sequence[float]) -> float:
    """Returns the geometric mean of positive numbers, rounded to four digits.

    Args:
        values: At least one.
    """
    return round(math.exp(sum(map(math.log, values)) / len(values)), 4)


def _means(tasks: Results, name: str, layout: str | None = None) -> dict[str, float]:
    """Returns the mean ratio of a contender by task, in one layout or in all of them."""
    means: dict[str, float] = {}
    for task, result in tasks.items():
        found = [
            case["ratios"][name]["median"]
            for case in large_cases(result, name)
            if layout in (None, case["layout"])
        ]
        if found:
            means[task] = geometric_mean(found)
    return means


def _repeats(case: Mapping[str, Any]) -> int:
    """Returns how often the better of JAX's modes was built."""
    return case["builds"][case["better"]]


def _worst(tasks: Results, name: str, *, single: bool) -> list[Any] | None:
    """Returns the lowest ratio with task, layout and batch; None if nothing was measured."""
    found = []
    for task, result in tasks.items():
        large = list(large_cases(result, name))
        for case in result["cases"]:
            if name in case["ratios"] and (case in large) != single:
                ratio = case["ratios"][name]["median"]
                found.append([ratio, task, case["layout"], case["batch"]])
    return min(found, default=None)


def _verdict(value: float, target: float | None) -> str:
    """Says whether a target is met; nothing where there is none."""
    if target is None:
        return ""
    return f" (target {target:g}: {'met' if value >= target else 'missed'})"
