"""Random scalar programs to learn from: varied graphs that nobody has to write.

Either the equations are drawn one by one, according to a *style*: how far back arguments reach, how
eagerly unused values are picked up, how often inputs are read again, and the mix of operations. Or
a *pattern* of real code is filled with random formulas: see `scalar_patterns`.
"""

from typing import NamedTuple

import numpy as np

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.models.programs.equations import Equation, draw_operation, equation, graph_of
from elimax.models.programs.scalar_patterns import LEAST_VERTICES, PATTERNS


class Style(NamedTuple):
    """What a random program is like; the entries from `from_input` on are probabilities.

    Attributes:
        num_inputs: Number of inputs.
        num_outputs: Approximate number of values that are unused at the end.
        open_values: How many values may wait to be used; more make programs wider.
        reach: Mean distance in vertices between an equation and an argument that it picks from the
            values before it; small makes long chains.
        from_input: An argument is an input.
        popular: An argument is a value that is used already, in proportion to its uses.
        fresh: An argument is a value that waits, even if there is room for more of them.
        unary: An equation has one argument.
        trivial: An equation adds or subtracts.
        early_output: A value that others use is an output as well.
        repeat: An equation begins a copy of an earlier stretch with other arguments, as if one
            function were applied to several states.
    """

    num_inputs: int
    num_outputs: int
    open_values: int
    reach: float
    from_input: float
    popular: float
    fresh: float
    unary: float
    trivial: float
    early_output: float
    repeat: float


def _chain(rng: np.random.Generator, num_vertices: int) -> Style:
    """Deep: arguments are near, few inputs, many unary functions."""
    return Style(
        num_inputs=int(rng.integers(1, 7)),
        num_outputs=int(rng.integers(1, 5)),
        open_values=int(rng.integers(2, 6)),
        reach=rng.uniform(2.0, 8.0),
        from_input=rng.uniform(0.02, 0.15),
        popular=rng.uniform(0.0, 0.1),
        fresh=rng.uniform(0.2, 0.8),
        unary=rng.uniform(0.2, 0.5),
        trivial=rng.uniform(0.1, 0.6),
        early_output=0.02,
        repeat=rng.choice([0.0, 0.05]),
    )


def _wide(rng: np.random.Generator, num_vertices: int) -> Style:
    """Shallow: many inputs and outputs, as in systems of polynomial equations."""
    return Style(
        num_inputs=int(rng.integers(5, 13)),
        num_outputs=int(rng.integers(4, 13)),
        open_values=int(rng.integers(8, 25)),
        reach=num_vertices,
        from_input=rng.uniform(0.15, 0.4),
        popular=rng.uniform(0.0, 0.1),
        fresh=rng.uniform(0.4, 0.8),
        unary=rng.uniform(0.05, 0.3),
        trivial=rng.uniform(0.3, 0.7),
        early_output=0.0,
        repeat=rng.choice([0.0, 0.1]),
    )


def _reuse(rng: np.random.Generator, num_vertices: int) -> Style:
    """Hubs: a few values are used everywhere, as shared factors in physics formulas."""
    return Style(
        num_inputs=int(rng.integers(2, 9)),
        num_outputs=int(rng.integers(1, 7)),
        open_values=int(rng.integers(3, 13)),
        reach=rng.uniform(0.1, 0.6) * num_vertices,
        from_input=rng.uniform(0.02, 0.15),
        popular=rng.uniform(0.15, 0.4),
        fresh=rng.uniform(0.3, 0.7),
        unary=rng.uniform(0.1, 0.4),
        trivial=rng.uniform(0.2, 0.6),
        early_output=0.03,
        repeat=rng.choice([0.0, 0.1]),
    )


def _mixed(rng: np.random.Generator, num_vertices: int) -> Style:
    """Anything between the other styles."""
    return Style(
        num_inputs=int(rng.integers(2, 13)),
        num_outputs=int(rng.integers(1, 13)),
        open_values=int(rng.integers(2, 21)),
        reach=np.exp(rng.uniform(np.log(2.0), np.log(num_vertices + 2.0))),
        from_input=rng.uniform(0.02, 0.3),
        popular=rng.uniform(0.0, 0.3),
        fresh=rng.uniform(0.2, 0.8),
        unary=rng.uniform(0.1, 0.5),
        trivial=rng.uniform(0.1, 0.7),
        early_output=rng.uniform(0.0, 0.1),
        repeat=rng.uniform(0.0, 0.1),
    )


STYLES = {"chain": _chain, "wide": _wide, "reuse": _reuse, "mixed": _mixed}


