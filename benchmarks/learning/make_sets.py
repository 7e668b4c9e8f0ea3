"""Writes the sets of programs of `make bench-learning`.

    python -m benchmarks.learning.make_sets
    PYTHONPATH=. PYTHON -m benchmarks.learning.make_sets --ecosystem

The first command draws the random sets. The second one traces the functions of `make ecosystem`;
PYTHON is the interpreter of that environment, which `benchmarks.ecosystem.environment.prepare`
makes and returns.
"""

import argparse
import gzip
import json
import multiprocessing
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import jax
import numpy as np

from benchmarks.ecosystem.cases import Problem, all_cases
from benchmarks.learning.sets import Program, set_path
from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.tracing.call import trace
from elimax.models.programs.arrays import random_array_program
from elimax.models.programs.scalar import random_program
from elimax.pipeline.checkout.files import write_bytes

ECOSYSTEM = "ecosystem"
ECOSYSTEM_SIZES = (20, 1000)
"""The fewest and the most vertices of a function from another package."""

HELD_OUT = 0x656C696D6178
"""First entry of the seeds; it keeps these streams apart from those of training and validation."""


class RandomSet(NamedTuple):
    """How a set of random programs is drawn.

    Attributes:
        stream: Second entry of the seeds, different for every set; the third is the program's
            number.
        draw: Draws one graph of about a given number of vertices.
        programs: Number of programs.
        smallest: Fewest vertices.
        largest: Most vertices.
    """

    stream: int
    draw: Callable[[np.random.Generator, int], ComputationalGraph]
    programs: int
    smallest: int
    largest: int


RANDOM_SETS = {
    "random_small": RandomSet(0, random_program, 60, 50, 100),
    "random_medium": RandomSet(1, random_program, 20, 200, 300),
    "random_large": RandomSet(2, random_program, 8, 950, 1050),
    "random_arrays": RandomSet(3, random_array_program, 20, 30, 150),
}


def draw_program(recipe: RandomSet, number: int) -> Program:
    """Draws one program of a random set.

    Args:
        recipe: How the set is drawn.
        number: The number of the program.

    Returns:
        The program, named by its number; the same one every time.
    """
    rng = np.random.default_rng((HELD_OUT, recipe.stream, number))
    while True:
        size = int(rng.integers(recipe.smallest, recipe.largest + 1))
        graph = recipe.draw(rng, size)
        # A drawn program may miss the requested size.
        if recipe.smallest <= graph.num_vertices <= recipe.largest:
            return Program(f"{number:02}", graph)


def draw_set(name: str) -> list[Program]:
    """Draws a random set.

    Args:
        name: A key of `RANDOM_SETS`.

    Returns:
        Its programs, the same ones every time.
    """
    recipe = RANDOM_SETS[name]
    return [draw_program(recipe, number) for number in range(recipe.programs)]


def problem_graph(problem: Problem) -> ComputationalGraph:
    """Traces what `jacve` differentiates in a case of `make ecosystem`.

    Args:
        problem: The case, built.

    Returns:
        The graph of its function; of the gradient where the case is about second derivatives.
    """
    fun = jax.grad(problem.fun, problem.positions) if problem.hessian else problem.fun
    return trace(fun, *problem.args, argnums=problem.positions)


def case_program(name: str) -> Program:
    """Traces one case of `make ecosystem`; needs its package.

    Args:
        name: Name of the case.

    Returns:
        Its program.
    """
    with jax.enable_x64(True):
        return Program(name, problem_graph(all_cases()[name].build()))


def trace_ecosystem() -> list[Program]:
    """Traces the cases of `make ecosystem`, each in a process of its own; needs their packages.

    Returns:
        Those whose number of vertices `ECOSYSTEM_SIZES` allows.
    """
    smallest, largest = ECOSYSTEM_SIZES
    # Some of the packages interfere with each other in one process.
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        programs = pool.map(case_program, list(all_cases()), chunksize=1)
    return [x for x in programs if smallest <= x.graph.num_vertices <= largest]


def encode(programs: Iterable[Program]) -> bytes:
    """Writes programs as lines of JSON.

    Args:
        programs: The programs.

    Returns:
        The content of a set's file before it is compressed; equal for equal programs.
    """
    entries = ({"name": program.name, "graph": program.graph.to_dict()} for program in programs)
    lines = (json.dumps(entry, sort_keys=True, separators=(",", ":")) for entry in entries)
    return "".join(f"{line}\n" for line in lines).encode()


def write_set(name: str, programs: Iterable[Program]) -> None:
    """Writes the file of a set; equal programs give equal bytes.

    Args:
        name: The name of the set.
        programs: Its programs.

    Raises:
        FileError: If the file cannot be written.
    """
    write_bytes(set_path(name), gzip.compress(encode(programs), mtime=0))


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command.

    Args:
        arguments: Command-line arguments; None takes those of the process.

    Returns:
        The exit status, 0.
    """
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.learning.make_sets",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--ecosystem", action="store_true", help="trace other packages instead")
    if parser.parse_args(arguments).ecosystem:
        write_set(ECOSYSTEM, trace_ecosystem())
    else:
        for name in RANDOM_SETS:
            write_set(name, draw_set(name))
    return 0


if __name__ == "__main__":
    sys.exit(main())
