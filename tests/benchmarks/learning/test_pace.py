"""How long what is left takes: from alike runs, from limits, from what is usual."""

import pytest

from benchmarks.learning.methods import METHODS
from benchmarks.learning.pace import Pace
from support.learning_lines import line


def test_nothing_is_known() -> None:
    """The time limit, or what a method usually takes."""
    pace = Pace()
    assert pace.expected("small", "annealing", 10.0) == 10.0
    usual = METHODS["annealing_long"].usual_seconds
    assert pace.expected("small", "annealing_long", None) == usual > 1.0
    assert pace.expected("small", "three_rules", None) < 1.0


def test_alike_runs() -> None:
    """The same method on the same set, or else on any; what it takes to get ready counts."""
    pace = Pace([line("a", "all_rules", (1.0, 5))])  # plays for 2 s
    pace.note(line("b", "all_rules", (2.0, 5), warm_up_seconds=2.0))
    assert pace.expected("small", "all_rules", None) == pytest.approx(4.0)
    assert pace.expected("other", "all_rules", None) == pytest.approx(4.0)
    pace.note(line("c", "all_rules", (10.0, 5), set="other"))
    assert pace.expected("small", "all_rules", None) == pytest.approx(4.0)
    assert pace.expected("other", "all_rules", None) == pytest.approx(20.0)
    assert pace.expected("third", "all_rules", None) == pytest.approx(28.0 / 3)


def test_other_limits_and_failures_tell_nothing() -> None:
    """A run of 1 s says nothing of one of 10 s, and a failed one is over at once."""
    pace = Pace([line("a", "annealing", (0.5, 5), budget=1.0), line("a", "all_rules")])
    assert pace.expected("small", "annealing", 10.0) == 10.0
    assert pace.expected("small", "all_rules", None) == METHODS["all_rules"].usual_seconds
