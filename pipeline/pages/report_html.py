"""The report as one HTML file: no scripts, no fonts, no pictures from elsewhere."""

import html
from collections.abc import Mapping, Sequence
from typing import Any

from elimax.pipeline.checkout.context import Count
from elimax.pipeline.pages.html_page import figure, page, table
from elimax.pipeline.pages.report_tables import (
    SEEDS_NOTE,
    SEEDS_TITLE,
    compile_table,
    count_table,
    seed_table,
    speed_table,
    timing_notes,
    timing_table,
)
from elimax.pipeline.pages.svg import Line, line_chart

STEP = "charts/eliminations"


def render_page(collected: Mapping[str, Any], count: Count) -> str:
    """Renders the report.

    Args:
        collected: What `elimax.pipeline.stages.report.collect` returned.
        count: Which count the curves show.

    Returns:
        A complete HTML document.
    """
    summaries, timings = collected["summaries"], collected["timings"]
    charts = [
        figure(task, finetune_chart(collected["curves"][task], summaries[task], count))
        for task in summaries
    ]
    seeds = seed_table(summaries)
    sections = [
        "<h2>Multiplications, all / nontrivial</h2>",
        "<p>The best order of each task against the classical ones, exact Jacobians checked "
        "against jax.jacrev in float64. All counts come from one rule, which also gives the number "
        "of multiplications that the interpreter emits.</p>",
        table(*count_table(summaries)),
        *([f"<h2>{SEEDS_TITLE}</h2>", f"<p>{SEEDS_NOTE}</p>", table(*seeds)] if seeds[1] else []),
        "<h2>Finetuning</h2>",
        "<p>Cost of the orders against the number of eliminations played.</p>",
        f'<div class="charts">{"".join(charts)}</div>',
        "<h2>Pretraining</h2>",
        f'<div class="charts">{figure("pretrain", pretrain_chart(collected["pretrain_curve"]))}'
        "</div>",
        "<h2>Run time</h2>",
        *(f"<p>{html.escape(note)}</p>" for note in timing_notes(timings, summaries)),
        table(*speed_table(timings), ratios=("best", "native")),
        table(*timing_table(timings), ratios=("forward", "reverse", "Markowitz", "best")),
        "<h2>Trace and compile time, seconds</h2>",
        table(*compile_table(timings)),
    ]
    return page("elimax: results", sections)


def finetune_chart(
    curve: Sequence[Mapping[str, float]], summary: Mapping[str, Any], count: Count
) -> str:
    """Draws how finetuning went, beside the costs of reverse and of the best classic order.

    Args:
        curve: Rows of the learning curve.
        summary: Summary of the task.
        count: Which count was played.

    Returns:
        An SVG element.
    """
    lines = [
        Line("mean", _points(curve, "costs/mean")),
        Line("greedy", _points(curve, "costs/greedy")),
        Line("best", _points(curve, "costs/best")),
    ]
    levels = {"reverse": summary["reverse"][count], "best classic": summary["best_classic"][count]}
    return line_chart(lines, levels, "eliminations")


def pretrain_chart(curve: Sequence[Mapping[str, float]]) -> str:
    """Draws how pretraining went: greedy costs on validation programs, relative to annealing.

    Args:
        curve: Rows of the learning curve.

    Returns:
        An SVG element.
    """
    lines = [
        Line("greedy / annealing", _points(curve, "validation/ratio", "charts/update")),
    ]
    return line_chart(lines, {"annealing": 1.0}, "updates")


def _points(
    curve: Sequence[Mapping[str, float]], column: str, step: str = STEP
) -> list[tuple[float, float]]:
    """Returns one column against another, eliminations by default; rows without it are left out."""
    return [(row[step], row[column]) for row in curve if step in row and column in row]
