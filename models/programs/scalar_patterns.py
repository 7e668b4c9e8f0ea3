"""Patterns of scalar code, filled with random formulas: loops, grids, systems, reductions.

Each pattern takes the wanted number of vertices, at least `LEAST_VERTICES`, and meets it within a
tenth. Every vertex lies on a path to an output.
"""

from collections.abc import Callable

import numpy as np

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.models.programs.formulas import Tape, draw_formula

LEAST_VERTICES = 20
"""The smallest program of a pattern; smaller ones would have no second step, point or row."""


def rollout(rng: np.random.Generator, num_vertices: int) -> ComputationalGraph:
    """One cell is applied step by step to a small state, as in an integrator or a recurrent net.

    All steps share the parameters, and each may have an input of its own. Outputs are the last
    state, all states, or the sum of squares of the last state.

    Args:
        rng: Source of randomness.
        num_vertices: V, about.

    Returns:
        The graph.
    """
    size = int(rng.integers(1, 5))
    output = rng.choice(["last", "all", "loss"])
    inside = num_vertices - (2 * size - 1 if output == "loss" else 0)
    # At most a fifth as many steps as vertices, so that cells have at least five equations.
    steps = _between(rng, inside / 20, inside / 5)
    cell_size = round(inside / steps)
    parameters = int(rng.integers(0, max(1, min(6, cell_size - size))))
    controls = int(rng.random() < 0.5 and size + parameters < cell_size)
    cell = draw_formula(rng, size + parameters + controls, cell_size, size)
    tape = Tape(size + parameters + controls * steps)
    state = list(range(size))
    shared = list(range(size, size + parameters))
    outputs = []
    for step in range(steps):
        own = [size + parameters + step] if controls else []
        state = tape.apply(cell, state + shared + own)
        outputs += state if output == "all" or step == steps - 1 else []
    if output == "loss":
        outputs = [_reduced(tape, rng, [tape.append("integer_pow", x) for x in state], ("add",))]
    return tape.graph(outputs)


