"""How fast the orders are, on the page of the report: charts, means, and times on GPUs."""

import html
import statistics
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from elimax.pipeline.pages.bar_charts import Interval, interval_chart
from elimax.pipeline.pages.html_page import figure, folded, paragraph, table
from elimax.pipeline.pages.report_tables import (
    Table,
    better_rival,
    compile_table,
    speed_table,
    timing_notes,
    timing_table,
    verdict,
)

FLAG_TITLES = {"default": "Default XLA flags", "fusion": "With multi-output fusion"}
LAYOUT_TITLES = {
    "published": "the function's own arguments and results",
    "packed": "one vector in, one matrix out",
}
USUAL = 0.7
"""Share of the cases of a chart from which their batch size or dtype moves to the title."""
HOW_TO_READ = (
    "Each row is one function and shows how many times faster its Jacobian is in the best order "
    "than in the better of JAX's two modes, both compiled by XLA with the same flags. The mark is "
    "the median of paired rounds, the bar runs from quartile to quartile, and the scale is "
    "logarithmic. Green is faster, red is slower. Grey is too close to tell: the bar includes 1, "
    "or is no further from it than that of the order timed against itself. A violet diamond is the "
    "best order as a native kernel. Titles give the batch size and the dtype, rows only those that "
    "differ."
)
GPU_NOTE = (
    "Geometric means over the tasks of (time of the better mode of JAX) / (time of elimax); above "
    "1 elimax is faster. Dense is the whole Jacobian in the best order; structured leaves out "
    "zeros and constants; slower counts the tasks whose dense Jacobian takes longer."
)


