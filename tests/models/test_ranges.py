"""Ranges of settings."""

import pytest

from elimax.models.ranges import Range


@pytest.mark.parametrize(
    ("allowed", "inside", "outside"),
    [
        (Range(1, 10), (1, 5, 10), (0, -3, 11)),
        (Range(0.0, 1.0), (0.0, 1e-9, 1), (-1e-9, 1.1, float("inf"), float("nan"))),
        (Range(1), (1, 10**15), (0, float("nan"))),
    ],
)
def test_both_ends_are_included(
    allowed: Range, inside: tuple[float, ...], outside: tuple[float, ...]
) -> None:
    """The ends are in the range, what is beyond them is not, and neither is nan."""
    assert all(map(allowed.holds, inside))
    assert not any(map(allowed.holds, outside))


@pytest.mark.parametrize(
    ("allowed", "kind", "words"),
    [
        (Range(0), int, "a non-negative integer"),
        (Range(1), int, "a positive integer"),
        (Range(2), int, "an integer of at least 2"),
        (Range(1, 10_000), int, "an integer from 1 to 10,000"),
        (Range(0.0, 1.0), float, "a number from 0.0 to 1.0"),
        (Range(0), float, "a number of at least 0"),
    ],
)
def test_ranges_in_words(allowed: Range, kind: type, words: str) -> None:
    """The description follows "must be"."""
    assert allowed.describe(kind) == words
