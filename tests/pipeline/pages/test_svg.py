"""Line charts."""

import xml.etree.ElementTree as ElementTree

import pytest

from elimax.pipeline.pages.svg import (
    Line,
    line_chart,
    short,
    ticks,
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
    """Thousands and millions are abbreviated."""
    assert [short(value) for value in (0.5, 12000, 3e6)] == ["0.5", "12k", "3M"]
