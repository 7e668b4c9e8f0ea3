"""Runs methods on programs and keeps a line for each run."""

import collections
import concurrent.futures
import dataclasses
import functools
import itertools
import multiprocessing
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from benchmarks.learning.lines import (
    Line,
    append_line,
    check_lines,
    key,
    read_lines,
    repair,
)
from benchmarks.learning.methods import METHODS, Trial
from benchmarks.learning.pace import Pace
from benchmarks.learning.sets import read_set, spread
from elimax.interpreter.errors import GraphTooLargeError, StructureLimitError
from elimax.interpreter.graph.structure import Count
from elimax.pipeline.errors import FileError

WARM_UP_SECONDS = 0.05
"""Time limit of the call before the one that is measured."""


@dataclasses.dataclass(frozen=True)
class Run:
    """One run of a method on a program; the fields are those of `lines.KEY`.

    Attributes:
        set: Name of the set.
        program: Name of the program in it.
        method: Name of the method.
        seed: Seed of everything that is random, 0 where nothing is.
        count: Which multiplications are saved.
        budget: Time limit in seconds; None if the method has none.
    """

    set: str
    program: str
    method: str
    seed: int
    count: Count
    budget: float | None


class Choice(NamedTuple):
    """What a command measures.

    Attributes:
        sets: Names of sets.
        methods: Names of methods.
        counts: Which multiplications are saved.
        seeds: Seeds of the methods that draw random numbers.
        seconds: Time limit of the timed methods.
        programs: How many programs of each set, the first ones; None for all.
        timed: On how many of these, evenly spread, timed methods run, by set; a set that is not
            named is run on in full.
        policy: The file of the policy; None if no method needs it.
    """

    sets: Sequence[str]
    methods: Sequence[str]
    counts: Sequence[Count]
    seeds: Sequence[int]
    seconds: float
    programs: int | None
    policy: Path | None
    timed: Mapping[str, int] = MappingProxyType({})


def runs_of(choice: Choice) -> Iterator[Run]:
    """Lists the runs of a command, all methods of a program one after the other.

    Args:
        choice: What is measured.

    Yields:
        The runs.
    """
    for name in choice.sets:
        programs = read_set(name)[: choice.programs]
        timed = {x.name for x in spread(programs, choice.timed.get(name, len(programs)))}
        for program, count, method in itertools.product(programs, choice.counts, choice.methods):
            kind = METHODS[method]
            if kind.is_timed and program.name not in timed:
                continue
            budget = choice.seconds if kind.is_timed else None
            for seed in choice.seeds if kind.is_seeded else (0,):
                yield Run(name, program.name, method, seed, count, budget)


def measure(run: Run, policy: Path | None) -> Line:
    """Runs a method on a program.

    Args:
        run: What to measure.
        policy: The file of the policy.

    Returns:
        The fields of the run and of its graph; `trajectory`, `cost` and `seconds`, of the best
        order; `play_seconds`, of the whole call; `warm_up_seconds`, of the call that compiles; or
        `failed`, if the graph is too large for the method.
    """
    program = next(x for x in read_set(run.set) if x.name == run.program)
    graph, method = program.graph, METHODS[run.method]
    line: Line = {
        **dataclasses.asdict(run),
        "fingerprint": graph.fingerprint,
        "vertices": graph.num_vertices,
        "arrays": program.has_arrays,
    }
    player = _policy(policy) if method.needs_policy and policy is not None else None
    trial = Trial(graph, run.count, run.seed, run.budget or 0.0, player)
    try:
        if method.is_warmed_up:
            began = time.perf_counter()
            seconds = min(trial.seconds, WARM_UP_SECONDS)
            warm_up = method.warm_up or method.play
            warm_up(dataclasses.replace(trial, seconds=seconds))
            line["warm_up_seconds"] = time.perf_counter() - began
        began = time.perf_counter()
        trajectory = method.play(trial)
        line["play_seconds"] = time.perf_counter() - began
    except (GraphTooLargeError, StructureLimitError) as error:
        return {**line, "failed": f"{type(error).__name__}: {error}"}
    seconds, cost = trajectory[-1]
    return {**line, "trajectory": trajectory, "cost": cost, "seconds": seconds}


def run_all(
    choice: Choice,
    path: Path,
    where: Line,
    *,
    jobs: int = 1,
    report: Callable[[str], None],
) -> list[Line]:
    """Measures what the file lacks, and appends it.

    Args:
        choice: What is measured.
        path: The file of the results.
        where: What `lines.environment` returned.
        jobs: Processes at a time; 1 for reliable times.
        report: Called with how much there is to do, and with the progress after every run.

    Returns:
        All lines of the file.

    Raises:
        FileError: If the file is broken, cannot be written, or is of another machine, version or
            policy, or of other programs of the same names.
    """
    repair(path)
    lines = read_lines(path)
    check_lines(path, lines, where)
    _check_programs(path, lines, choice.sets)
    known = {key(line) for line in lines}
    wanted = [run for run in runs_of(choice) if dataclasses.astuple(run) not in known]
    pace = Pace(lines)
    left = collections.Counter((run.set, run.method, run.budget) for run in wanted)
    if wanted:
        report(f"{len(wanted)} runs, {_duration(pace, left, jobs)}")
    for done, line in enumerate(_measured(wanted, choice.policy, jobs), start=1):
        policy = where["policy"] if METHODS[line["method"]].needs_policy else None
        line |= {**where, "policy": policy}
        append_line(path, line)
        lines.append(line)
        pace.note(line)
        left[line["set"], line["method"], line["budget"]] -= 1
        report(f"{done} of {len(wanted)}: {describe(line)}; {_duration(pace, left, jobs)} left")
    return lines


def describe(line: Line) -> str:
    """Describes a run in a few words.

    Args:
        line: Its line.

    Returns:
        Its name, and its cost or why there is none.
    """
    name = f"{line['set']}/{line['program']} {line['count']} {line['method']} seed {line['seed']}"
    if "failed" in line:
        return f"{name}: {line['failed']}"
    return f"{name}: {line['cost']} in {line['seconds']:.2f} s"


def _duration(pace: Pace, left: Mapping[tuple[Any, ...], int], jobs: int) -> str:
    seconds = sum(number * pace.expected(*alike) for alike, number in left.items()) / jobs
    return f"about {seconds / 60:.0f} min"


def _check_programs(path: Path, lines: Sequence[Line], sets: Sequence[str]) -> None:
    """Refuses results of other programs that had the same names."""
    graphs = {(name, x.name): x.graph for name in sets for x in read_set(name)}
    for line in lines:
        graph = graphs.get((line["set"], line["program"]))
        if graph is not None and graph.fingerprint != line["fingerprint"]:
            raise FileError(
                f"{path} has results of {line['set']}/{line['program']} with the graph "
                f"{line['fingerprint']}, expected {graph.fingerprint}: give another folder with "
                "--out, or remove the file"
            )


def _measured(wanted: Sequence[Run], policy: Path | None, jobs: int) -> Iterator[Line]:
    """Yields lines as they are finished."""
    if jobs == 1:
        yield from (measure(run, policy) for run in wanted)
        return
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(jobs, mp_context=context) as pool:
        futures = [pool.submit(measure, run, policy) for run in wanted]
        try:
            for future in concurrent.futures.as_completed(futures):
                yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)


@functools.cache
def _policy(path: Path) -> Any:
    """Loads the policy, once per process."""
    from elimax.models.checkpoint import load_policy

    return load_policy(path)[0]
