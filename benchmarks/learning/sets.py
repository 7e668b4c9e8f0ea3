"""The programs that policies are measured on, which training must not use.

`graphs/SET.jsonl.gz` holds one set, a line {"name", "graph"} for every program; `make_sets` writes
these files. The set `tasks` is traced from five of the project's own tasks.
"""

import functools
import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.orders import is_scalar, task_graph
from elimax.interpreter.graph.computational_graph import ComputationalGraph

FOLDER = Path(__file__).with_name("graphs")
SUFFIX = ".jsonl.gz"
COMMAND = "python -m benchmarks.learning.make_sets"

TASKS = "tasks"
HELD_OUT_TASKS = (
    "human_heart_dipole",
    "black_scholes_hessian",
    "bundle_adjustment",
    "lstm_rollout",
    "kerr_metric",
)

TIMED = {
    "random_small": 12,
    "random_medium": 6,
    "random_large": 2,
    "random_arrays": 8,
    "ecosystem": 12,
}
"""On how many programs of a set timed methods run without --full; on all, if not named here."""


class Program(NamedTuple):
    """One program of a set.

    Attributes:
        name: Its name, unique in the set.
        graph: Its graph.
    """

    name: str
    graph: ComputationalGraph

    @property
    def has_arrays(self) -> bool:
        """Whether any value is an array of more than one number."""
        return not is_scalar(self.graph)


def set_names() -> tuple[str, ...]:
    """The names of all sets."""
    files = sorted(path.name.removesuffix(SUFFIX) for path in FOLDER.glob(f"*{SUFFIX}"))
    return (*files, TASKS)


@functools.cache
def read_set(name: str) -> tuple[Program, ...]:
    """Reads the programs of a set.

    Args:
        name: One of `set_names()`.

    Returns:
        The programs.

    Raises:
        ValueError: If there is no such set.
        GraphFormatError: If a graph has another schema.
    """
    if name == TASKS:
        return tuple(Program(task, task_graph(task)) for task in HELD_OUT_TASKS)
    if name not in set_names():
        known = ", ".join(set_names())
        raise ValueError(f"there is no set {name!r}; choose from {known}, or write it: {COMMAND}")
    lines = gzip.decompress(set_path(name).read_bytes()).splitlines()
    entries = map(json.loads, lines)
    return tuple(
        Program(entry["name"], ComputationalGraph.from_dict(entry["graph"])) for entry in entries
    )


def spread(programs: Sequence[Program], number: int) -> list[Program]:
    """Chooses some programs of a set, evenly spread, since similar ones may be adjacent.

    Args:
        programs: The programs.
        number: How many.

    Returns:
        That many of them, or all if there are fewer; the same ones every time.
    """
    number = min(number, len(programs))
    return [programs[k * len(programs) // number] for k in range(number)]


def set_path(name: str) -> Path:
    """Where the programs of a set are."""
    return FOLDER / f"{name}{SUFFIX}"