def random_program(
    rng: np.random.Generator, num_vertices: int, style: str | None = None
) -> ComputationalGraph:
    """Draws the graph of a random scalar program.

    Every vertex lies on a path to an output.

    Args:
        rng: Source of randomness; the same state gives the same graph.
        num_vertices: V, number of equations, at least 1. Programs of `STYLES` have exactly as many,
            those of `PATTERNS` up to a tenth more or fewer, and at least `LEAST_VERTICES`.
        style: A key of `STYLES` or `PATTERNS`; None draws one, a pattern only if V is at least
            `LEAST_VERTICES`.

    Returns:
        The graph.
    """
    names = [*STYLES, *(PATTERNS if num_vertices >= LEAST_VERTICES else ())]
    drawn = style or names[rng.integers(len(names))]
    if drawn in PATTERNS:
        return PATTERNS[drawn](rng, num_vertices)
    return _build(rng, STYLES[drawn](rng, num_vertices), num_vertices)


class Stretch(NamedTuple):
    """Earlier equations that are being copied: the nodes from `first` to before `end`."""

    first: int
    end: int
    shift: int


def _build(rng: np.random.Generator, style: Style, num_vertices: int) -> ComputationalGraph:
    """Draws the equations one by one."""
    num_nodes = style.num_inputs + num_vertices
    equations: list[Equation] = []
    uses = np.zeros(num_nodes, dtype=np.int64)
    copied: Stretch | None = None
    for node in range(style.num_inputs, num_nodes):
        # Towards the end fewer values may wait, so that `num_outputs` are left.
        room = min(style.open_values, style.num_outputs + num_nodes - 1 - node)
        is_crowded = int(np.sum(uses[:node] == 0)) > room
        if copied is not None and node - copied.shift == copied.end:
            copied = None
        if copied is None and not is_crowded and rng.random() < style.repeat:
            copied = _draw_stretch(rng, style.num_inputs, node)
        if copied is None:
            equation = _draw_equation(rng, style, node, uses, is_crowded)
        else:
            original = equations[node - copied.shift - style.num_inputs]
            equation = _copy_equation(rng, style, original, copied, node, uses)
        np.add.at(uses, list(equation.arguments), 1)
        equations.append(equation)
    return graph_of(style.num_inputs, equations, _draw_outputs(rng, style, uses))


def _draw_stretch(rng: np.random.Generator, num_inputs: int, node: int) -> Stretch | None:
    """Earlier equations to copy from this node on, if there are enough."""
    length = int(rng.integers(3, 16))
    if node - num_inputs < length:
        return None
    first = int(rng.integers(num_inputs, node - length + 1))
    return Stretch(first, first + length, node - first)


def _copy_equation(
    rng: np.random.Generator,
    style: Style,
    original: Equation,
    copied: Stretch,
    node: int,
    uses: np.ndarray,
) -> Equation:
    """The same operation on the copies of its arguments, or else on the same or other nodes."""
    arguments = []
    for argument in original.arguments:
        if argument >= copied.first:
            arguments.append(argument + copied.shift)
        elif rng.random() < 0.3:
            arguments.append(argument)
        else:
            arguments.append(_draw_argument(rng, style, node, uses, is_crowded=False))
    return original._replace(arguments=tuple(arguments))


def _draw_equation(
    rng: np.random.Generator, style: Style, node: int, uses: np.ndarray, is_crowded: bool
) -> Equation:
    is_trivial = rng.random() < style.trivial
    is_unary = rng.random() < style.unary and not is_crowded
    name = draw_operation(rng, is_unary, is_trivial)
    seen = uses.copy()
    arguments = []
    for _ in range(1 if is_unary else 2):
        arguments.append(_draw_argument(rng, style, node, seen, is_crowded))
        seen[arguments[-1]] += 1
    return equation(name, *arguments)


def _draw_argument(
    rng: np.random.Generator, style: Style, node: int, uses: np.ndarray, is_crowded: bool
) -> int:
    """The node that an equation reads."""
    near = max(node - int(rng.geometric(min(1.0, 1.0 / style.reach))), 0)
    waiting = np.flatnonzero(uses[:node] == 0)
    is_wanted = rng.random() < style.fresh and len(waiting) > style.num_outputs
    if is_crowded or is_wanted:
        return int(waiting[np.argmin(np.abs(waiting - near))])
    choice = rng.random()
    if choice < style.from_input:
        return int(rng.integers(style.num_inputs))
    if choice < style.from_input + style.popular and uses[:node].any():
        return int(rng.choice(node, p=uses[:node] / uses[:node].sum()))
    return near


def _draw_outputs(rng: np.random.Generator, style: Style, uses: np.ndarray) -> tuple[int, ...]:
    nodes = np.arange(len(uses))
    is_early = rng.random(len(uses)) < style.early_output
    is_output = (nodes >= style.num_inputs) & ((uses == 0) | is_early)
    return tuple(int(node) for node in np.flatnonzero(is_output))
