"""Draws line charts as SVG text."""

import html
import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

WIDTH, HEIGHT = 420.0, 240.0
LEFT, RIGHT, TOP, BOTTOM = 58.0, 8.0, 26.0, 34.0
COLOURS = ("#2f6fde", "#d1662a", "#2b9a66", "#9b51c9", "#8a8a8a")


class Line(NamedTuple):
    """One curve.

    Attributes:
        name: What it shows.
        points: (x, y) pairs.
    """

    name: str
    points: Sequence[tuple[float, float]]


def line_chart(
    lines: Sequence[Line], levels: Mapping[str, float] | None = None, x_label: str = ""
) -> str:
    """Draws curves and horizontal levels.

    Args:
        lines: The curves; points that are not finite are left out.
        levels: Heights of dashed lines by name.
        x_label: What the horizontal axis shows.

    Returns:
        An `<svg>` element; a note if there is nothing to draw.
    """
    levels = levels or {}
    curves = [Line(line.name, [p for p in line.points if all(map(math.isfinite, p))])
              for line in lines]  # fmt: skip
    points = [point for line in curves for point in line.points]
    if not points:
        return "<p>no data</p>"
    x_ticks = ticks(min(p[0] for p in points), max(p[0] for p in points))
    heights = [p[1] for p in points] + list(levels.values())
    y_ticks = ticks(min(heights), max(heights))
    frame = _Frame(x_ticks[0], x_ticks[-1], y_ticks[0], y_ticks[-1])
    parts = [
        f'<svg viewBox="0 0 {WIDTH:g} {HEIGHT:g}" xmlns="http://www.w3.org/2000/svg" role="img">'
    ]
    parts += [frame.grid_line(y) for y in y_ticks]
    parts += [frame.x_tick(x) for x in x_ticks]
    parts += [frame.level(y) for y in levels.values()]
    names = []
    for line, colour in zip(curves, _colours(len(curves)), strict=True):
        parts.append(frame.curve(line, colour))
        names.append((line.name, colour))
    names += [(f"{name} {value:g}", "currentColor") for name, value in levels.items()]
    parts.append(_legend(names))
    parts.append(
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2:g}" y="{HEIGHT - 4:g}" text-anchor="middle">'
        f"{html.escape(x_label)}</text></svg>"
    )
    return "".join(parts)


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
        low, high = low - 0.5, high + 0.5
    rough = (high - low) / wanted
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(index * step, 12) for index in range(first, last + 1)]


class _Frame(NamedTuple):
    """The ranges of both axes, and what is drawn in them."""

    x_low: float
    x_high: float
    y_low: float
    y_high: float

    def x(self, value: float) -> float:
        share = (value - self.x_low) / (self.x_high - self.x_low)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        share = (value - self.y_low) / (self.y_high - self.y_low)
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)

    def grid_line(self, value: float) -> str:
        y = self.y(value)
        return (
            f'<line x1="{LEFT:g}" x2="{WIDTH - RIGHT:g}" y1="{y:.1f}" y2="{y:.1f}" '
            f'stroke="currentColor" stroke-opacity="0.15"/>'
            f'<text x="{LEFT - 5:g}" y="{y + 4:.1f}" text-anchor="end">{short(value)}</text>'
        )

    def x_tick(self, value: float) -> str:
        return (
            f'<text x="{self.x(value):.1f}" y="{HEIGHT - BOTTOM + 14:g}" text-anchor="middle">'
            f"{short(value)}</text>"
        )

    def level(self, value: float) -> str:
        y = self.y(value)
        return (
            f'<line x1="{LEFT:g}" x2="{WIDTH - RIGHT:g}" y1="{y:.1f}" y2="{y:.1f}" '
            f'stroke="currentColor" stroke-opacity="0.6" stroke-dasharray="4 3"/>'
        )

    def curve(self, line: Line, colour: str) -> str:
        points = " ".join(f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in line.points)
        return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.6"/>'


def short(value: float) -> str:
    """Writes an axis label: 12000 as 12k, 3000000 as 3M."""
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


def _colours(number: int) -> list[str]:
    return [COLOURS[index % len(COLOURS)] for index in range(number)]


def _legend(names: Sequence[tuple[str, str]]) -> str:
    spans = "".join(
        f'<tspan dx="{10 if index else 0}" style="fill:{colour}">{html.escape(name)}</tspan>'
        for index, (name, colour) in enumerate(names)
    )
    return f'<text x="{LEFT:g}" y="14">{spans}</text>'
