"""Values and times of all tasks on a GPU, and training: `jacobians` with settings and a time limit.

`python -m benchmarks.gpu --out results/gpu/h100 --seconds 480` needs a checkout, jax with its
plugin for the device, numpy, equinox, optax and numba, and nothing else. It writes after every case
and resumes from what is there. Without a GPU it runs on the CPU and says so.
"""

import argparse
import itertools
import sys
from collections.abc import Sequence
from pathlib import Path

import jax

from benchmarks import jacobians

OPTIONS = (
    *("--orders", "best", "fewest_nontrivial", "auto"),
    # The most informative batch size comes first, in case the time runs out.
    *("--batch", "65536", "512", "1048576"),
    *("--gigabytes", "20", "--builds", "1", "--case-seconds", "1.5", "--compilers", "8"),
    *("--values", "--training"),
)
ON_CPU = ("--gigabytes", "0.5", "--compilers", "1", "--compile-seconds", "30")
"""Overrides the options above without a GPU: they need its larger memory."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command.

    Args:
        arguments: Command-line arguments; None takes those of the process. Options that it does not
            know are passed on to `jacobians`.

    Returns:
        The exit status of `jacobians`.
    """
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gpu", usage="%(prog)s [TASK ...] --out DIR [--seconds S]"
    )
    add = parser.add_argument
    add("--out", type=Path, required=True, metavar="DIR", help="where the results go")
    add(
        "--seconds",
        type=float,
        default=480.0,
        help="no case is started that may end after this time",
    )
    given, others = parser.parse_known_args(arguments)
    # Words before the first option; those after one may be its values.
    tasks = list(itertools.takewhile(lambda word: not word.startswith("-"), others))
    words = [*OPTIONS]
    if jax.default_backend() == "cpu":
        sys.stderr.write("JAX finds no GPU: measuring on the CPU\n")
        words += ON_CPU
    limits = ("--out", str(given.out), "--seconds", str(given.seconds))
    return jacobians.main([*tasks, *words, *limits, *others[len(tasks) :]])


if __name__ == "__main__":
    jacobians.leave(main())
