"""Gaps to the best known cost, worked out by hand."""

import numpy as np
import pytest

from benchmarks.learning.scores import Group, Scores
from support.learning_lines import line

SMALL = Group("small", False)


def test_best_known_is_the_lowest_of_all_lines() -> None:
    """Of all methods, seeds and limits, but of one program and one count."""
    scores = Scores(
        [
            line("a", "all_rules", (0.1, 120)),
            line("a", "annealing", (0.1, 110), seed=1, budget=1.0),
            line("a", "annealing_long", (5.0, 100)),
            line("a", "annealing_long", (5.0, 50), count="nontrivial"),
            line("b", "all_rules", (0.1, 7)),
        ],
        "all",
    )
    gaps = scores.gaps(SMALL, "all_rules", ["a", "b"])
    np.testing.assert_allclose(gaps, [[0.2], [0.0]])
    np.testing.assert_allclose(scores.gaps(SMALL, "annealing", ["a"]), [[0.1]])
    assert scores.longest == 1.0


def test_gaps_at_a_time() -> None:
    """One column for each seed; nan before there is an order."""
    scores = Scores(
        [
            line("a", "annealing", (0.1, 200), (1.0, 100), seed=1),
            line("a", "annealing", (0.5, 150), seed=0),
        ],
        "all",
    )
    np.testing.assert_allclose(scores.gaps(SMALL, "annealing", ["a"], 0.5), [[0.5, 1.0]])
    np.testing.assert_allclose(scores.gaps(SMALL, "annealing", ["a"]), [[0.5, 0.0]])
    assert np.isnan(scores.gaps(SMALL, "annealing", ["a"], 0.1)).tolist() == [[True, False]]


def test_a_best_cost_of_nothing() -> None:
    """Gaps are then differences: one more multiplication is a gap of 1."""
    scores = Scores([line("a", "x", (0.1, 0)), line("a", "y", (0.1, 3))], "all")
    assert scores.gaps(SMALL, "x", ["a"]).item() == 0
    assert scores.gaps(SMALL, "y", ["a"]).item() == 3


def test_the_longest_run_of_a_seed_counts() -> None:
    """Whatever the sequence of the lines."""
    runs = [
        line("a", "annealing", (0.2, 100), budget=10.0),
        line("a", "annealing", (0.1, 130), budget=1.0),
    ]
    for lines in (runs, runs[::-1]):
        scores = Scores(lines, "all")
        np.testing.assert_allclose(scores.gaps(SMALL, "annealing", ["a"]), [[0.0]])
        assert scores.longest == 10.0


def test_as_many_runs_of_every_program() -> None:
    """Where a benchmark was interrupted, seeds that some programs lack are left out."""
    scores = Scores(
        [
            line("a", "annealing", (0.1, 100), seed=0),
            line("a", "annealing", (0.1, 900), seed=1),
            line("b", "annealing", (0.1, 100), seed=0),
        ],
        "all",
    )
    np.testing.assert_allclose(scores.gaps(SMALL, "annealing", ["a", "b"]), [[0.0], [0.0]])


def test_programs_that_all_have_finished() -> None:
    """A failed run is no run; the group still knows of its program."""
    scores = Scores(
        [
            line("a", "all_rules", (0.1, 9)),
            line("a", "policy_greedy"),
            line("b", "all_rules", (0.1, 9)),
            line("b", "policy_greedy", (0.1, 9)),
            line("c", "policy_greedy"),
        ],
        "all",
    )
    assert scores.finished(SMALL, ["all_rules"]) == ["a", "b"]
    assert scores.finished(SMALL, ["all_rules", "policy_greedy"]) == ["b"]
    assert scores.finished(SMALL, ["all_rules", "beam"]) == scores.finished(SMALL, []) == []
    assert scores.number(SMALL) == 3
    assert scores.has(SMALL, "all_rules") and not scores.has(SMALL, "beam")


def test_groups_keep_arrays_apart() -> None:
    """Also within one set; scalars come first."""
    scores = Scores(
        [
            line("a", "x", (0.1, 1), set="ecosystem", arrays=True),
            line("b", "x", (0.1, 1), set="ecosystem"),
            line("c", "x", (0.1, 1)),
        ],
        "all",
    )
    assert list(map(str, scores.groups)) == ["ecosystem", "small", "ecosystem, arrays"]


def test_at_or_below_a_rule() -> None:
    """Each run against the rule's cost of the same program; equal is at."""
    scores = Scores(
        [
            line("a", "all_rules", (0.1, 10)),
            line("b", "all_rules", (0.1, 20)),
            line("a", "policy_best_of_32", (0.1, 10), seed=0),
            line("a", "policy_best_of_32", (0.1, 11), seed=1),
            line("b", "policy_best_of_32", (0.1, 15), seed=0),
            line("b", "policy_best_of_32", (0.1, 25), seed=1),
        ],
        "all",
    )
    flags = scores.at_or_below(SMALL, "policy_best_of_32", "all_rules", ["a", "b"])
    np.testing.assert_array_equal(flags, [[1, 0], [1, 0]])


@pytest.mark.parametrize("lines", [[], [line("a", "x", (0.1, 1), count="nontrivial")]])
def test_nothing_of_a_count(lines: list) -> None:
    """No groups, no time."""
    scores = Scores(lines, "all")
    assert scores.groups == [] and scores.longest == 0.0
