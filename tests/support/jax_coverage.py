"""`make coverage-jax`: whether `jacve` gives JAX's Jacobian for every primitive of JAX.

Prints a table by primitive and every case that fails; the exit status is 1 if one does.
"""

import argparse
import collections
import multiprocessing
import os
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from elimax.pipeline.xla_flags import add_xla_flags

# Set before JAX is imported, and inherited by the processes of --jobs.
os.environ.setdefault("JAX_PLATFORMS", "cpu")
add_xla_flags()

import jax  # noqa: E402

from support.jax_cases import all_cases  # noqa: E402
from support.jax_comparison import Outcome, run_case  # noqa: E402

COLUMNS = ("passed", "in part", "wrong", "unsupported", "too large", "no derivative", "no float")
FAILURES = ("wrong", "unsupported")

# JAX keeps what it compiles, which would fill the memory in the course of thousands of cases.
CLEAR_EVERY = 200


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Reads the command line.

    Args:
        arguments: Its words; those of the process if None.

    Returns:
        The options.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--group", action="append", help="only this primitive; may be repeated")
    parser.add_argument("--case", help="only cases with this in their names")
    parser.add_argument("--sample", type=int, help="at most this many cases of each primitive")
    parser.add_argument("--seed", type=int, default=0, help="chooses the points")
    parser.add_argument("--order", default="auto", help="elimination order")
    parser.add_argument("--jobs", type=int, default=1, help="number of processes")
    parser.add_argument("--x32", action="store_true", help="without 64-bit numbers")
    parser.add_argument("--verbose", action="store_true", help="tell why cases are left out")
    return parser.parse_args(arguments)


def selected(options: argparse.Namespace) -> list[int]:
    """Numbers of the cases to run.

    Args:
        options: The command line.

    Returns:
        Positions in `all_cases()`; a sample is spread evenly over a primitive's cases.
    """
    groups: dict[str, list[int]] = collections.defaultdict(list)
    for number, case in enumerate(all_cases()):
        if options.group and case.group_name not in options.group:
            continue
        if options.case is None or options.case in case.fullname:
            groups[case.group_name].append(number)
    if options.sample is None:
        return [number for members in groups.values() for number in members]
    return [
        members[k * len(members) // options.sample]
        for members in groups.values()
        for k in range(options.sample)
        if len(members) >= options.sample or k < len(members)
    ]


def run_numbers(numbers: Sequence[int], options: argparse.Namespace) -> Iterator[Outcome]:
    """Runs cases.

    Args:
        numbers: Positions in `all_cases()`.
        options: The command line.

    Yields:
        Their outcomes, in order.
    """
    if options.jobs == 1:
        yield from (_run(number, options) for number in numbers)
        return
    # JAX's threads do not survive a fork.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(options.jobs, context, _start, (options,)) as pool:
        yield from pool.map(_run, numbers, [options] * len(numbers), chunksize=16)


def _start(options: argparse.Namespace) -> None:
    """Settings of a worker process."""
    jax.config.update("jax_enable_x64", not options.x32)
    warnings.simplefilter("ignore")


def _run(number: int, options: argparse.Namespace) -> Outcome:
    if number % CLEAR_EVERY == 0:
        jax.clear_caches()
    return run_case(all_cases()[number], options.seed, options.order)


def print_table(counts: dict[str, collections.Counter[str]]) -> None:
    """Prints one line per primitive that has something to compare, and the totals.

    Args:
        counts: For every primitive, the number of cases with each outcome.
    """
    width = max(map(len, (*counts, "primitive")))
    print(f"{'primitive':{width}}", *(f"{column:>13}" for column in COLUMNS))
    total: collections.Counter[str] = collections.Counter()
    for group in sorted(counts):
        total.update(counts[group])
        if set(counts[group]) != {"no float"}:
            print(f"{group:{width}}", *(f"{counts[group][column]:13}" for column in COLUMNS))
    print(f"{'total':{width}}", *(f"{total[column]:13}" for column in COLUMNS))


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command.

    Args:
        arguments: Words of the command line; those of the process if None.

    Returns:
        The exit status: 1 if a case is wrong or unsupported.
    """
    options = parse(arguments)
    with jax.enable_x64(not options.x32), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _report(options)


def _report(options: argparse.Namespace) -> int:
    """Runs the cases, prints what fails and the table, and returns the exit status."""
    numbers, start = selected(options), time.monotonic()
    counts: dict[str, Any] = collections.defaultdict(collections.Counter)
    failed = False
    for number, outcome in zip(numbers, run_numbers(numbers, options), strict=True):
        case = all_cases()[number]
        counts[case.group_name][outcome.status] += 1
        failed |= outcome.status in FAILURES
        if outcome.status in FAILURES or (options.verbose and outcome.detail):
            print(f"{outcome.status}: {case.fullname}: {outcome.detail}", flush=True)
    print_table(counts)
    print(f"{len(numbers)} cases in {time.monotonic() - start:.0f} s")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
