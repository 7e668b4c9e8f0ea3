"""The first screen of the report: the idea, its picture, and three headline figures."""

import html
import re
import statistics
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from elimax.pipeline.checkout.context import Objective
from elimax.pipeline.pages.html_page import paragraph
from elimax.pipeline.pages.report_speed import cases_of, flags_title, speed_up, verdict_of

IDEA = (
    "The Jacobian of a program is built from small Jacobians, one for every step, and the order in "
    "which they are multiplied decides how many multiplications it costs. elimax searches for "
    "cheap orders with classical rules, simulated annealing and a learned policy, and computes "
    "the same exact Jacobian as jax.jacfwd and jax.jacrev in the order it found."
)
CAPTION = (
    "One Jacobian in three orders: that of an autoencoder which squeezes 784 numbers through 256 "
    "to 8 and back. Starting from the input or from the output costs 162 million multiplications; "
    "working from both ends to the waist costs 8.1 million."
)
PANELS = 3
"""Parts of the picture, side by side, or below each other on a narrow screen."""


class Headline(NamedTuple):
    """One of the cards on the first screen.

    Attributes:
        title: What it is about.
        figures: Numbers with a line of text below each.
    """

    title: str
    figures: Sequence[tuple[str, str]]


def first_screen(
    collected: Mapping[str, Any], count: Objective, commit: str | None, date: str | None
) -> list[str]:
    """Makes the part above all sections.

    Args:
        collected: What `elimax.pipeline.stages.report.collect` returned.
        count: Which count decided.
        commit: Commit of the checkout, or None if it is unknown.
        date: Date of the run, or None to leave it out.

    Returns:
        HTML text.
    """
    headlines = [
        count_headline(collected["summaries"], count),
        speed_headline(collected["timings"]),
        check_headline(collected["checks"]),
    ]
    made = [f"commit {commit}" if commit else "", date or ""]
    return [
        paragraph(IDEA),
        idea_panels(collected.get("idea")),
        f'<div class="cards">{"".join(map(card, headlines))}</div>',
        *([paragraph(f"Made from {', '.join(filter(None, made))}.")] if any(made) else []),
    ]


def count_headline(summaries: Mapping[str, Mapping[str, Any]], count: Objective) -> Headline:
    """Says for how many tasks the order is proven optimal or improved, and how much is saved."""
    proven = {task for task, x in summaries.items() if x["bounds"][count]["optimal"]}
    better = {task for task, x in summaries.items()
              if x["best"][count] < x["best_classic"][count]}  # fmt: skip
    number = len(summaries)
    of_classic = _geometric_mean(
        [_ratio(x["best"][count], x["best_classic"][count]) for x in summaries.values()]
    )
    of_modes = _geometric_mean(
        [
            _ratio(x["best"][count], min(x["forward"][count], x["reverse"][count]))
            for x in summaries.values()
        ]
    )
    return Headline(
        "Fewer multiplications",
        [
            (
                f"{len(proven | better)} of {number}",
                f"tasks with an order that is proven optimal ({len(proven)}), better than the "
                f"best classic one ({len(better)}), or both ({len(proven & better)})",
            ),
            (
                f"{100 * (1 - of_classic):.1f} %",
                "fewer than the best classic order, as a geometric mean over all tasks, and "
                f"{100 * (1 - of_modes):.0f} % fewer than the better of forward and reverse",
            ),
        ],
    )


def speed_headline(timings: Mapping[str, Mapping[str, Any]]) -> Headline:
    """Says how much faster the best orders are, and how often slower, by set of XLA flags."""
    groups: dict[str, list[tuple[float, str]]] = {}
    for _, case in cases_of(timings):
        ratio = speed_up(case)
        if ratio is not None:
            groups.setdefault(case["flags"], []).append((ratio["median"], verdict_of(case)))
    figures = []
    for flags, group in groups.items():
        losses = [how for _, how in group].count("slower")
        mean = _geometric_mean([ratio for ratio, _ in group])
        noun = "case" if len(group) == 1 else "cases"
        text = f"{flags_title(flags)}: geometric mean of {len(group)} {noun}, slower in {losses}"
        figures.append((f"{mean:.2f} times", text))
    missing = [("-", "no run times yet: measure them with elimax evaluate TASK")]
    return Headline("Faster than the better mode of JAX", figures or missing)


def check_headline(checks: Mapping[str, Sequence[Mapping[str, Any]]]) -> Headline:
    """Says how many Jacobians agree with jax.jacrev in float64, and the worst error.

    Args:
        checks: By task, `correct` and `error_below` of every order that was checked.
    """
    entries = [entry for task in checks.values() for entry in task]
    right = [entry["error_below"] for entry in entries if entry["correct"]]
    tasks = sum(all(entry["correct"] for entry in task) for task in checks.values())
    return Headline(
        "The same numbers",
        [
            (
                f"{len(right)} of {len(entries)}",
                f"Jacobians agree with jax.jacrev in float64: several orders per task, "
                f"all of them correct for {tasks} of {len(checks)} tasks",
            ),
            (f"< {max(right):.0e}" if right else "-", "the largest relative error of any block"),
        ],
    )


def card(headline: Headline) -> str:
    """Makes a card of a headline, as HTML text."""
    figures = "".join(
        f"<b>{html.escape(number)}</b>{paragraph(text)}" for number, text in headline.figures
    )
    return f'<div class="card"><h3>{html.escape(headline.title)}</h3>{figures}</div>'


def idea_panels(picture: str | None) -> str:
    """Shows a wide picture in parts, which stand below each other on a narrow screen.

    Args:
        picture: Text of an SVG file whose viewBox starts at 0 0, with equal parts side by side;
            None if there is none.

    Returns:
        HTML text that needs no other file; empty without a picture.
    """
    found = re.fullmatch(r"\s*<svg\b([^>]*)>(.*)</svg>\s*", picture or "", flags=re.DOTALL)
    box = found and re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', found[1])
    if not found or not box:
        return ""
    width, height = float(box[1]) / PANELS, float(box[2])
    panels = "".join(
        f'<svg viewBox="{width * k:.1f} 0 {width:.1f} {height:g}" aria-hidden="true">'
        '<use href="#idea"/></svg>'
        for k in range(PANELS)
    )
    # Its style sheet is safe here: nothing else on the page has its classes.
    source = (
        '<svg width="0" height="0" style="position:absolute" aria-hidden="true">'
        f'<g id="idea">{found[2].strip()}</g></svg>'
    )
    return f'<figure>{source}<div class="panels pieces">{panels}</div>{paragraph(CAPTION)}</figure>'


def _ratio(cost: int, reference: int) -> float:
    return max(1, cost) / max(1, reference)


def _geometric_mean(values: Sequence[float]) -> float:
    return statistics.geometric_mean(values) if values else 1.0
