"""`make bench-learning`: the learned policy next to rules and annealing, on programs it never saw.

The same command resumes where the last one ended, even if that was killed. Without options it
takes about half an hour on an otherwise idle core; with --full about six hours.
"""

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.learning.charts import charts
from benchmarks.learning.lines import environment, read_lines, say
from benchmarks.learning.methods import FULL, METHODS, SHORT
from benchmarks.learning.runner import Choice, run_all
from benchmarks.learning.sets import TIMED, set_names
from benchmarks.learning.tables import markdown_text
from elimax.pipeline.checkout.files import Layout, require_file, write_text
from elimax.pipeline.errors import FileError


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Reads the command line.

    Args:
        arguments: Its arguments; those of the process if None.

    Returns:
        The options.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.learning", description=__doc__)
    add = parser.add_argument
    add("--sets", nargs="+", choices=set_names(), default=set_names(), metavar="SET",
        help=f"any of {', '.join(set_names())}; by default all")  # fmt: skip
    add("--full", action="store_true",
        help="adds searches with the policy alone, longer annealing, three seeds, and timed "
        "methods on all programs instead of some")  # fmt: skip
    add("--methods", nargs="+", choices=METHODS, metavar="METHOD",
        help=f"any of {', '.join(METHODS)}")  # fmt: skip
    add("--counts", nargs="+", choices=("all", "nontrivial"), default=("all",),
        help="which multiplications to save")  # fmt: skip
    add("--seeds", type=int, metavar="N",
        help="runs of each random method; by default 1, with --full 3")  # fmt: skip
    add("--seconds", type=float, default=10.0, help="time limit of the timed methods")
    add("--programs", type=int, metavar="N", help="only the first N programs of a set")
    add("--jobs", type=int, default=1, help="runs at a time; use 1 for reliable times")
    add("--policy", type=Path, help="a file written by save_policy; by default the shipped policy")
    add("--out", type=Path, default=Path(".state/learning"), metavar="DIR",
        help="where lines.jsonl, table.md and the curves go")  # fmt: skip
    add("--tables", action="store_true", help="measure nothing, only rewrite the tables")
    options = parser.parse_args(arguments)
    if options.methods is None:
        options.methods = FULL if options.full else SHORT
    if options.seeds is None:
        options.seeds = 3 if options.full else 1
    if min(options.seeds, options.jobs) < 1 or not 0 < options.seconds < math.inf:
        parser.error("--seeds, --jobs and --seconds must be positive")
    if options.programs is not None and options.programs < 1:
        parser.error("--programs must be positive")
    return options


def choice_of(options: argparse.Namespace) -> Choice:
    """Turns the options into a choice of what to measure.

    Args:
        options: What `parse` returned.

    Returns:
        The choice, with a policy if one of the methods needs it.

    Raises:
        FileError: If the file of the policy is missing.
    """
    policy = None
    if any(METHODS[name].needs_policy for name in options.methods):
        policy = require_file(options.policy or Layout.find().pretrained_policy, "make")
    return Choice(
        sets=options.sets,
        methods=options.methods,
        counts=options.counts,
        seeds=range(options.seeds),
        seconds=options.seconds,
        programs=options.programs,
        policy=policy,
        timed={} if options.full else TIMED,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command.

    Args:
        arguments: Command-line arguments; those of the process if None.

    Returns:
        The exit status: 1 if results cannot be read, written or added to.
    """
    options = parse(arguments)
    path = options.out / "lines.jsonl"
    try:
        if options.tables:
            lines = read_lines(path)
        else:
            choice = choice_of(options)
            where = environment(choice.policy)
            lines = run_all(choice, path, where, jobs=options.jobs, report=say)
        text = markdown_text(lines)
        write_text(options.out / "table.md", text)
        for name, picture in charts(lines).items():
            write_text(options.out / name, picture + "\n")
    except FileError as error:
        say(str(error))
        return 1
    sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
