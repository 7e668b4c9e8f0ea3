"""Draws charts with one row per name as SVG text: ratios with their quartiles, and plain bars."""

import html
import math
from collections.abc import Sequence
from typing import NamedTuple

from elimax.pipeline.pages.svg import LETTER, WIDTH

ROW, BAR, TOP, EDGE = 38.0, 9.0, 8.0, 10.0
COLOURS = {"faster": "#2b9a66", "slower": "#d14343", "even": "#8a8a8a"}
BAR_COLOUR, KERNEL_COLOUR = "#2f6fde", "#9b51c9"
RATIO_TICKS = tuple(step * 10.0**power for power in range(-3, 5) for step in (1, 2, 5))


class Interval(NamedTuple):
    """A ratio and where its middle half lies.

    Attributes:
        name: What was measured.
        low: The lower quartile.
        median: The median.
        high: The upper quartile.
        verdict: "faster", "slower" or "even".
        kernel: A second ratio, shown as a diamond; None if there is none.
    """

    name: str
    low: float
    median: float
    high: float
    verdict: str
    kernel: float | None = None


class Bar(NamedTuple):
    """A bar.

    Attributes:
        name: What it shows.
        value: Its length, not below 0.
        text: How the value is written.
    """

    name: str
    value: float
    text: str


def interval_chart(intervals: Sequence[Interval]) -> str:
    """Draws ratios on a logarithmic scale, the largest first, coloured by their verdict.

    Args:
        intervals: The ratios, all above 0.

    Returns:
        An `<svg>` element; a note if there is nothing to draw.
    """
    if not intervals:
        return "<p>no data</p>"
    ordered = sorted(intervals, key=lambda entry: (-entry.median, entry.name))
    values = [x for entry in ordered for x in (entry.low, entry.high, entry.kernel or 1.0, 1.0)]
    low = max((x for x in RATIO_TICKS if x <= min(values)), default=RATIO_TICKS[0])
    high = min((x for x in RATIO_TICKS if x > max(values)), default=RATIO_TICKS[-1])
    bottom = TOP + ROW * len(ordered)

    def place(value: float) -> float:
        share = math.log(min(max(value, low), high) / low) / math.log(high / low)
        return EDGE + share * (WIDTH - 2 * EDGE)

    # The grid lines leave gaps for the names.
    strokes = " ".join(f"M{{x}},{TOP + ROW * row + 17:g} v17" for row in range(len(ordered)))
    parts = [
        f'<path d="{strokes.format(x=f"{place(tick):.1f}")}" stroke="currentColor" '
        f'stroke-opacity="{0.7 if tick == 1 else 0.2}"/>'
        for tick in RATIO_TICKS
        if low <= tick <= high
    ]
    parts += _tick_labels([(place(x), f"{x:g}") for x in RATIO_TICKS if low <= x <= high], bottom)
    for row, entry in enumerate(ordered):
        y, colour = TOP + ROW * row, COLOURS[entry.verdict]
        parts += _labels(entry.name, f"{entry.median:.2f}", y, colour)
        start, end, middle = (place(x) for x in (entry.low, entry.high, entry.median))
        parts.append(
            f'<rect x="{start:.1f}" y="{y + 20:g}" width="{max(2.0, end - start):.1f}" '
            f'height="{BAR:g}" rx="2" fill="{colour}" fill-opacity="0.45"/>'
            f'<rect x="{middle - 1.5:.1f}" y="{y + 18:g}" width="3" height="{BAR + 4:g}" '
            f'fill="{colour}"/>'
        )
        if entry.kernel is not None:
            x, centre = place(entry.kernel), y + 20 + BAR / 2
            parts.append(
                f'<path d="M{x - 5:.1f},{centre:g} L{x:.1f},{centre - 5:g} L{x + 5:.1f},{centre:g} '
                f'L{x:.1f},{centre + 5:g} Z" fill="none" stroke="{KERNEL_COLOUR}" '
                f'stroke-width="1.6"><title>native kernel {entry.kernel:.2f}</title></path>'
            )
    return _picture(parts, bottom + 24, "speed-ups")


def bar_chart(bars: Sequence[Bar], label: str) -> str:
    """Draws bars that begin at 0, the longest first.

    Args:
        bars: The bars.
        label: What they show, for screen readers.

    Returns:
        An `<svg>` element; a note if there is nothing to draw.
    """
    if not bars:
        return "<p>no data</p>"
    longest = max(bar.value for bar in bars) or 1.0
    parts = []
    for row, bar in enumerate(sorted(bars, key=lambda entry: (-entry.value, entry.name))):
        y = TOP + ROW * row
        parts += _labels(bar.name, bar.text, y, "currentColor")
        length = bar.value / longest * (WIDTH - 2 * EDGE)
        parts.append(
            f'<rect x="{EDGE:g}" y="{y + 20:g}" width="{max(2.0, length):.1f}" '
            f'height="{BAR:g}" rx="2" fill="{BAR_COLOUR}"/>'
        )
    return _picture(parts, TOP + ROW * len(bars), label)


def _labels(name: str, value: str, y: float, colour: str) -> list[str]:
    """A name on the left and its value on the right, above the bar."""
    return [
        f'<text x="{EDGE:g}" y="{y + 14:g}">{html.escape(name)}</text>',
        f'<text x="{WIDTH - EDGE:g}" y="{y + 14:g}" text-anchor="end" '
        f'style="fill:{colour};font-weight:600">{html.escape(value)}</text>',
    ]


def _tick_labels(places: Sequence[tuple[float, str]], bottom: float) -> list[str]:
    """The numbers below a chart, as many as fit without touching; 1 is always among them."""
    shown: list[tuple[float, str]] = []
    for tick, text in sorted(places, key=lambda entry: entry[1] != "1"):
        half = LETTER * len(text) / 2
        x = min(max(tick, half), WIDTH - half)
        if all(abs(x - other) > LETTER * (len(text) + len(word) + 1) / 2 for other, word in shown):
            shown.append((x, text))
    return [
        f'<text x="{x:.1f}" y="{bottom + 17:g}" text-anchor="middle">{text}</text>'
        for x, text in sorted(shown)
    ]


def _picture(parts: Sequence[str], height: float, label: str) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH:g} {height:g}" xmlns="http://www.w3.org/2000/svg" role="img" '
        f'aria-label="{html.escape(label)}">{"".join(parts)}</svg>'
    )
