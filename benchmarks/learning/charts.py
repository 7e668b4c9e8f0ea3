"""The results as curves: gaps against time, and shares of programs within a gap."""

from collections.abc import Sequence

import numpy as np

from benchmarks.learning.lines import Line
from benchmarks.learning.methods import CHECKPOINTS
from benchmarks.learning.scores import Scores
from benchmarks.learning.tables import ANYTIME, ZERO_SHOT, comparable, counts_of, mean_gap
from elimax.pipeline.pages.svg import Line as Curve
from elimax.pipeline.pages.svg import line_chart
from elimax.pipeline.statistics import performance_profile

POINTS = 60

LARGEST_GAP = 0.5
"""The largest gap to which profiles are drawn."""

STYLE = "<style>svg{background:#fff}text{font:11px sans-serif}</style>"


def charts(lines: Sequence[Line]) -> dict[str, str]:
    """Draws all curves.

    Args:
        lines: Lines of a file of results.

    Returns:
        SVG by file name, one for each measured count, kind and block.
    """
    drawn = {}
    for count in counts_of(lines):
        scores = Scores(lines, count)
        for kind, curves in (("anytime", anytime_curves), ("profile", profile_curves)):
            for label, chart in curves(scores).items():
                stem = label.replace(", ", "_").replace(" ", "_")
                drawn[f"{kind}_{stem}_{count}.svg"] = chart.replace(">", f">{STYLE}", 1)
    return drawn


def anytime_curves(scores: Scores) -> dict[str, str]:
    """Draws the mean gap against time.

    Args:
        scores: The results of one count.

    Returns:
        SVG by block; nothing if nothing was timed.
    """
    if scores.longest <= CHECKPOINTS[0]:
        return {}
    times, drawn = np.geomspace(CHECKPOINTS[0], scores.longest, POINTS).tolist(), {}
    for label, methods, common in comparable(scores, ANYTIME):
        if len(methods) < 2:
            continue
        curves = [
            Curve(
                name,
                [(float(np.log10(t)), 100 * mean_gap(scores, common, name, t)) for t in times],
            )
            for name in methods
        ]
        title = f"log10 of seconds; mean gap to the best known cost in %, {label}"
        drawn[label] = line_chart(curves, x_label=title)
    return drawn


def profile_curves(scores: Scores) -> dict[str, str]:
    """Draws the share of programs on which a method stays within a gap.

    Args:
        scores: The results of one count.

    Returns:
        SVG by block, of the methods that end by themselves.
    """
    limits, drawn = np.linspace(0.0, LARGEST_GAP, POINTS).tolist(), {}
    for label, methods, common in comparable(scores, ZERO_SHOT):
        curves = []
        for name in methods:
            gaps = [np.ravel(scores.gaps(group, name, of)) for group, of in common.items()]
            shares = 100 * performance_profile(np.concatenate(gaps), limits)
            percents = [100 * limit for limit in limits]
            curves.append(Curve(name, list(zip(percents, shares.tolist(), strict=True))))
        title = f"gap to the best known cost in %; share of programs in %, {label}"
        drawn[label] = line_chart(curves, x_label=title)
    return drawn
