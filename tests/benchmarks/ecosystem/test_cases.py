"""The list of cases of `make ecosystem`, which needs none of their packages."""

import re

import pytest

from benchmarks.ecosystem import cases
from benchmarks.ecosystem.cases import Problem, all_cases, case
from benchmarks.ecosystem.environment import PACKAGES


def test_about_fifty_cases_of_two_dozen_packages() -> None:
    """Enough to mean something, each with a sentence that says what it is."""
    found = all_cases()
    assert len(found) >= 45
    assert len({entry.package for entry in found.values()}) >= 24
    assert all(entry.build.__doc__ for entry in found.values())


def test_every_package_is_installed() -> None:
    """Each case names a line of packages.txt, and each line is there for a case."""
    lines = [line for line in PACKAGES.read_text().splitlines() if line and line[0] != "#"]
    listed = {re.split(r"[<>=]", line)[0] for line in lines} - {"setuptools"}
    assert {entry.package for entry in all_cases().values()} == listed


def test_a_second_case_of_one_name_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise one of them would silently be left out."""
    monkeypatch.setattr(cases, "_CASES", {})

    def twice() -> Problem:
        raise AssertionError

    case("jax")(twice)
    with pytest.raises(ValueError, match="'twice' is registered twice: rename one"):
        case("jax")(twice)


def test_all_arguments_are_differentiated_by_default() -> None:
    """Unless positions are given."""
    assert Problem(max, (1.0, 2.0)).positions == (0, 1)
    assert Problem(max, (1.0, 2.0), argnums=(1,)).positions == (1,)
