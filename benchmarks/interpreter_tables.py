"""The measurements of the interpreter as tables, and as Markdown."""

from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks.interpreter_contenders import MODES, OURS
from benchmarks.interpreter_measure import AGAIN
from benchmarks.interpreter_summary import Results, build_ratios, summary_lines
from elimax.pipeline.pages.report_tables import Table, markdown_table

LOWEST = 10
"""How many of the worst cases are listed."""


def markdown_text(content: Mapping[str, Any]) -> str:
    """Writes the whole result as Markdown.

    Args:
        content: `tasks`, what `measure_task` returned by name; `summary`; `failed`, tasks that
            could not be measured, with the reason; `settings` and `device`.

    Returns:
        The text.
    """
    tasks, device = content["tasks"], content["device"]
    chip = device["cpu"] if device["platform"] == "cpu" else device["device"]
    settings = content["settings"]
    parts = [
        "# Interpreter against JAX",
        f"Measured on {device['platform']} ({chip}), JAX {device['jax']}, {settings['dtype']}, "
        f"orders {settings['orders']}.",
        "## Summary",
        "\n".join(f"- {line}" for line in summary_lines(content["summary"])),
        f"The {LOWEST} lowest ratios of ours in the place of JAX's modes, with a batch or without:",
        markdown_table(*lowest_table(tasks)),
        "## Run time",
        "A ratio is (time of the better of vmap(jacfwd f) and vmap(jacrev f)) / (time of this "
        "contender), the median of paired rounds: above 1 this contender is faster. The spread is "
        "from the lower to the upper quartile, null is dense against itself compiled again, and "
        "1x marks a contender that was called once because a call takes too long for rounds. "
        "Memory is that of temporaries and outputs; error is the largest difference of ours from "
        "the better mode, relative to the largest entry.",
        markdown_table(*run_table(tasks)),
        "## Trace and compile time, milliseconds",
        "Each cell is trace + compile, the median of several. Tracing the graph and finding the "
        "order is not in them. The last columns are dense / (the JAX mode that runs faster), by "
        "time and by processor time, and dense / (the one that is built faster), the worse layout.",
        markdown_table(*build_table(tasks)),
    ]
    notes = list(_notes(content))
    if notes:
        parts += ["## Left out", "\n".join(f"- {line}" for line in notes)]
    return "\n\n".join(parts) + "\n"


def run_table(tasks: Results) -> Table:
    """Makes the table of run times: one row per task, layout and batch size.

    Args:
        tasks: What `measure_task` returned, by name.

    Returns:
        Headings and rows.
    """
    columns = [
        "task", "layout", "batch", "jacfwd us", "jacrev us", "dense us", "dense", "spread",
        "assembled", "structured", "null", "others", "JAX MB", "dense MB", "structured MB", "error",
    ]  # fmt: skip
    rows = []
    for task, case in _cases(tasks):
        ratios, null = case["ratios"], case["null"]
        size = case["bytes"]
        rows.append(
            [
                task,
                case["layout"],
                case["batch"],
                *(_time(case, name) for name in (*MODES, "dense")),
                _median(ratios, "dense"),
                _spread(ratios.get("dense")),
                *(_median(ratios, name) for name in ("assembled", "structured")),
                _spread(null),
                ", ".join(f"{name} {ratio:.2f}" for name, ratio in _others(ratios)) or None,
                _megabytes(size.get(case["better"])),
                *(_megabytes(size.get(name)) for name in ("dense", "structured")),
                _error(case["errors"]),
            ]
        )
    return columns, rows


def lowest_table(tasks: Results) -> Table:
    """Makes the table of the cases in which ours does worst against the better mode.

    Args:
        tasks: What `measure_task` returned, by name.

    Returns:
        Headings and rows, the lowest ratio first.
    """
    columns = ["task", "layout", "batch", "contender", "ratio", "spread", "better mode"]
    rows = [
        [
            task,
            case["layout"],
            case["batch"],
            name,
            _median(case["ratios"], name),
            _spread(case["ratios"][name]),
            case["better"],
        ]
        for task, case in _cases(tasks)
        for name in ("dense", "structured")
        if name in case["ratios"]
    ]
    return columns, sorted(rows, key=lambda row: row[4])[:LOWEST]


def build_table(tasks: Results) -> Table:
    """Makes the table of trace and compile times: one row per task and layout.

    Args:
        tasks: What `measure_task` returned, by name.

    Returns:
        Headings and rows.
    """
    names = [*MODES, *OURS]
    columns = ["task", "layout", "graph", "order", *names, "to faster", "by CPU", "to cheaper"]
    rows = []
    for task, result in tasks.items():
        ratios = build_ratios(result).get("dense", {})
        for layout in dict.fromkeys(case["layout"] for case in result["cases"]):
            cases = [case for case in result["cases"] if case["layout"] == layout]
            case = max(cases, key=lambda case: case["builds"][case["better"]])
            search = result["search"][layout]
            rows.append(
                [
                    task,
                    layout,
                    *(1e3 * search[key] for key in ("graph_seconds", "order_seconds")),
                    *(_build(case, name) for name in names),
                    ratios.get("worst"),
                    ratios.get("worst_cpu"),
                    ratios.get("worst_cheapest"),
                ]
            )
    return columns, rows


def _notes(content: Mapping[str, Any]) -> Iterator[str]:
    """Says what was left out, and why, each thing once."""
    said: dict[str, list[str]] = {}
    for task, result in content["tasks"].items():
        reasons = {f"{name}: {why}" for name, why in result["absent"].items()}
        for case in result["cases"]:
            reasons |= {f"{name}: {why}" for name, why in case["failed"].items()}
        for reason in sorted(reasons):
            said.setdefault(reason, []).append(task)
    for reason, tasks in said.items():
        where = "all tasks" if len(tasks) == len(content["tasks"]) else ", ".join(tasks)
        yield f"{reason} ({where})"
    for task, reason in content["failed"].items():
        yield f"{task}: {reason}"


def _cases(tasks: Results) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for task, result in tasks.items():
        for case in result["cases"]:
            yield task, case


def _others(ratios: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Yields contenders that are neither JAX's modes nor ours."""
    for name, ratio in ratios.items():
        if name not in (*MODES, *OURS, AGAIN):
            yield name, ratio["median"]


def _time(case: Mapping[str, Any], name: str) -> str | float | None:
    """Returns microseconds, marked where there was one call only."""
    if name not in case["seconds"]:
        return None
    microseconds = round(case["seconds"][name] * 1e6, 1)
    return f"{microseconds:.1f} (1x)" if name in case["called_once"] else microseconds


def _median(ratios: Mapping[str, Any], name: str) -> float | None:
    return ratios[name]["median"] if name in ratios else None


def _spread(ratio: Mapping[str, float] | None) -> str | None:
    return None if ratio is None else f"{ratio['low']:.2f} to {ratio['high']:.2f}"


def _megabytes(size: int | None) -> float | None:
    return None if size is None else round(size / 1e6, 2)


def _error(errors: Mapping[str, float | None]) -> str | None:
    """Returns the largest difference of ours from JAX, or None if nobody compared them."""
    known = [error for error in errors.values() if error is not None]
    return f"{max(known):.0e}" if known else None


def _build(case: Mapping[str, Any], name: str) -> str | None:
    if name not in case["trace_seconds"]:
        return None
    trace, compilation = (case[key][name] * 1e3 for key in ("trace_seconds", "compile_seconds"))
    return f"{trace:.0f} + {compilation:.0f}"
