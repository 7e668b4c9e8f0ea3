"""Real functions of the packages that elimax is installed with, traced with random sizes.

The tasks that policies are tested on and the functions that `make ecosystem` runs are left out.
The packages of the extra `learn` are imported when the first program is drawn.
"""

import functools

import jax.numpy as jnp
import numpy as np
from jax import Array

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.models.programs import jax_compositions, jax_functions
from elimax.models.programs.array_draws import Call, extent, floats, pick
from elimax.models.programs.package_draws import Entry

TRIES = 20
"""Entries that are drawn before the chain is taken instead."""

FIRST_UNIT = 10
"""Approximate vertices per unit, as a first guess."""

CHAIN = "chain of jax.numpy functions"
"""Name of the program that is taken if no entry fits."""


@functools.cache
def entries() -> tuple[Entry, ...]:
    """Lists all functions.

    Returns:
        Their entries, with unique names.

    Raises:
        ImportError: If the extra `learn` is not installed.
    """
    from elimax.models.programs import equinox_functions, optax_functions

    return (
        *jax_functions.ENTRIES,
        *jax_compositions.ENTRIES,
        *optax_functions.ENTRIES,
        *equinox_functions.ENTRIES,
    )


def package_program(
    rng: np.random.Generator, min_vertices: int, max_vertices: int
) -> tuple[str, ComputationalGraph]:
    """Draws a function of a package, with sizes for which its number of vertices is in a range.

    The number of vertices is known only after tracing. A program is traced at most twice, then
    another entry is drawn. After `TRIES` entries, for example if the range is narrow, it is a chain
    of elementwise functions of jax.numpy, which can have any number.

    Args:
        rng: Source of randomness; the same state gives the same program.
        min_vertices: The fewest vertices, at least 10 to be of use.
        max_vertices: The most vertices.

    Returns:
        Name of the entry, or `CHAIN`, and the graph.

    Raises:
        ImportError: If the extra `learn` is not installed.
        ValueError: If the range is empty or begins below 1.
    """
    if not 1 <= min_vertices <= max_vertices:
        raise ValueError(
            f"min_vertices={min_vertices} and max_vertices={max_vertices} must be at least 1, and "
            "max_vertices at least min_vertices"
        )
    for _ in range(TRIES):
        entry, seed = pick(rng, entries()), int(rng.integers(1 << 62))
        wanted = extent(rng, min_vertices, max_vertices)
        units = max(1, round(wanted / FIRST_UNIT))
        for _ in range(2):
            graph = entry.draw(np.random.default_rng(seed), units).graph()
            if min_vertices <= graph.num_vertices <= max_vertices:
                return entry.name, graph
            corrected = max(1, round(units * wanted / max(1, graph.num_vertices)))
            if corrected == units:
                break
            units = corrected
    return CHAIN, _chain(rng, extent(rng, min_vertices, max_vertices)).graph()


def _chain(rng: np.random.Generator, num_vertices: int) -> Call:
    """Elementwise functions of one array, one vertex each."""
    names = [pick(rng, ("sin", "tanh", "exp", "arctan", "cosh")) for _ in range(num_vertices)]

    def run(x: Array) -> Array:
        for name in names:
            x = getattr(jnp, name)(x)
        return x

    return Call(run, (floats(extent(rng, most=16)),), (0,))
