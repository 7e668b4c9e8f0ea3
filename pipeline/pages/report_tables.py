"""The tables of the report as rows, and as Markdown."""

import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from elimax.pipeline.checkout.context import SHOWN, Objective
from elimax.pipeline.console import cell

Table = tuple[list[str], list[list[Any]]]

SEEDS_TITLE = "Seeds"
SEEDS_NOTE = (
    "Multiplications of the cheapest learned order of each finetuning seed; IQM is the "
    "interquartile mean over the seeds, with a bootstrap interval."
)


def count_table(summaries: Mapping[str, Mapping[str, Any]]) -> Table:
    """Makes the table of multiplications, every cell "all / nontrivial".

    Args:
        summaries: Summary by task.

    Returns:
        Headings and rows.
    """
    columns = [
        "task", "vertices", "forward", "reverse", "Markowitz", "Markowitz high",
        "best classic", "learned", "best", "fewest nontrivial", "bound", "saved %", "found by",
        "correct",
    ]  # fmt: skip
    rows = [
        [
            task,
            summary["vertices"],
            *(both_counts(summary[name]) for name in SHOWN),
            f"{both_counts(summary['best_classic'])} ({summary['best_classic']['found_by']})",
            both_counts(summary["learned"]),
            both_counts(summary["best"]),
            both_counts(summary["fewest_nontrivial"]),
            bounds(summary["bounds"]),
            round(100 * summary["improvement"], 1),
            summary["best"]["found_by"],
            "yes" if summary["correct"] else "NO",
        ]
        for task, summary in summaries.items()
    ]
    return columns, rows


def seed_table(summaries: Mapping[str, Mapping[str, Any]]) -> Table:
    """Makes the table of what the seeds of finetuning reached; it has no rows for a single seed.

    Args:
        summaries: Summary by task.

    Returns:
        Headings and rows.
    """
    rows: list[list[Any]] = []
    for task, summary in summaries.items():
        if "seeds" in summary:
            of = summary["seeds"]
            interval = f"{of['iqm']:,} ({of['iqm_low']:,} to {of['iqm_high']:,})"
            spread = f"{of['mean']:,} ± {of['std']:,}"
            shown = (of[key] for key in ("number", "min", "median", "max"))
            rows.append([task, *shown, spread, interval])
    columns = ["task", "seeds", "lowest", "median", "highest", "mean ± std", "IQM (95 %)"]
    return columns, rows


def both_counts(counts: Mapping[str, Any]) -> str:
    """Formats what an order costs by both counts.

    Args:
        counts: `all` and `nontrivial`.

    Returns:
        "all / nontrivial".
    """
    return f"{counts['all']:,} / {counts['nontrivial']:,}"


def bounds(by_count: Mapping[str, Mapping[str, Any]]) -> str:
    """Formats the lower bounds by both counts.

    Args:
        by_count: `bound` and `optimal` by count.

    Returns:
        "all / nontrivial"; an equals sign marks a bound that is reached.
    """
    entries = (by_count[count] for count in ("all", "nontrivial"))
    return " / ".join(f"{'=' if x['optimal'] else ''}{x['bound']:,}" for x in entries)


def timing_table(timings: Mapping[str, Mapping[str, Any]]) -> Table:
    """Makes the table of run times: one row per task, set of XLA flags, dtype, layout and batch.

    Args:
        timings: What evaluate measured, by task.

    Returns:
        Headings and rows; ratios are (time of the rival / our time), above 1 where we are faster.
    """
    columns = [
        "task", "flags", "dtype", "layout", "batch",
        "jacfwd us", "jacrev us", "best us", "native us", "forward", "reverse", "Markowitz",
        "best", "spread", "fewest nontrivial", "native", "null",
    ]  # fmt: skip
    rows = []
    for task, case in _cases(timings):
        rival = better_rival(case)
        ratios = case["ratios"].get(rival, {})
        best, fewest = ratios.get("best"), ratios.get("fewest_nontrivial")
        native, names = ratios.get("native"), ("jacfwd", "jacrev", "best", "native")
        seconds = case["seconds"]
        rows.append(
            [
                task,
                case["flags"],
                case["dtype"],
                case["layout"],
                case["batch"],
                *(_microseconds(seconds.get(name)) for name in names),
                *(
                    ratios[name]["median"] if name in ratios else None
                    for name in ("forward", "reverse", "markowitz", "best")
                ),
                f"{best['low']:.2f} to {best['high']:.2f}" if best else None,
                fewest["median"] if fewest else None,
                native["median"] if native else None,
                f"{case['null']['low']:.2f} to {case['null']['high']:.2f}",
            ]
        )
    return columns, rows


