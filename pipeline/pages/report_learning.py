"""What the policy learns, on the page of the report: without training on a task, and with it."""

from collections.abc import Mapping, Sequence
from typing import Any

from elimax.pipeline.checkout.context import Objective
from elimax.pipeline.pages.bar_charts import Bar, bar_chart
from elimax.pipeline.pages.html_page import figure, folded, paragraph, table
from elimax.pipeline.pages.report_tables import SEEDS_NOTE, SEEDS_TITLE, seed_table
from elimax.pipeline.pages.svg import Line, line_chart

STEP = "charts/eliminations"


def learning_sections(collected: Mapping[str, Any], count: Objective) -> list[str]:
    """Makes the section on learning.

    Args:
        collected: What `elimax.pipeline.stages.report.collect` returned.
        count: Which count was played.

    Returns:
        HTML text.
    """
    summaries = collected["summaries"]
    bars = zero_shot_bars(collected["pretrained"], summaries, count)
    zero_shot = figure(
        "Before training on the task: excess over the best known order",
        bar_chart(bars, "excess of the first orders"),
    )
    curves = [
        figure(task, finetune_chart(collected["curves"][task], summaries[task], count))
        for task in summaries
    ]
    pretraining = figure("Pretraining", pretrain_chart(collected["pretrain_curve"]))
    seeds = seed_table(summaries)
    return [
        '<h2 id="learning">Learning</h2>',
        paragraph(
            "One policy is trained on generated programs, none of them a task. The first chart "
            "shows how much more its order for each task costs than the best known one, before any "
            "training on that task. The second shows what its orders for held-out programs cost in "
            "the course of training, as a multiple of what annealing reaches."
        ),
        f'<div class="charts">{zero_shot}{pretraining}</div>',
        "<h3>Training on each task alone</h3>",
        paragraph(
            "Multiplications of the orders that the policy plays during training: the mean of an "
            "update's games, the order that it prefers (greedy), and the best order so far. "
            "Levels that are too far away to draw are only named."
        ),
        f'<div class="charts">{"".join(curves)}</div>',
        *([folded(SEEDS_TITLE, paragraph(SEEDS_NOTE), table(*seeds))] if seeds[1] else []),
    ]


def zero_shot_bars(
    pretrained: Mapping[str, Mapping[str, int]],
    summaries: Mapping[str, Mapping[str, Any]],
    count: Objective,
) -> list[Bar]:
    """Compares the first order of the pretrained policy with the best known one.

    Args:
        pretrained: Both counts of that order, by task.
        summaries: Summary by task.
        count: Which count is compared.

    Returns:
        One bar per task, by how many percent the order costs more.
    """
    bars = []
    for task, summary in summaries.items():
        excess = 100 * (pretrained[task][count] / max(1, summary["best"][count]) - 1)
        bars.append(Bar(task, max(0.0, excess), f"+{excess:.1f} %" if excess > 0 else "best known"))
    return bars


def finetune_chart(
    curve: Sequence[Mapping[str, float]], summary: Mapping[str, Any], count: Objective
) -> str:
    """Draws how finetuning went, next to the costs of reverse and of the best classic order.

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
    # At least five, so that a mean between 284 and 285 does not look like mountains.
    return line_chart(lines, levels, "eliminations", least_span=5.0)


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