def stencil(rng: np.random.Generator, num_vertices: int) -> ComputationalGraph:
    """One formula at every point of a grid reads the point and its neighbours, sweep by sweep.

    The grid has one or two dimensions. It is periodic, or border points read themselves in place of
    missing neighbours. All points are outputs.

    Args:
        rng: Source of randomness.
        num_vertices: V, about.

    Returns:
        The graph.
    """
    is_flat = num_vertices >= 60 and rng.random() < 0.5
    offsets = [(0, 0), (0, 1), (0, -1)] + ([(1, 0), (-1, 0)] if is_flat else [])
    parameters = int(rng.integers(0, 3))
    slots = len(offsets) + parameters
    updates = _between(rng, num_vertices / 20, num_vertices / max(5, slots + 1))
    sweeps = int(rng.integers(1, max(2, min(6, updates // 4 + 1))))
    points = max(2, updates // sweeps)
    rows = int(rng.integers(2, max(3, int(points**0.5) + 1))) if is_flat else 1
    columns = points // rows
    formula = draw_formula(rng, slots, round(num_vertices / (sweeps * rows * columns)))
    is_periodic = rng.random() < 0.5
    tape = Tape(rows * columns + parameters)
    shared = list(range(rows * columns, rows * columns + parameters))
    field = np.arange(rows * columns).reshape(rows, columns)
    for _ in range(sweeps):
        padded = np.pad(field, 1, mode="wrap" if is_periodic else "edge")
        new = np.empty_like(field)
        for row, column in np.ndindex(*field.shape):
            around = [int(padded[row + 1 + down, column + 1 + right]) for down, right in offsets]
            (new[row, column],) = tape.apply(formula, around + shared)
        field = new
    return tape.graph(field.ravel().tolist())


def system(rng: np.random.Generator, num_vertices: int) -> ComputationalGraph:
    """Rows that are sums of shared terms, as in chemical kinetics or the flow in a network.

    A term is one of a few formulas of one to three neighbouring unknowns; each is used in several
    rows, some with a coefficient.

    Args:
        rng: Source of randomness.
        num_vertices: V, about.

    Returns:
        The graph.
    """
    uses = int(rng.integers(1, 4))
    slots = int(rng.integers(1, 4))
    size = int(rng.integers(slots, slots + 4))
    # A term has `size` equations and is added `uses` times, and the first of a row needs no sum.
    per_row = rng.uniform(2.0, 5.0)
    num_terms = max(2, int(num_vertices / (size + uses - uses / per_row)))
    rows = max(1, min(int(num_terms * uses / per_row), num_terms * uses // 2))
    unknowns = max(slots, min(num_terms, int(rows * rng.uniform(0.7, 1.3))))
    formulas = [draw_formula(rng, slots, size) for _ in range(rng.integers(1, 4))]
    reach = unknowns if rng.random() < 0.5 else min(unknowns, slots + 2)
    tape = Tape(unknowns)
    terms = []
    for place in rng.permutation(num_terms):
        # Every term reads its first unknown, so with at least as many terms none is left out.
        near = [0, *(1 + rng.choice(reach - 1, slots - 1, replace=False) if slots > 1 else ())]
        read = [int(place + offset) % unknowns for offset in near]
        terms += tape.apply(formulas[rng.integers(len(formulas))], read)
    dealt = [terms[i] for _ in range(uses) for i in rng.permutation(num_terms)]
    spare = num_vertices - num_terms * size - len(dealt) + rows
    scaled = rng.permutation(len(dealt))[: max(0, spare)]
    for place in scaled:
        dealt[place] = tape.append("mul_literal", dealt[place])
    outputs = [_reduced(tape, rng, dealt[row::rows], ("add", "sub")) for row in range(rows)]
    return tape.graph(outputs)


def tree(rng: np.random.Generator, num_vertices: int) -> ComputationalGraph:
    """A formula of every leaf, and a reduction to one value, as in a loss or a likelihood.

    The reduction adds, multiplies or does both, pair by pair or one leaf after the other. Leaves
    may share parameters.

    Args:
        rng: Source of randomness.
        num_vertices: V, about.

    Returns:
        The graph.
    """
    parameters = int(rng.integers(0, 4))
    own = int(rng.integers(1, 3))
    size = int(rng.integers(own + parameters, own + parameters + 3))
    leaves = max(2, (num_vertices + 1) // (size + 1))
    formula = draw_formula(rng, own + parameters, size)
    tape = Tape(own * leaves + parameters)
    shared = list(range(own * leaves, own * leaves + parameters))
    values = []
    for leaf in range(leaves):
        values += tape.apply(formula, [*range(own * leaf, own * leaf + own), *shared])
    for leaf in range(max(0, num_vertices + 1 - leaves * (size + 1))):
        values[leaf % leaves] = tape.append("sin", values[leaf % leaves])
    names = (("add",), ("mul",), ("add", "mul"), ("add", "sub", "mul"))[rng.integers(4)]
    return tape.graph([_reduced(tape, rng, values, names)])


PATTERNS: dict[str, Callable[[np.random.Generator, int], ComputationalGraph]] = {
    "rollout": rollout,
    "stencil": stencil,
    "system": system,
    "tree": tree,
}


def _between(rng: np.random.Generator, least: float, most: float) -> int:
    """Draws an integer of at least 2, log-uniformly."""
    return max(2, int(np.exp(rng.uniform(np.log(least), np.log(most)))))


def _reduced(
    tape: Tape, rng: np.random.Generator, values: list[int], names: tuple[str, ...]
) -> int:
    """Reduces values to one by binary operations, pair by pair or one by one."""
    is_balanced = rng.random() < 0.5
    values = list(values)
    while len(values) > 1:
        first, second = values.pop(0), values.pop(0)
        result = tape.append(names[rng.integers(len(names))], first, second)
        values.insert(len(values) if is_balanced else 0, result)
    return values[0]