def task_timing_table(timing: Mapping[str, Any]) -> Table:
    """Makes the table of run times of one task, in few columns.

    Args:
        timing: What evaluate measured.

    Returns:
        Headings and rows.
    """
    columns, rows = timing_table({"": timing})
    shown = [
        "flags",
        "dtype",
        "layout",
        "batch",
        "jacfwd us",
        "jacrev us",
        "best",
        "spread",
        "native",
    ]
    places = [columns.index(name) for name in shown]
    return shown, [[row[place] for place in places] for row in rows]


def better_rival(case: Mapping[str, Any]) -> str | None:
    """Returns the fastest of the rivals that were timed, or None if none could be."""
    measured = {name: case["seconds"][name] for name in case["ratios"]}
    return min(measured, key=measured.__getitem__) if measured else None


def verdict(timings: Mapping[str, Mapping[str, Any]]) -> dict[str, int]:
    """Counts the cases in which the best order is faster or slower than the better rival.

    Args:
        timings: What evaluate measured, by task.

    Returns:
        `faster` or `slower`: both quartiles are on that side of 1 and of the null comparison;
        `even`: neither; `alone`: no rival works.
    """
    counted: dict[str, int] = dict.fromkeys(("faster", "slower", "even", "alone"), 0)
    for _, case in _cases(timings):
        counted[_speed_of(case)] += 1
    return counted


def _speed_of(case: Mapping[str, Any]) -> str:
    """Tells what `verdict` counts a case as."""
    rival = better_rival(case)
    if rival is None:
        return "alone"
    ratio, noise = case["ratios"][rival]["best"], case["null"]
    if ratio["low"] > max(1.0, noise["high"]):
        return "faster"
    return "slower" if ratio["high"] < min(1.0, noise["low"]) else "even"


def timing_notes(timings: Mapping[str, Mapping[str, Any]], tasks: Iterable[str]) -> list[str]:
    """Writes the sentences above the table of run times.

    Args:
        timings: What evaluate measured, by task.
        tasks: All tasks of the report.

    Returns:
        The sentences.
    """
    missing = [task for task in tasks if task not in timings]
    absent = [f"No run times for {', '.join(missing)}: measure them with elimax evaluate TASK."]
    if not timings:
        return absent
    counted = verdict(timings)
    total = sum(counted.values())
    lines = [
        "A ratio is (time of the better of vmap(jacfwd f) and vmap(jacrev f)) / (our time), the "
        "median of paired rounds with the same XLA flags (default, or with multi-output fusion); "
        "above 1 elimination is faster, below 1 slower. The spread runs "
        "from the lower to the upper quartile; null is the best order against itself; native is "
        "the best order as a native kernel (packed: the order chosen by jacve).",
        f"Of {total} cases, the best order is faster in {counted['faster']}, slower in "
        f"{counted['slower']}, and within the noise in {counted['even']}.",
    ]
    devices = sorted({_device_text(timing["device"]) for timing in timings.values()})
    lines.append(f"Measured on: {'; '.join(devices)}.")
    failed = sorted(
        {f"{task}: {name} ({why})" for task, case in _cases(timings)
         for name, why in case["failed"].items()}
    )  # fmt: skip
    if failed:
        lines.append(f"Not possible: {'; '.join(failed)}.")
    skipped = [
        f"{task} {label} ({why})"
        for task, x in timings.items()
        for label, why in x["skipped"].items()
    ]
    if skipped:
        lines.append(f"Not timed: {', '.join(skipped)}.")
    return lines + absent if missing else lines


