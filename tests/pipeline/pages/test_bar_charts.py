"""Charts of one row per name."""

import re
import xml.etree.ElementTree as ElementTree

from elimax.pipeline.pages.bar_charts import COLOURS, Bar, Interval, bar_chart, interval_chart


def texts(chart: str) -> list[str]:
    """The texts of a chart from top to bottom."""
    return [element.text or "" for element in ElementTree.fromstring(chart).iter()
            if element.tag.endswith("}text")]  # fmt: skip


def test_intervals_are_sorted_and_coloured() -> None:
    """The fastest first; every verdict has its colour, and 1 is always marked."""
    intervals = [
        Interval("slow", 0.4, 0.5, 0.6, "slower"),
        Interval("<fast>", 1.9, 2.0, 2.1, "faster", kernel=8.0),
        Interval("even", 0.9, 1.0, 1.1, "even"),
    ]
    chart = interval_chart(intervals)
    names = [text for text in texts(chart) if text.strip("0123456789.")]
    assert names == ["<fast>", "even", "slow"]
    assert all(colour in chart for colour in COLOURS.values())
    assert "1" in texts(chart) and "native kernel 8.00" in chart
    assert chart == interval_chart(intervals[::-1])


def test_bars_of_intervals_lie_in_the_picture() -> None:
    """On a logarithmic scale, however far they reach."""
    chart = interval_chart([Interval("wide", 1e-9, 1.0, 1e9, "even")])
    (place, width), *_ = re.findall(r'<rect x="([\d.]+)" y="[\d.]+" width="([\d.]+)"', chart)
    assert float(place) >= 0 and float(place) + float(width) <= 360


def test_bars_begin_at_zero() -> None:
    """The longest is first and fills the width; one of 0 stays visible."""
    chart = bar_chart([Bar("b", 0.0, "best known"), Bar("a & c", 28.4, "+28.4 %")], "excess")
    assert texts(chart) == ["a & c", "+28.4 %", "b", "best known"]
    assert [float(x) for x in re.findall(r' width="([\d.]+)"', chart)] == [340.0, 2.0]


def test_nothing_to_draw() -> None:
    """A note, not a broken picture; all bars may be 0."""
    assert interval_chart([]) == bar_chart([], "x") == "<p>no data</p>"
    assert "<svg" in bar_chart([Bar("a", 0.0, "0")], "x")
