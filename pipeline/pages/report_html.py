"""The report as one HTML file that loads no scripts, fonts or pictures."""

from collections.abc import Mapping
from typing import Any

from elimax.pipeline.checkout.context import Objective
from elimax.pipeline.pages.headlines import first_screen
from elimax.pipeline.pages.html_page import folded, page, paragraph, table
from elimax.pipeline.pages.published import SOURCE
from elimax.pipeline.pages.report_counts import (
    COUNTS,
    best_table,
    classic_table,
    learned_table,
)
from elimax.pipeline.pages.report_learning import learning_sections
from elimax.pipeline.pages.report_speed import speed_sections

CONTENTS = {"counts": "Multiplications", "time": "Run time", "learning": "Learning"}
COUNT_NOTES = {
    "all": "All scalar multiplications, as the paper counts them.",
    "nontrivial": "Multiplications by anything other than 1 and -1: those that are executed.",
}


def render_page(
    collected: Mapping[str, Any],
    count: Objective,
    commit: str | None = None,
    date: str | None = None,
) -> str:
    """Renders the report.

    Args:
        collected: What `elimax.pipeline.stages.report.collect` returned.
        count: Which count decided what the best order is.
        commit: Commit of the checkout, or None if it is unknown.
        date: Date of the run, or None to leave it out.

    Returns:
        A complete HTML document.
    """
    links = "".join(f'<a href="#{place}">{name}</a>' for place, name in CONTENTS.items())
    sections = [
        *first_screen(collected, count, commit, date),
        f"<nav>{links}</nav>",
        *count_sections(collected, count),
        *speed_sections(collected["timings"], list(collected["summaries"]), collected["gpu"]),
        *learning_sections(collected, count),
    ]
    return page("elimax: exact Jacobians with fewer multiplications", sections)


def count_sections(collected: Mapping[str, Any], count: Objective) -> list[str]:
    """Makes the section on multiplications.

    Args:
        collected: What `elimax.pipeline.stages.report.collect` returned.
        count: Which count decided what the best order is.

    Returns:
        HTML text.
    """
    summaries, candidates = collected["summaries"], collected["candidates"]
    parts = [
        '<h2 id="counts">Multiplications</h2>',
        paragraph(
            "Each task is a function whose graph has one vertex for every step; an order is the "
            "sequence in which they are eliminated. Best is the cheapest order found by any "
            "method, best classic the cheapest of the classical rules, which include forward and "
            "reverse mode. No order costs less than the lower bound. Paper is the best order "
            f"published by {SOURCE}, counted by the same rule as ours."
        ),
    ]
    for which in COUNTS:
        parts.append(f"<h3>Count {which}</h3>{paragraph(COUNT_NOTES[which])}")
        parts.append(table(*best_table(summaries, candidates, which)))
    parts += [
        folded(f"Classical orders, count {which}", table(*classic_table(candidates, which)))
        for which in COUNTS
    ]
    parts.append(
        folded("Learned orders, both counts, and checks", table(*learned_table(summaries)))
    )
    return parts
