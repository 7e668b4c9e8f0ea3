"""Turns lines of results into arrays of gaps: how far orders are above the best known cost."""

import collections
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from benchmarks.learning.lines import Line
from benchmarks.learning.methods import cost_at


class Group(NamedTuple):
    """Programs of one kind.

    Attributes:
        set: Name of their set.
        arrays: Whether they have arrays; a set may have both kinds.
    """

    set: str
    arrays: bool

    def __str__(self) -> str:
        return f"{self.set}, arrays" if self.arrays else self.set


class Scores:
    """The results of one count.

    The best known cost of a program is the lowest that any line of the count has, its final cost
    and those of all methods, seeds and time limits included.

    Attributes:
        groups: The groups that have results, scalars first.
        longest: The longest time limit in seconds; 0 if nothing was timed.
    """

    def __init__(self, lines: Iterable[Line], count: str) -> None:
        """Sorts lines by group, method and program.

        Args:
            lines: Lines of a file of results.
            count: Which multiplications were saved; lines of the other count are left out.
        """
        chosen = [line for line in lines if line["count"] == count]
        finished = [line for line in chosen if "failed" not in line]
        self._best: dict[tuple[str, str], int] = {}
        for line in finished:
            program = line["set"], line["program"]
            self._best[program] = min(line["cost"], self._best.get(program, line["cost"]))
        names: dict[Group, set[str]] = collections.defaultdict(set)
        for line in chosen:
            names[_group(line)].add(line["program"])
        self._names = names
        self.groups = sorted(names, key=lambda group: (group.arrays, group.set))
        self.longest = max((line["budget"] or 0.0 for line in chosen), default=0.0)
        self._runs: dict[tuple[Group, str], dict[str, dict[int, Line]]] = {}
        # If a seed has runs with several time limits, the longest is kept: it is the last one here.
        for line in sorted(finished, key=lambda line: (line["seed"], line["budget"] or 0.0)):
            programs = self._runs.setdefault((_group(line), line["method"]), {})
            programs.setdefault(line["program"], {})[line["seed"]] = line

    def number(self, group: Group) -> int:
        """How many programs of a group have lines, failed ones included."""
        return len(self._names[group])

    def finished(self, group: Group, methods: Sequence[str]) -> list[str]:
        """The programs on which several methods can be compared.

        Args:
            group: The group.
            methods: Names of methods.

        Returns:
            Sorted names of the programs that all of these methods have finished.
        """
        runs = [self._runs.get((group, method), {}) for method in methods]
        return sorted(set.intersection(*map(set, runs))) if runs else []

    def has(self, group: Group, method: str) -> bool:
        """Whether a method has finished any program of a group."""
        return (group, method) in self._runs

    def gaps(
        self, group: Group, method: str, programs: Sequence[str], seconds: float | None = None
    ) -> np.ndarray:
        """Returns how far the orders of a method are above the best known cost.

        Args:
            group: The group.
            method: A method that has finished all programs.
            programs: Names of programs.
            seconds: At which time; None for the end.

        Returns:
            (programs, runs): cost / best known cost - 1, 0 for the best known; nan where there is
            no order yet. All programs have the same number of runs, those of the lowest seeds.
        """
        best = np.array([[self._best[group.set, program]] for program in programs])
        # Some graphs cost nothing; each extra multiplication then adds a gap of 1.
        return (self._costs(group, method, programs, seconds) - best) / np.maximum(best, 1)

    def at_or_below(
        self, group: Group, method: str, rule: str, programs: Sequence[str]
    ) -> np.ndarray:
        """Where a method's orders are no costlier than those of a rule.

        Args:
            group: The group.
            method: A method that has finished all programs.
            rule: Another method, with one run per program.
            programs: Names of programs.

        Returns:
            (programs, runs): 1 where they are not, 0 where they are.
        """
        costs = [self._costs(group, name, programs, None) for name in (method, rule)]
        return (costs[0] <= costs[1][:, :1]).astype(float)

    def play_seconds(self, group: Group, method: str, programs: Sequence[str]) -> list[float]:
        """Seconds of every run of a method on some programs that it has finished."""
        runs = self._runs[group, method]
        return [line["play_seconds"] for name in programs for line in runs[name].values()]

    def _costs(
        self, group: Group, method: str, programs: Sequence[str], seconds: float | None
    ) -> np.ndarray:
        runs = [list(self._runs[group, method][program].values()) for program in programs]
        number = min(map(len, runs))
        return np.array(
            [
                [
                    line["cost"] if seconds is None else cost_at(line["trajectory"], seconds)
                    for line in each[:number]
                ]
                for each in runs
            ],
            dtype=float,
        )


def _group(line: Line) -> Group:
    return Group(line["set"], line["arrays"])