def cases_of(
    timings: Mapping[str, Mapping[str, Any]],
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yields each case that was timed with the name of its task."""
    for task, timing in timings.items():
        for case in timing["cases"]:
            yield task, case


def speed_up(case: Mapping[str, Any]) -> Mapping[str, float] | None:
    """Returns the ratio of the better mode of JAX to the best order, or None if no mode works."""
    rival = better_rival(case)
    return None if rival is None else case["ratios"][rival].get("best")


def verdict_of(case: Mapping[str, Any]) -> str:
    """Tells whether the best order is "faster", "slower" or "even" in a case, or "alone"."""
    counted = verdict({"": {"cases": [case]}})
    return next(name for name, number in counted.items() if number)


def flags_title(flags: str) -> str:
    """Names a set of XLA flags for readers."""
    return FLAG_TITLES.get(flags, flags)


def speed_sections(
    timings: Mapping[str, Mapping[str, Any]],
    tasks: Sequence[str],
    gpu: Mapping[str, Mapping[str, Any]],
) -> list[str]:
    """Makes the section on run times.

    Args:
        timings: What evaluate measured, by task.
        tasks: All tasks of the report.
        gpu: What was measured on a GPU, as `gpu_sections` takes it.

    Returns:
        HTML text.
    """
    # The verdict and the devices go above the charts, the other notes to the table of all cases.
    notes = timing_notes(timings, tasks)
    explained, others = (notes[1:3], [notes[0], *notes[3:]]) if timings else (notes, [])
    charts = [figure(title, chart) for title, chart in speed_charts(timings).items()]
    details = [
        table(*timing_table(timings), ratios=("forward", "reverse", "Markowitz", "best", "native")),
        *map(paragraph, others),
    ]
    return [
        '<h2 id="time">Run time</h2>',
        *([paragraph(HOW_TO_READ)] if charts else []),
        *map(paragraph, explained),
        *([f'<div class="charts">{"".join(charts)}</div>'] if charts else []),
        *([f"<h3>Geometric means</h3>{mean_table(timings)}"] if charts else []),
        *gpu_sections(gpu),
        *([folded("All cases and what was not timed", *details)] if timings else []),
        *([folded("Trace and compile time, seconds", table(*compile_table(timings)))]
          if timings else []),
    ]  # fmt: skip


def mean_table(timings: Mapping[str, Mapping[str, Any]]) -> str:
    """Makes the table of mean speed-ups, as HTML text."""
    columns, rows = speed_table(timings)
    wide = ["faster by XLA" if name == "best" else "by native kernel" if name == "native"
            else name for name in columns]  # fmt: skip
    return table(wide, rows, ratios=("faster by XLA", "by native kernel"))


def speed_charts(timings: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Draws the speed-ups, one chart for each set of XLA flags and layout.

    Args:
        timings: What evaluate measured, by task.

    Returns:
        SVG elements by title.
    """
    groups: dict[tuple[str, str], list[tuple[str, Mapping[str, Any]]]] = {}
    for task, case in cases_of(timings):
        if speed_up(case) is not None:
            groups.setdefault((case["flags"], case["layout"]), []).append((task, case))
    charts = {}
    ordered = sorted(groups, key=lambda key: (key[0] != "default", key[1] != "published", key))
    for flags, layout in ordered:
        group = groups[flags, layout]
        usual = {key: usual_value([case[key] for _, case in group]) for key in ("batch", "dtype")}
        named = [f"batch {usual['batch']:,}" if usual["batch"] else "", usual["dtype"] or ""]
        title = ", ".join([LAYOUT_TITLES.get(layout, layout), *filter(None, named)])
        charts[f"{flags_title(flags)}: {title}"] = interval_chart(_intervals(group, usual))
    return charts


def usual_value(values: Sequence[Any]) -> Any:
    """Returns the most common value, or None if its share is below `USUAL`."""
    value, number = Counter(values).most_common(1)[0]
    return value if number >= USUAL * len(values) else None


def _intervals(
    group: Sequence[tuple[str, Mapping[str, Any]]], usual: Mapping[str, Any]
) -> list[Interval]:
    """The rows of a chart; a label names batch and type where they are not the usual ones."""
    intervals = []
    for task, case in group:
        rival, ratio = better_rival(case), speed_up(case)
        if rival is None or ratio is None:
            continue
        kernel = case["ratios"][rival].get("native")
        name = task
        if case["batch"] != usual["batch"]:
            name += f" × {case['batch']:,}"
        if case["dtype"] != usual["dtype"]:
            name += f", {case['dtype']}"
        middle = None if kernel is None else kernel["median"]
        place = (ratio["low"], ratio["median"], ratio["high"])
        intervals.append(Interval(name, *place, verdict_of(case), middle))
    return intervals


def gpu_sections(gpu: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Makes a table for each GPU.

    Args:
        gpu: By name of the folder, `device`, `jax` and the `cases` of each task.

    Returns:
        HTML text; nothing where no GPU was measured.
    """
    parts = []
    for measured in gpu.values():
        columns, rows = gpu_table(measured["cases"])
        if rows:
            title = f"On a GPU: {measured['device']}, JAX {measured['jax']}"
            parts.append(f"<h3>{html.escape(title)}</h3>")
            parts.append(paragraph(GPU_NOTE))
            parts.append(table(columns, rows, ratios=("dense", "structured")))
    return parts


def gpu_table(cases: Mapping[str, Sequence[Mapping[str, Any]]]) -> Table:
    """Makes the table of mean speed-ups on a GPU.

    Args:
        cases: What was timed, by task.

    Returns:
        Headings and rows: layout, dtype and batch that was asked for, number of tasks, geometric
        means, number of tasks that are slower.
    """
    groups: dict[tuple[str, str, int], list[Mapping[str, Mapping[str, float]]]] = {}
    for group in cases.values():
        for case in group:
            if (rival := better_rival(case)) is not None:
                key = (case["layout"], case["dtype"], case["wanted"])
                groups.setdefault(key, []).append(case["ratios"][rival])
    rows: list[list[Any]] = []
    order = sorted(groups, key=lambda key: (key[0] != "published", *key[:2], -key[2]))
    for layout, dtype, batch in order:
        ratios = groups[layout, dtype, batch]
        means = []
        for name in ("best", "structured"):
            values = [ratio[name]["median"] for ratio in ratios if name in ratio]
            means.append(round(statistics.geometric_mean(values), 2) if values else None)
        slower = sum(ratio["best"]["high"] < 1 for ratio in ratios if "best" in ratio)
        rows.append([layout, dtype, batch, len(ratios), *means, slower])
    return ["layout", "dtype", "batch", "tasks", "dense", "structured", "slower"], rows
