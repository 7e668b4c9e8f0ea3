"""The results as Markdown tables."""

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np

from benchmarks.learning.lines import Line
from benchmarks.learning.methods import CHECKPOINTS
from benchmarks.learning.scores import Group, Scores
from elimax.pipeline.pages.report_tables import Table, markdown_table
from elimax.pipeline.statistics import (
    Estimate,
    bootstrap,
    interquartile_mean,
    mean,
    paired_difference,
    performance_profile,
)

ZERO_SHOT = ("three_rules", "all_rules", "policy_greedy", "policy_best_of_32")
"""Methods that end by themselves."""

ANYTIME = ("all_rules", "annealing", "policy", "policy_annealing", "beam")
"""Methods that are compared against time; annealing starts from the best rules."""

REFERENCES = ("annealing_long", "annealing_longest")
"""The methods behind the best known costs."""

OURS, THEIRS = "policy_annealing", "annealing"
LIMITS = (0.0, 0.01, 0.02, 0.05, 0.1)

Common: TypeAlias = dict[Group, list[str]]
"""By group the programs that are compared."""


def markdown_text(lines: Sequence[Line]) -> str:
    """Writes all tables.

    Args:
        lines: Lines of a file of results.

    Returns:
        The text; counts that were not measured have no section.
    """
    parts = ["# The learned policy next to rules and annealing", _origin(lines)]
    for count in counts_of(lines):
        scores = Scores(lines, count)
        titled = {
            "Without search": zero_shot_table(scores),
            "Share of programs within a gap, %": profile_table(scores),
            "Mean gap after some seconds, %": anytime_table(scores),
            "Policy with annealing minus annealing, percentage points": paired_table(scores),
        }
        parts.append(f'## Multiplications, count "{count}"')
        for title, table in titled.items():
            if table[1]:
                parts.append(f"### {title}\n\n{markdown_table(*table)}")
    if notes := _failures(lines):
        parts.append("## Not possible\n\n" + "\n".join(notes))
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def zero_shot_table(scores: Scores) -> Table:
    """Makes the table of the methods that end by themselves.

    Args:
        scores: The results.

    Returns:
        Headings and rows: interquartile mean of the gap to the best known cost with its interval,
        the shares of runs in which a method is no costlier than rules, and the median time of a
        run. All methods of a block are compared on the programs that all of them have finished.
    """
    columns = [
        "set", "programs", "method", "IQM gap %", "95 % interval", "<= three rules %",
        "<= all rules %", "median s",
    ]  # fmt: skip
    rows: list[list[Any]] = []
    for label, methods, common in comparable(scores, ZERO_SHOT):
        for method in methods:
            gaps = [scores.gaps(group, method, names) for group, names in common.items()]
            found = bootstrap(gaps, interquartile_mean)
            shares = [
                _share(scores, common, method, rule) if rule in methods else None
                for rule in ZERO_SHOT[:2]
            ]
            times = [
                x for group, names in common.items()
                for x in scores.play_seconds(group, method, names)
            ]  # fmt: skip
            cells = [*_percent(found), *shares, f"{np.median(times):.3f}"]
            rows.append([label, _of(scores, common), method, *cells])
    return columns, rows


def profile_table(scores: Scores) -> Table:
    """Makes the table of performance profiles of the methods that end by themselves.

    Args:
        scores: The results.

    Returns:
        Headings and rows: the shares of runs with a gap that is at most one of `LIMITS`.
    """
    columns = ["set", "programs", "method", *(f"<= {100 * limit:g} %" for limit in LIMITS)]
    rows: list[list[Any]] = []
    for label, methods, common in comparable(scores, ZERO_SHOT):
        for method in methods:
            gaps = [np.ravel(scores.gaps(group, method, names)) for group, names in common.items()]
            profile = performance_profile(np.concatenate(gaps), LIMITS)
            shares = [f"{100 * share:.0f}" for share in profile]
            rows.append([label, _of(scores, common), method, *shares])
    return columns, rows


def anytime_table(scores: Scores) -> Table:
    """Makes the table of gaps against time.

    Args:
        scores: The results.

    Returns:
        Headings and rows: the mean gap at each of `CHECKPOINTS` up to the longest time limit; a
        dash where some program has no order yet.
    """
    times = [seconds for seconds in CHECKPOINTS if seconds <= scores.longest]
    columns = ["set", "programs", "method", *(f"{seconds:g} s" for seconds in times)]
    rows: list[list[Any]] = []
    for label, methods, common in comparable(scores, ANYTIME) if times else ():
        for method in methods:
            gaps = [mean_gap(scores, common, method, seconds) for seconds in times]
            cells = [None if np.isnan(gap) else f"{100 * gap:.2f}" for gap in gaps]
            rows.append([label, _of(scores, common), method, *cells])
    return columns, rows


