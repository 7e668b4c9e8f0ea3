"""Draws programs to learn from, of every kind in given shares."""

import dataclasses
from typing import Annotated

import numpy as np

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.numbered_elimination import NumberedElimination
from elimax.interpreter.orders.fixed import reverse_order
from elimax.interpreter.orders.greedy.markowitz import markowitz_order
from elimax.models.programs.array_draws import extent
from elimax.models.programs.arrays import random_array_program
from elimax.models.programs.packages import package_program
from elimax.models.programs.scalar import random_program
from elimax.models.ranges import Range

MOST_STRUCTURES = 512
"""Most structures that reverse and Markowitz together may meet in a program.

Annealing 200,000 orders of array programs stayed within the 4,096 structures that its tables hold
where these two met up to 582, but not where they met 689, and with 20,000 orders not where they met
810. Counting takes a tenth of a second at 300 vertices.
"""

LARGEST_ARRAYS = 300
"""Most vertices of an array program: larger ones take long to trace."""

TRIES = 10
"""Programs that are drawn before a scalar one is taken instead."""


@dataclasses.dataclass(frozen=True)
class ProgramMix:
    """How often each kind of program is drawn.

    Attributes:
        scalar: Share of random scalar programs; shares are relative to their sum.
        arrays: Share of random array programs.
        packages: Share of functions of packages; needs the extra `learn`.
    """

    scalar: Annotated[float, Range(0.0, 1e6)] = 1.0
    arrays: Annotated[float, Range(0.0, 1e6)] = 1.0
    packages: Annotated[float, Range(0.0, 1e6)] = 1.0

    def __post_init__(self) -> None:
        shares = dataclasses.astuple(self)
        if not (min(shares) >= 0.0 and 0.0 < sum(shares) < float("inf")):
            raise ValueError(
                f"the shares of programs are {shares}, but must be finite and non-negative, and at "
                "least one must be positive: pass ProgramMix(scalar=1, arrays=1, packages=1), for "
                "example"
            )


def draw_program(
    rng: np.random.Generator, min_vertices: int, max_vertices: int, mix: ProgramMix
) -> ComputationalGraph:
    """Draws a program of a random kind with a log-uniform number of vertices.

    A program that misses the range or meets more than `MOST_STRUCTURES` edge structures is replaced
    by another of the same kind, and after `TRIES` of them by a random scalar program.

    Args:
        rng: Source of randomness; the same state gives the same graph.
        min_vertices: The fewest vertices.
        max_vertices: The most vertices. Array programs have at most `LARGEST_ARRAYS`, unless
            `min_vertices` is larger.
        mix: The shares.

    Returns:
        The graph.

    Raises:
        ImportError: If functions of packages are drawn and the extra `learn` is not installed.
        ValueError: If the range is empty or begins below 1.
    """
    if not 1 <= min_vertices <= max_vertices:
        raise ValueError(
            f"min_vertices={min_vertices} and max_vertices={max_vertices} must be at least 1, and "
            "max_vertices at least min_vertices"
        )
    shares = np.array(dataclasses.astuple(mix))
    kind = int(rng.choice(len(shares), p=shares / shares.sum()))
    for _ in range(TRIES):
        graph = _draw_kind(rng, kind, min_vertices, max_vertices)
        if min_vertices <= graph.num_vertices <= max_vertices and _has_few_structures(graph):
            return graph
    return random_program(rng, extent(rng, min_vertices, max_vertices), style="mixed")


def structures_met(graph: ComputationalGraph) -> int:
    """Counts the edge structures that an elimination of a graph meets in two cheap orders.

    All orders together meet far more, and finding those takes seconds.

    Args:
        graph: The graph.

    Returns:
        Number of structures of edges, products and sums in reverse or in greedy Markowitz.
    """
    met: set[int] = set()
    for order in (reverse_order(graph), markowitz_order(graph)):
        elimination = NumberedElimination(graph)
        for vertex in order.vertices:
            elimination.eliminate(vertex)
        met |= elimination.met
    return len(met)


def _draw_kind(
    rng: np.random.Generator, kind: int, min_vertices: int, max_vertices: int
) -> ComputationalGraph:
    """A program of one kind, given by its index among the fields of `ProgramMix`."""
    if kind == 0:
        return random_program(rng, extent(rng, min_vertices, max_vertices))
    most = max(min_vertices, min(max_vertices, LARGEST_ARRAYS))
    if kind == 1:
        return random_array_program(rng, extent(rng, min_vertices, most))
    return package_program(rng, min_vertices, most)[1]


def _has_few_structures(graph: ComputationalGraph) -> bool:
    """Whether searches can tabulate the structures they meet; scalar edges have at most three."""
    return not any(graph.node_shapes) or structures_met(graph) <= MOST_STRUCTURES
