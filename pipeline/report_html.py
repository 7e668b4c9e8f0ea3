"""The report as one HTML file: no scripts, no fonts, no pictures from elsewhere."""

import html
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.console import cell
from pipeline.report_tables import compile_table, count_table, timing_notes, timing_table
from pipeline.stage import Count
from pipeline.svg import Line, line_chart

STEP = "charts/eliminations"

STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 80rem; padding: 0 1rem; }
h1, h2 { font-weight: 600; line-height: 1.2; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .6rem; border-bottom: 1px solid #8884; text-align: left; }
th { white-space: nowrap; position: sticky; top: 0; background: Canvas; }
td.number { text-align: right; }
td.faster { color: #1a7f37; font-weight: 600; }
td.slower { color: #c02d2d; font-weight: 600; }
.charts { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(22rem, 1fr)); }
figure { margin: 0; }
figcaption { font-weight: 600; }
svg { width: 100%; height: auto; }
svg text { fill: currentColor; font-size: 11px; }
"""


def render_page(collected: Mapping[str, Any], count: Count) -> str:
    """Renders the report.

    Args:
        collected: What `pipeline.report.collect` returned.
        count: Which count the curves show.

    Returns:
        A complete HTML document.
    """
    summaries, timings = collected["summaries"], collected["timings"]
    charts = [
        _figure(task, finetune_chart(collected["curves"][task], summaries[task], count))
        for task in summaries
    ]
    sections = [
        "<h2>Multiplications, all / nontrivial</h2>",
        "<p>The best order of each task against the classical ones, exact Jacobians checked "
        "against jax.jacrev in float64. All counts come from one rule, which also gives the number "
        "of multiplications that the interpreter emits.</p>",
        _table(*count_table(summaries)),
        "<h2>Finetuning</h2>",
        "<p>Cost of the orders against the number of eliminations played.</p>",
        f'<div class="charts">{"".join(charts)}</div>',
        "<h2>Pretraining</h2>",
        f'<div class="charts">{_figure("pretrain", pretrain_chart(collected["pretrain_curve"]))}'
        "</div>",
        "<h2>Run time</h2>",
        *(f"<p>{html.escape(note)}</p>" for note in timing_notes(timings)),
        _table(*timing_table(timings), ratios=("forward", "reverse", "Markowitz", "best")),
        "<h2>Trace and compile time, seconds</h2>",
        _table(*compile_table(timings)),
    ]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>elimax: results</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        "<h1>elimax: results</h1>\n" + "\n".join(sections) + "\n</body>\n</html>\n"
    )


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
    classic = summary["best_classic"][count]
    lines = [
        Line("mean", _points(curve, "returns/mean", -classic)),
        Line("greedy", _points(curve, "costs/greedy")),
        Line("best", _points(curve, "costs/best")),
    ]
    levels = {"reverse": summary["reverse"][count], "best classic": classic}
    return line_chart(lines, levels, "eliminations")


def pretrain_chart(curve: Sequence[Mapping[str, float]]) -> str:
    """Draws how pretraining went.

    Args:
        curve: Rows of the learning curve.

    Returns:
        An SVG element.
    """
    lines = [
        Line("mean", _points(curve, "returns/mean", -1.0)),
        Line("best of each program", _points(curve, "returns/best", -1.0)),
        Line("greedy on validation", _points(curve, "validation/ratio")),
    ]
    return line_chart(lines, {"best classic": 1.0}, "eliminations")


def _points(
    curve: Sequence[Mapping[str, float]], column: str, factor: float = 1.0
) -> list[tuple[float, float]]:
    """Returns a column over the number of eliminations; rows without it are left out."""
    return [(row[STEP], factor * row[column]) for row in curve if STEP in row and column in row]


def _figure(title: str, chart: str) -> str:
    return f"<figure><figcaption>{html.escape(title)}</figcaption>{chart}</figure>"


def _table(
    columns: Sequence[str], rows: Sequence[Sequence[Any]], ratios: Sequence[str] = ()
) -> str:
    """Formats a table; columns of ratios are coloured by which side of 1 they are on."""
    head = "".join(f"<th>{html.escape(name)}</th>" for name in columns)
    body = []
    for row in rows:
        cells = []
        for name, value in zip(columns, row, strict=True):
            kinds = ["number"] if isinstance(value, int | float) else []
            if name in ratios and isinstance(value, float):
                kinds += ["faster"] if value > 1.02 else ["slower"] if value < 0.98 else []
            cells.append(f'<td class="{" ".join(kinds)}">{html.escape(cell(value))}</td>')
        body.append(f"<tr>{''.join(cells)}</tr>")
    return (
        f'<div class="wide"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )
