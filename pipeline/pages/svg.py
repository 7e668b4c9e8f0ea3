"""Draws line charts as SVG text."""

import html
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

WIDTH, PLOT_HEIGHT = 360.0, 180.0
RIGHT, LINE_HEIGHT = 14.0, 19.0
COLOURS = ("#2f6fde", "#d1662a", "#2b9a66", "#9b51c9", "#8a8a8a")
FONT_SIZE = 16.0
"""That of the page: pictures are as wide as a phone, so their text has the same size there."""
LETTER = 0.56 * FONT_SIZE
"""Mean width of a letter: text is laid out without measuring it."""
MARKED_UP_TO = 40
"""Curves of at most so many points get a dot at each, since one point makes no visible line."""
FAR = 2.0
"""How many heights of the curves a level may lie off before it is only named: drawn to scale, it
would flatten the curves."""
LEAST_SHARE = 0.02
"""Share of a value: curves that vary less are treated as this high."""


class Line(NamedTuple):
    """One curve.

    Attributes:
        name: What it shows.
        points: (x, y) pairs.
    """

    name: str
    points: Sequence[tuple[float, float]]


def line_chart(
    lines: Sequence[Line],
    levels: Mapping[str, float] | None = None,
    x_label: str = "",
    least_span: float = 0.0,
) -> str:
    """Draws curves and horizontal levels.

    Args:
        lines: The curves; points that are not finite are left out.
        levels: Heights of dashed lines by name. One that is far from all curves is only named.
        x_label: What the horizontal axis shows.
        least_span: What the vertical axis covers at least, so that small changes look small.

    Returns:
        An `<svg>` element; a note if there is nothing to draw.
    """
    curves = [Line(line.name, [p for p in line.points if all(map(math.isfinite, p))])
              for line in lines]  # fmt: skip
    points = [point for line in curves for point in line.points]
    if not points:
        return "<p>no data</p>"
    sides = {name: _side(value, [y for _, y in points]) for name, value in (levels or {}).items()}
    drawn = {name: value for name, value in (levels or {}).items() if not sides[name]}
    x_ticks = _x_ticks([x for x, _ in points])
    heights = [y for _, y in points] + list(drawn.values())
    margin = max(0.0, least_span - (max(heights) - min(heights))) / 2
    y_ticks = ticks(min(heights) - margin, max(heights) + margin)
    colours = [COLOURS[index % len(COLOURS)] for index in range(len(curves))]
    names = [(line.name, colour) for line, colour in zip(curves, colours, strict=True)]
    names += [
        (f"{name} {short(value)}{sides[name]}", "currentColor")
        for name, value in (levels or {}).items()
    ]
    legend = wrapped([name for name, _ in names], WIDTH, gap=2)
    title = wrapped(x_label.split(), WIDTH, gap=1)
    left = 10 + LETTER * max(len(short(y, 12)) for y in y_ticks)
    frame = _Frame(
        x_ticks[0], x_ticks[-1], y_ticks[0], y_ticks[-1], left, 10 + LINE_HEIGHT * len(legend)
    )
    bottom = frame.top + PLOT_HEIGHT
    height = bottom + LINE_HEIGHT * (1 + len(title)) + 6
    parts = [
        f'<svg viewBox="0 0 {WIDTH:g} {height:g}" xmlns="http://www.w3.org/2000/svg" role="img" '
        f'aria-label="{html.escape(", ".join(name for name, _ in names))}">',
        _legend(legend, [colour for _, colour in names]),
        *(frame.grid_line(y) for y in y_ticks),
        *frame.x_labels(x_ticks),
        *(frame.level(y) for y in drawn.values()),
        *(frame.curve(line, colour) for line, colour in zip(curves, colours, strict=True)),
    ]
    for row, words in enumerate(title, start=2):
        place = f'x="{(left + WIDTH - RIGHT) / 2:g}" y="{bottom + LINE_HEIGHT * row - 2:g}"'
        parts.append(f'<text {place} text-anchor="middle">{html.escape(" ".join(words))}</text>')
    return "".join([*parts, "</svg>"])


def wrapped(words: Iterable[str], width: float, gap: int) -> list[list[str]]:
    """Breaks words into rows that fit.

    Args:
        words: The words, or names of several.
        width: Width of a row.
        gap: Space between two words, in letters.

    Returns:
        The words of each row.
    """
    rows: list[list[str]] = []
    used = math.inf
    for word in words:
        needed = len(word) + gap
        if (used + needed) * LETTER > width:
            rows.append([])
            used = 0
        rows[-1].append(word)
        used += needed
    return rows


def _side(level: float, heights: Sequence[float]) -> str:
    """Says whether a level lies too far above or below all curves to be drawn; "" if not."""
    low, high = min(heights), max(heights)
    reach = FAR * max(high - low, LEAST_SHARE * abs(high))
    return " (above)" if level > high + reach else " (below)" if level < low - reach else ""


def _x_ticks(places: Sequence[float]) -> list[float]:
    """Ticks of the horizontal axis, which begins at 0 where that takes little room."""
    low, high = min(places), max(places)
    return ticks(0.0 if low > 0 and (low <= high / 2 or low == high) else low, high, wanted=4)


def ticks(low: float, high: float, wanted: int = 5) -> list[float]:
    """Returns round numbers that cover an interval.

    Args:
        low: Lower end.
        high: Upper end.
        wanted: About how many.

    Returns:
        At least two numbers with equal distances of 1, 2 or 5 times a power of ten.
    """
    if high <= low:
        margin = max(0.5, LEAST_SHARE * abs(low))
        low, high = low - margin, high + margin
    rough = (high - low) / wanted
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(index * step, 12) for index in range(first, last + 1)]


class _Frame(NamedTuple):
    """The ranges of both axes, where the plot begins, and what is drawn in it."""

    x_low: float
    x_high: float
    y_low: float
    y_high: float
    left: float
    top: float

    def x(self, value: float) -> float:
        share = (value - self.x_low) / (self.x_high - self.x_low)
        return self.left + share * (WIDTH - self.left - RIGHT)

    def y(self, value: float) -> float:
        share = (value - self.y_low) / (self.y_high - self.y_low)
        return self.top + (1 - share) * PLOT_HEIGHT

    def grid_line(self, value: float) -> str:
        y = self.y(value)
        return (
            f'<line x1="{self.left:g}" x2="{WIDTH - RIGHT:g}" y1="{y:.1f}" y2="{y:.1f}" '
            f'stroke="currentColor" stroke-opacity="0.15"/>'
            f'<text x="{self.left - 5:g}" y="{y + 5:.1f}" text-anchor="end">'
            f"{short(value, 12)}</text>"
        )

    def x_labels(self, values: Sequence[float]) -> list[str]:
        """Labels that do not touch each other or the edge of the picture."""
        parts, end, y = [], -math.inf, self.top + PLOT_HEIGHT + LINE_HEIGHT
        for value in values:
            text = short(value, 12)
            half = LETTER * len(text) / 2
            place = min(self.x(value), WIDTH - half)
            if place - half > end:
                parts.append(f'<text x="{place:.1f}" y="{y:g}" text-anchor="middle">{text}</text>')
                end = place + half + LETTER
        return parts

    def level(self, value: float) -> str:
        y = self.y(value)
        return (
            f'<line x1="{self.left:g}" x2="{WIDTH - RIGHT:g}" y1="{y:.1f}" y2="{y:.1f}" '
            f'stroke="currentColor" stroke-opacity="0.6" stroke-dasharray="4 3"/>'
        )

    def curve(self, line: Line, colour: str) -> str:
        places = [(f"{self.x(x):.1f}", f"{self.y(y):.1f}") for x, y in line.points]
        points = " ".join(f"{x},{y}" for x, y in places)
        dots = "".join(f'<circle cx="{x}" cy="{y}" r="2.4" fill="{colour}"/>' for x, y in places)
        return (
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.6"/>'
            f"{dots if len(places) <= MARKED_UP_TO else ''}"
        )


def short(value: float, digits: int = 4) -> str:
    """Writes a number for a label: 161579264 as 161.6 M, 12000 as 12 k, 4408 as 4,408.

    Args:
        value: The number.
        digits: How many significant digits it keeps at most.

    Returns:
        The text.
    """
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        # A value that rounds up to the next unit takes its letter.
        if abs(float(f"{value:.{digits}g}")) >= size:
            unit = 1e3 if letter == "k" else size
            return f"{value / unit:.{digits}g} {letter}"
    return f"{value:,.{digits}g}"


def _legend(rows: Sequence[Sequence[str]], colours: Iterable[str]) -> str:
    """The names of all curves and levels, each in its colour."""
    left, parts = iter(colours), []
    for index, names in enumerate(rows):
        spans = "".join(
            f'<tspan dx="{12 if place else 0}" style="fill:{next(left)}">'
            f"{html.escape(name)}</tspan>"
            for place, name in enumerate(names)
        )
        parts.append(f'<text x="0" y="{LINE_HEIGHT * index + 14:g}">{spans}</text>')
    return "".join(parts)