def paired_table(scores: Scores) -> Table:
    """Makes the table of differences between annealing with and without the policy.

    Args:
        scores: The results.

    Returns:
        Headings and rows: at each of `CHECKPOINTS` the mean difference of the gaps with its
        interval, below 0 if the policy helps, and on how many programs the mean cost over the seeds
        is lower, equal or higher with the policy.
    """
    columns = [
        "programs",
        "of",
        "seconds",
        "difference",
        "95 % interval",
        "lower",
        "equal",
        "higher",
    ]
    rows: list[list[Any]] = []
    for label, methods, common in comparable(scores, (OURS, THEIRS)):
        if len(methods) < 2:
            continue
        for seconds in (x for x in CHECKPOINTS if x <= scores.longest):
            ours, theirs = (
                [scores.gaps(group, method, names, seconds).mean(axis=1)
                 for group, names in common.items()]
                for method in (OURS, THEIRS)
            )  # fmt: skip
            difference = np.concatenate(ours) - np.concatenate(theirs)
            if np.isnan(difference).any():
                continue
            signs = np.sign(np.round(difference, 9))
            tally = [int((signs == sign).sum()) for sign in (-1, 0, 1)]
            cells = _percent(paired_difference(ours, theirs), "+.2f")
            rows.append([label, _of(scores, common), f"{seconds:g}", *cells, *tally])
    return columns, rows


def blocks(scores: Scores) -> Iterator[tuple[str, list[Group]]]:
    """Yields the blocks of a table: every group, then all of scalars and all of arrays."""
    for group in scores.groups:
        yield str(group), [group]
    for arrays, label in ((False, "all scalars"), (True, "all arrays")):
        alike = [group for group in scores.groups if group.arrays == arrays]
        if len(alike) > 1:
            yield label, alike


def comparable(scores: Scores, methods: Sequence[str]) -> Iterator[tuple[str, list[str], Common]]:
    """Finds what can be compared.

    Args:
        scores: The results.
        methods: Names of methods.

    Yields:
        For each block its label, the methods with results, and the programs that all of these have
        finished.
    """
    for label, groups in blocks(scores):
        present = [name for name in methods if all(scores.has(group, name) for group in groups)]
        common = {group: scores.finished(group, present) for group in groups}
        if present and all(common.values()):
            yield label, present, common


def _share(scores: Scores, common: Common, method: str, rule: str) -> str:
    """Percentage of the runs that are no costlier than a rule."""
    flags = [scores.at_or_below(group, method, rule, names) for group, names in common.items()]
    return f"{100 * float(mean(np.concatenate([np.ravel(flag) for flag in flags]))):.0f}"


def mean_gap(scores: Scores, common: Common, method: str, seconds: float) -> float:
    """The mean gap of a method after some seconds.

    Args:
        scores: The results.
        common: The programs.
        method: Name of the method.
        seconds: At which time.

    Returns:
        Mean over programs of the mean over runs; nan while a program has no order.
    """
    gaps = [scores.gaps(group, method, names, seconds) for group, names in common.items()]
    return float(mean(np.concatenate([each.mean(axis=1) for each in gaps])))


def _of(scores: Scores, common: Common) -> str:
    """How many programs were compared, and out of how many unless all."""
    compared = sum(map(len, common.values()))
    number = sum(map(scores.number, common))
    return f"{compared}" if compared == number else f"{compared} of {number}"


def _percent(estimate: Estimate, form: str = ".2f") -> list[str]:
    """A figure and its interval, in per cent."""
    value, low, high = (f"{100 * x:{form}}" for x in estimate)
    return [value, f"{low} to {high}"]


def counts_of(lines: Sequence[Line]) -> list[str]:
    """Which multiplications were saved in the lines of a file."""
    return sorted({line["count"] for line in lines})


def _origin(lines: Sequence[Line]) -> str:
    """Where the lines are from."""
    told = sorted(
        {f"{line['machine']}, {line['cores']} cores; "
         f"{', '.join(f'{k} {v}' for k, v in sorted(line['versions'].items()))}"
         for line in lines}
    )  # fmt: skip
    policies = sorted({line["policy"] for line in lines} - {None})
    if policies:
        told.append(f"policy {', '.join(policies)}")
    named = [(line["set"], line["program"], line["count"], line["method"]) for line in lines]
    programs = {name[:3] for name in named}
    long = {name[:3] for name in named if name[3] in REFERENCES}
    return (
        "A gap is cost / best known cost - 1, where the best known cost is the lowest of all runs "
        f"on the program; a long annealing is among them for {len(long)} of {len(programs)} "
        f"programs. "
        f"{len(lines)} runs. {'; '.join(told)}."
    )


def _failures(lines: Sequence[Line]) -> list[str]:
    """Programs that were too large for a method, with the reason, once each."""
    failed = {
        f"- {line['set']}/{line['program']}, {line['method']}: {line['failed']}"
        for line in lines
        if "failed" in line
    }
    return sorted(failed)
