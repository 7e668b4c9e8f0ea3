"""The curves from made-up lines."""

import re

from benchmarks.learning.charts import STYLE, charts
from support.learning_lines import one_shot, timed


def words(picture: str) -> str:
    """The text of a picture, whose longer labels are broken into lines."""
    return " ".join(re.findall(r">([^<>]+)</text>", picture))


def test_anytime_curves() -> None:
    """One picture a block, of the methods that were timed, up to the limit."""
    lines = [*timed("a", 100, 110), *timed("b", 108, 109, set="tasks", arrays=True)]
    drawn = charts(lines)
    assert list(drawn) == ["anytime_small_all.svg", "anytime_tasks_arrays_all.svg"]
    picture = drawn["anytime_small_all.svg"]
    assert picture.startswith("<svg") and picture.count("<polyline") == 2
    assert ">annealing<" in picture and ">policy_annealing<" in picture
    assert "mean gap to the best known cost in %, small" in words(picture)
    assert picture.count(STYLE) == 1


def test_profiles() -> None:
    """Of the methods that end by themselves; three rules are 20 % above on all programs."""
    drawn = charts(one_shot())
    assert list(drawn) == ["profile_small_all.svg"]
    picture = drawn["profile_small_all.svg"]
    assert picture.count("<polyline") == 3
    assert "gap to the best known cost in %; share of programs in %, small" in words(picture)


def test_no_curves() -> None:
    """Without lines, and of a single method that was timed."""
    assert charts([]) == {}
    assert charts(timed("a", 1, 1)[:1]) == {}
