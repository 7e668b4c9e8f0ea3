"""Random array programs: JAX functions of a random style and random extents, traced."""

import numpy as np

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.models.programs.array_draws import pick
from elimax.models.programs.array_expressions import expression
from elimax.models.programs.array_styles import STYLES as LOOPS

STYLES = {**LOOPS, "expression": expression}
"""Functions that draw a `Call`, by name; each takes the generator and a number of units."""

VERTICES_PER_UNIT = {
    "network": 5.5,
    "convolutional": 5,
    "recurrence": 11,
    "stencil": 30,
    "iteration": 6,
    "expression": 1.6,
}
"""Approximate vertices per unit, measured: the first guess."""

TOLERANCE = 0.2
"""Permitted deviation from the wanted number of vertices, as a share of it."""

DRAWS = 4
"""Programs that are drawn before the nearest is taken; each is traced with at most two lengths."""

RARE = 0.25
"""Probability of keeping a convolutional program that is drawn: tracing it takes long."""


def random_array_program(
    rng: np.random.Generator, num_vertices: int, style: str | None = None
) -> ComputationalGraph:
    """Draws the graph of a random function of arrays.

    How many vertices a unit of a style (a layer, a step) has is known only after tracing. So the
    number of units is corrected once, and another program is drawn if that does not suffice.

    Args:
        rng: Source of randomness; the same state gives the same graph.
        num_vertices: V, met within a fifth except in rare cases. From 20 to 300 is sensible.
        style: A key of `STYLES`; None draws one.

    Returns:
        The graph.
    """
    nearest: ComputationalGraph | None = None
    for _ in range(DRAWS):
        name, seed = style or _draw_style(rng), int(rng.integers(1 << 62))
        units = max(1, round(num_vertices / VERTICES_PER_UNIT[name]))
        for _ in range(2):
            graph = STYLES[name](np.random.default_rng(seed), units).graph()
            if nearest is None or _distance(graph, num_vertices) < _distance(nearest, num_vertices):
                nearest = graph
            if _distance(graph, num_vertices) <= TOLERANCE * num_vertices:
                return graph
            corrected = max(1, round(units * num_vertices / max(1, graph.num_vertices)))
            if corrected == units:
                break
            units = corrected
    assert nearest is not None
    return nearest


def _draw_style(rng: np.random.Generator) -> str:
    name = pick(rng, list(STYLES))
    return name if name != "convolutional" or rng.random() < RARE else "expression"


def _distance(graph: ComputationalGraph, num_vertices: int) -> int:
    return abs(graph.num_vertices - num_vertices)
