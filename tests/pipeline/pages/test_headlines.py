"""The first screen of the report."""

from typing import Any

import pytest

from elimax.pipeline.pages.headlines import (
    Headline,
    card,
    check_headline,
    count_headline,
    first_screen,
    idea_panels,
    speed_headline,
)
from support.report_examples import DEVICE, TIMINGS, case, collected, summary
from support.repository import ROOT


def bounds(is_optimal: bool) -> dict[str, Any]:
    """Bounds of a task by the count `all`."""
    return {"all": {"bound": 8, "optimal": is_optimal}}


def test_tasks_are_proven_or_improved() -> None:
    """Both at once are counted once; savings are a geometric mean."""
    unchanged = {"all": 10, "nontrivial": 5, "found_by": "reverse"}
    summaries = {
        "both": summary(bounds=bounds(True)),
        "better": summary(bounds=bounds(False)),
        "proven": summary(bounds=bounds(True), best=unchanged),
        "neither": summary(bounds=bounds(False), best=unchanged),
    }
    figures = count_headline(summaries, "all").figures
    assert figures[0][0] == "3 of 4"
    assert "optimal (2), better than the best classic one (2), or both (1)" in figures[0][1]
    # Two of four tasks cost 0.8 of the best classic order.
    assert figures[1][0] == f"{100 * (1 - 0.8**0.5):.1f} %"


def test_speed_by_set_of_flags() -> None:
    """The mean of all cases that have a rival, and how many of them are slower."""
    fused = {"device": DEVICE, "skipped": {}, "cases": [{**case(30, 20, 10), "flags": "fusion"}]}
    figures = speed_headline({**TIMINGS, "fused": fused}).figures
    assert figures == [
        ("1.00 times", "Default XLA flags: geometric mean of 3 cases, slower in 1"),
        ("2.00 times", "With multi-output fusion: geometric mean of 1 case, slower in 0"),
    ]
    assert speed_headline({}).figures[0][0] == "-"


def test_checks_are_counted() -> None:
    """With the worst error of those that are right."""
    right, worse = ({"correct": True, "error_below": x} for x in (1e-14, 1e-12))
    figures = check_headline({"a": [right, worse], "b": [right, {"correct": False}]}).figures
    assert [number for number, _ in figures] == ["3 of 4", "< 1e-12"]
    assert "all of them correct for 1 of 2 tasks" in figures[0][1]
    assert check_headline({"a": [{"correct": False}]}).figures[1][0] == "-"


def test_cards_are_escaped() -> None:
    """Title, number and text."""
    text = card(Headline("<a>", [("<b>", "<c>")]))
    assert all(f"&lt;{letter}&gt;" in text for letter in "abc")


@pytest.mark.parametrize("picture", [None, "", "<svg><g/></svg>", "no picture"])
def test_no_picture_is_no_error(picture: str | None) -> None:
    """A checkout without it, or with one of unknown size, has none on the page."""
    assert idea_panels(picture) == ""


def test_the_picture_is_shown_in_three_parts() -> None:
    """Each with a third of the width of the file in docs/."""
    text = idea_panels((ROOT / "docs/idea.svg").read_text())
    assert text.count("<use ") == 3 and text.count("161,993,216") == 1
    assert 'viewBox="306.7 0 306.7 330"' in text


def test_the_first_screen_has_three_cards() -> None:
    """Commit and date come last, if they are known."""
    parts = first_screen(collected(), "all", "1a2b", "1 May 2026")
    assert "".join(parts).count('class="card"') == 3
    assert parts[-1] == "<p>Made from commit 1a2b, 1 May 2026.</p>"
    assert "Made from" not in "".join(first_screen(collected(), "all", None, None))
