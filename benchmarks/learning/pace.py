"""Estimates how long the remaining runs will take, from those before them."""

import collections
from collections.abc import Hashable, Iterable

from benchmarks.learning.lines import Line
from benchmarks.learning.methods import METHODS


class Pace:
    """Mean times of runs; where there are none, those of similar runs."""

    def __init__(self, lines: Iterable[Line] = ()) -> None:
        """Learns from what was measured before.

        Args:
            lines: Lines of a file of results.
        """
        self._times: dict[Hashable, list[float]] = collections.defaultdict(list)
        for line in lines:
            self.note(line)

    def note(self, line: Line) -> None:
        """Learns from a run.

        Args:
            line: Its line; nothing is learnt from a run that failed.
        """
        if "failed" in line:
            return
        seconds = line["play_seconds"] + line.get("warm_up_seconds", 0.0)
        for alike in _alike(line["set"], line["method"], line["budget"]):
            self._times[alike].append(seconds)

    def expected(self, set_name: str, method: str, budget: float | None) -> float:
        """Estimates the seconds of a run.

        Args:
            set_name: The set of its program.
            method: The method.
            budget: The time limit in seconds; None if there is none.

        Returns:
            The mean over runs of the method on the set; else on all sets; else the limit, or what
            the method usually takes.
        """
        for alike in _alike(set_name, method, budget):
            if times := self._times.get(alike):
                return sum(times) / len(times)
        return METHODS[method].usual_seconds if budget is None else budget


def _alike(
    set_name: str, method: str, budget: float | None
) -> tuple[tuple[Hashable, ...], tuple[Hashable, ...]]:
    """Keys that group similar runs, the narrowest first."""
    return (set_name, method, budget), (method, budget)
