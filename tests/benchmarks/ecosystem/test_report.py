"""The table: which row is worst, and what the numbers are compared with."""

from typing import Any

import pytest

from benchmarks.ecosystem.report import row_of, text_of, worst_first
from support.ecosystem_rows import FAILED, stages

WRONG = {
    "status": "wrong",
    "error_size": 0.5,
    "trace": 1.0,
    "compile": 1.0,
    "run": 1.0,
    "memory": 1,
}


def test_ratios_to_the_better_mode() -> None:
    """The faster one; of two that are as fast the one that needs less memory."""
    row = row_of("case", "package", stages())
    assert (row["status"], row["better"]) == ("right", "jacrev")
    assert row["ratios"] == {"trace": 2.0, "compile": 2.0, "run": 2.0, "memory": 2.0}
    close = stages()
    close["jacfwd"]["run"] = 1.1
    assert row_of("case", "package", close)["better"] == "jacfwd"


def test_a_few_bytes_are_no_ratio() -> None:
    """Nothing against a single buffer."""
    small = stages(memory=4000.0)
    small["jacrev"]["memory"] = 0.0
    assert row_of("case", "package", small)["ratios"]["memory"] == 1.0


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({}, "right"),
        ({"jacfwd": FAILED}, "right"),
        ({"auto": WRONG}, "wrong"),
        ({"auto": WRONG, "reverse": FAILED}, "failed"),
        ({"jacfwd": FAILED, "jacrev": FAILED}, "broken"),
        ({"jacrev": WRONG}, "broken"),
    ],
)
def test_status(changed: Any, status: str) -> None:
    """A case is only right if every mode is, and broken if JAX itself is no reference."""
    assert row_of("case", "package", stages(**changed))["status"] == status


def test_a_mode_that_never_ran_has_failed() -> None:
    """Silence is no success."""
    assert row_of("case", "package", {"build": FAILED})["status"] == "broken"
    silent = stages()
    del silent["forward"]
    assert row_of("case", "package", silent)["modes"]["forward"] == "failed"


def test_worst_rows_first() -> None:
    """Failures, wrong numbers, then what takes most time or memory."""
    rows = [
        row_of("fine", "p", stages(run=1.0)),
        row_of("slow", "p", stages(run=9.0)),
        row_of("large", "p", stages(memory=1e8)),
        row_of("wrong", "q", stages(auto=WRONG)),
        row_of("failed", "q", stages(auto=FAILED)),
    ]
    names = [row["name"] for row in worst_first(rows)]
    assert names == ["failed", "wrong", "large", "slow", "fine"]
    text = text_of(rows)
    assert "failed, auto: TypeError: no" in text
    assert "5 cases of 2 packages: 3 right, 1 wrong, 1 failed, 0 broken" in text
    assert "memory 2.26 (at most 200.0)" in text


def test_races() -> None:
    """Who won, the mean with and without the modes of JAX, and what is wholly below."""
    raced = [("jacfwd", 1.0, 1.1), ("native", 4.0, 4.2), ("auto", 0.9, 0.94)]
    rows = []
    for winner, median, high in raced:
        told = {"low": median - 0.05, "median": median, "high": high}
        found = stages()
        found["fastest"] = {
            **found.pop("auto"),
            "winner": winner,
            "ratio": told,
            "auto_ratio": told,
        }
        rows.append(row_of(winner, "package", found, ("fastest",)))
    text = text_of(rows)
    mean, others = (4.0 * 0.9) ** (1 / 3), (4.0 * 0.9) ** 0.5
    assert (
        f"paired rounds: {mean:.2f}, without the races that a mode of JAX won {others:.2f}; "
        in text
    )
    assert "winners: auto 1, jacfwd 1, native 1; wholly below 0.95: 1; " in text
    assert f"plain jacve: {mean:.2f}" in text
    assert "4.00 (3.95 to 4.20)" in text and '"fastest" against the better JAX mode' in text