def speed_table(timings: Mapping[str, Mapping[str, Any]]) -> Table:
    """Makes the table of mean speed-ups: one row per set of XLA flags, dtype, layout and batch.

    Args:
        timings: What evaluate measured, by task.

    Returns:
        Headings and rows; means are geometric, over the tasks that have the figure. Losses are
        tasks whose best order is slower, as `verdict` tells.
    """
    groups: dict[tuple[Any, ...], list[tuple[str, Mapping[str, Any]]]] = {}
    for task, case in _cases(timings):
        key = (case["flags"], case["dtype"], case["layout"], case["batch"])
        groups.setdefault(key, []).append((task, case))
    rows: list[list[Any]] = []
    for key, group in groups.items():
        compared = [(task, case, better_rival(case)) for task, case in group]
        ratios = [
            (task, case, case["ratios"][rival])
            for task, case, rival in compared
            if rival is not None
        ]
        of = {
            name: [ratio[name]["median"] for _, _, ratio in ratios if name in ratio]
            for name in ("best", "native")
        }
        losses = [task for task, case, _ in ratios if _speed_of(case) == "slower"]
        rows.append(
            [
                *key,
                len(ratios),
                _geometric_mean(of["best"]),
                _geometric_mean(of["native"]),
                ", ".join(losses) or "none",
            ]
        )
    return [
        "flags", "dtype", "layout", "batch", "tasks", "best", "native", "losses of best"
    ], rows  # fmt: skip


def _geometric_mean(values: Sequence[float]) -> float | None:
    return round(statistics.geometric_mean(values), 2) if values else None


def compile_table(timings: Mapping[str, Mapping[str, Any]]) -> Table:
    """Makes the table of compile times, in seconds: the median over the cases of a task."""
    names = ("jacfwd", "jacrev", "forward", "reverse", "markowitz", "best", "native")
    rows: list[list[Any]] = []
    for task, timing in timings.items():
        row: list[Any] = [task]
        for name in names:
            values = sorted(
                case["compile_seconds"][name]
                for case in timing["cases"]
                if name in case["compile_seconds"]
            )
            row.append(float(values[len(values) // 2]) if values else None)
        rows.append(row)
    return ["task", *names], rows


def markdown_report(
    summaries: Mapping[str, Mapping[str, Any]],
    timings: Mapping[str, Mapping[str, Any]],
    count: Objective,
) -> str:
    """Writes all tables as Markdown.

    Args:
        summaries: Summary by task.
        timings: What evaluate measured, by task.
        count: Which count decided.

    Returns:
        The text.
    """
    parts = [
        "## Multiplications, all / nontrivial",
        f"`best` has the lowest count `{count}`, `learned` is the best of the policy's own orders, "
        "`saved` is what best saves over the best classic order. No order is below `bound`; an "
        "equals sign marks a bound that best, or fewest nontrivial, reaches.",
        markdown_table(*count_table(summaries)),
        *_seed_section(summaries),
        "## Run time",
        *timing_notes(timings, summaries),
        markdown_table(*speed_table(timings)),
        markdown_table(*timing_table(timings)),
        "## Trace and compile time, seconds",
        markdown_table(*compile_table(timings)),
    ]
    return "\n\n".join(parts) + "\n"


def _seed_section(summaries: Mapping[str, Mapping[str, Any]]) -> list[str]:
    columns, rows = seed_table(summaries)
    if not rows:
        return []
    return [f"## {SEEDS_TITLE}", SEEDS_NOTE, markdown_table(columns, rows)]


def markdown_table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Formats a table as Markdown; columns of numbers are aligned to the right.

    Args:
        columns: Headings.
        rows: Cells.

    Returns:
        Lines without a final newline.
    """
    lines = [columns, [_alignment(rows, index) for index in range(len(columns))]]
    lines += [[cell(value).replace("|", "\\|") for value in row] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _alignment(rows: Sequence[Sequence[Any]], index: int) -> str:
    values = [row[index] for row in rows if row[index] is not None]
    return "---:" if values and all(isinstance(value, int | float) for value in values) else "---"


def _cases(
    timings: Mapping[str, Mapping[str, Any]],
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for task, timing in timings.items():
        for case in timing["cases"]:
            yield task, case


def _microseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1e6, 1)


def _device_text(device: Mapping[str, str]) -> str:
    chip = device["cpu"] if device["platform"] == "cpu" else device["device"]
    return f"{device['platform']} ({chip}), JAX {device['jax']}"
