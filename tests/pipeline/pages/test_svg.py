"""Line charts."""

import xml.etree.ElementTree as ElementTree

import pytest

from elimax.pipeline.pages.svg import (
    COLOURS,
    Line,
    line_chart,
    short,
    ticks,
    wrapped,
)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.0, 10.0, [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]),
        (295.0, 364.0, [280.0, 300.0, 320.0, 340.0, 360.0, 380.0]),
        (3.0, 3.0, [2.4, 2.6, 2.8, 3.0, 3.2, 3.4, 3.6]),
    ],
)
def test_ticks_are_round_and_cover(low: float, high: float, expected: list[float]) -> None:
    """Ticks are multiples of 1, 2 or 5 times a power of ten, and reach over both ends."""
    assert ticks(low, high) == pytest.approx(expected)


def test_a_chart_is_valid_xml_with_every_curve_and_level() -> None:
    """Names are escaped, points that are no numbers left out."""
    lines = [Line("a < b", [(0, 1.0), (10, 2.0), (20, float("nan"))]), Line("c", [(0, 5.0)])]
    root = ElementTree.fromstring(line_chart(lines, {"reverse": 3.0}, "eliminations"))
    names = [element.tag.rpartition("}")[2] for element in root.iter()]
    assert names.count("polyline") == 2
    text = "".join(root.itertext())
    assert "a < b" in text and "reverse 3" in text and "eliminations" in text
    first, _ = (element.attrib["points"] for element in root.iter() if "points" in element.attrib)
    assert len(first.split()) == 2


def test_nothing_to_draw() -> None:
    """An empty curve gives a note, not a broken picture."""
    assert line_chart([Line("a", [])]) == "<p>no data</p>"


def test_short_labels() -> None:
    """Tens of thousands and more are abbreviated; nothing is written with an exponent."""
    values = (0.5, 4408, 9999.6, 12000, 42048, 3e6, 161579264, 2.5e9)
    assert [short(value) for value in values] == [
        "0.5", "4,408", "10 k", "12 k", "42.05 k", "3 M", "161.6 M", "2.5 G",
    ]  # fmt: skip
    assert short(8141448, 12) == "8.141448 M"


def test_few_points_are_marked() -> None:
    """A single point is a dot; a long curve has none."""
    assert line_chart([Line("a", [(5, 7.0)])]).count("<circle") == 1
    assert "<circle" not in line_chart([Line("a", [(k, 7.0) for k in range(100)])])


def test_levels_far_off_are_only_named() -> None:
    """Drawn to scale, they would leave the curve flat."""
    lines = [Line("a", [(0, 10.0), (1, 20.0)])]
    chart = line_chart(lines, {"high": 1e8, "low": -900.0, "near": 25.0})
    assert "high 100 M (above)" in chart and "low -900 (below)" in chart
    assert ">near 25<" in chart and chart.count("stroke-dasharray") == 1


def test_small_changes_can_be_drawn_small() -> None:
    """The vertical axis covers what it is told to, around the curve."""
    flat = ElementTree.fromstring(line_chart([Line("a", [(0, 8.0), (1, 8.1)])], least_span=6.0))
    labels = {element.text for element in flat.iter() if element.get("text-anchor") == "end"}
    assert {"6", "10"} <= labels


def test_text_is_broken_into_rows() -> None:
    """Every word stands somewhere, none is cut, and rows fit."""
    words = ["mean", "greedy", "best", "reverse 161.6 M (above)", "best classic 8.146 M"]
    rows = wrapped(words, 360.0, gap=2)
    assert [word for row in rows for word in row] == words and len(rows) == 3
    assert wrapped(["long" * 30], 10.0, gap=1) == [["long" * 30]]
    assert wrapped([], 10.0, gap=1) == []


def test_equal_names_keep_their_colours() -> None:
    """An order from a file may be called like one of the portfolio."""
    chart = line_chart([Line("a", [(0, 1.0)]), Line("a", [(0, 2.0)])])
    assert all(f'style="fill:{colour}"' in chart for colour in COLOURS[:2])
