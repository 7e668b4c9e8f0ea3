"""Random functions for hypothesis: scalar programs and array programs, called like any function.

A program is a list of steps over numbered nodes, inputs first. Scalar programs keep their values
small while they are drawn, so that no derivative overflows.
"""

import dataclasses
import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np

from elimax.interpreter.graph.computational_graph import ComputationalGraph

Step = tuple[str, tuple[int | float, ...]]

UNARY: dict[str, Callable[[Any], Any]] = {
    "neg": lambda x: -x,
    "sin": jnp.sin,
    "tanh": jnp.tanh,
    "square": lambda x: x * x,
    "bell": lambda x: jnp.exp(-(x * x)),
    "root": lambda x: jnp.sqrt(1.0 + x * x),
}
BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "mul": lambda x, y: x * y,
    "div": lambda x, y: x / (2.0 + y * y),
    "max": jnp.maximum,
}
_ON_FLOATS: dict[str, Callable[..., float]] = {
    **BINARY,
    "neg": lambda x: -x,
    "sin": math.sin,
    "tanh": math.tanh,
    "square": lambda x: x * x,
    "bell": lambda x: math.exp(-x * x),
    "root": lambda x: math.sqrt(1 + x * x),
    "max": max,
}
LARGE = 4.0


@dataclasses.dataclass(frozen=True)
class ScalarProgram:
    """A function of scalars that returns scalars.

    Attributes:
        inputs: Values to differentiate at, one per argument.
        steps: Name of an operation and its operands: node numbers, or floats for literals.
        outputs: Nodes that are returned, inputs among them.
    """

    inputs: tuple[float, ...]
    steps: tuple[Step, ...]
    outputs: tuple[int, ...]

    def __call__(self, *inputs: Any) -> list[Any]:
        """Runs the program."""
        nodes = list(inputs)
        for name, operands in self.steps:
            values = [x if isinstance(x, float) else nodes[x] for x in operands]
            nodes.append((UNARY | BINARY)[name](*values))
        return [nodes[node] for node in self.outputs]


@st.composite
def scalar_programs(
    draw: st.DrawFn, max_steps: int = 30, max_inputs: int = 5, max_outputs: int = 4
) -> ScalarProgram:
    """Draws scalar programs with shared and dead values, literals, x * x and several outputs."""
    numbers = st.floats(0.1, 2.0).map(lambda x: round(x, 3))
    inputs = draw(st.lists(numbers, min_size=1, max_size=max_inputs))
    values, steps = list(inputs), []
    for _ in range(draw(st.integers(1, max_steps))):
        node = st.integers(0, len(values) - 1)
        if abs(values[-1]) > LARGE:
            name, operands = "sin", (len(values) - 1,)
        elif draw(st.booleans()):
            name, operands = draw(st.sampled_from(sorted(UNARY))), (draw(node),)
        else:
            name = draw(st.sampled_from(sorted(BINARY)))
            operands = (draw(node), draw(node | numbers))
        steps.append((name, operands))
        values.append(
            _ON_FLOATS[name](*(x if isinstance(x, float) else values[x] for x in operands))
        )
    outputs = draw(st.lists(st.integers(0, len(values) - 1), min_size=1, max_size=max_outputs))
    return ScalarProgram(tuple(inputs), tuple(steps), (*outputs, len(values) - 1))


# What one array becomes, by name: (fits a shape, function).
ON_ONE: dict[str, tuple[Callable[[tuple[int, ...]], bool], Callable[[Any], Any]]] = {
    "sin": (lambda s: True, jnp.sin),
    "neg": (lambda s: True, lambda x: -x),
    "twice": (lambda s: True, lambda x: 2.0 * x),
    "sum": (lambda s: True, jnp.sum),
    "sum_first": (lambda s: len(s) > 0, lambda x: x.sum(axis=0)),
    "sum_last": (lambda s: len(s) > 1, lambda x: x.sum(axis=-1, keepdims=True)),
    "max_last": (lambda s: len(s) > 0, lambda x: x.max(axis=-1)),
    "prod_first": (lambda s: len(s) > 0, lambda x: (1.5 + jnp.sin(x)).prod(axis=0)),
    "transpose": (lambda s: len(s) > 1, lambda x: x.T),
    "flatten": (lambda s: len(s) != 1, lambda x: x.reshape(-1)),
    "fold": (lambda s: math.prod(s) == 6, lambda x: x.reshape(2, 3)),
    "tail": (lambda s: len(s) > 0 and s[0] > 1, lambda x: x[1:]),
    "first": (lambda s: len(s) > 0, lambda x: x[0]),
    "flip": (lambda s: len(s) > 0, lambda x: x[::-1]),
    "gather": (lambda s: len(s) > 0, lambda x: x[jnp.array([0, x.shape[0] - 1, 0])]),
    "cumsum": (lambda s: len(s) > 0, lambda x: jnp.cumsum(x, axis=0)),
    "softmax": (lambda s: len(s) > 0, jax.nn.softmax),
    "pad": (lambda s: len(s) == 1, lambda x: jnp.pad(x, (1, 0))),
    "relu": (lambda s: True, jax.nn.relu),
    "where": (lambda s: True, lambda x: jnp.where(x > 0.2, jnp.sin(x), 3.0 * x)),
    "outer": (lambda s: len(s) == 1, lambda x: x[:, None] * x[None, :]),
    "copies": (lambda s: len(s) < 3, lambda x: jnp.broadcast_to(x, (2, *x.shape))),
    "merge": (lambda s: len(s) == 3, lambda x: x.reshape(x.shape[0], -1)),
    "flip_last": (lambda s: len(s) > 1, lambda x: x[..., ::-1]),
    "split": (lambda s: len(s) > 0 and s[0] % 2 == 0, lambda x: jnp.split(x, 2)[1]),
    "spread": (lambda s: len(s) > 0, lambda x: _padded_between(x)),
    "cut_at": (lambda s: len(s) > 0 and s[0] > 1, lambda x: _cut_at_run_time(x)),
    "arrange": (
        lambda s: len(s) > 0,
        lambda x: jnp.take_along_axis(x, jnp.argsort(x, axis=-1), axis=-1),
    ),
    "sort": (lambda s: len(s) > 0, lambda x: jnp.sort(x, axis=0)),
    "clip": (lambda s: True, lambda x: jnp.clip(x, -0.55, 0.45)),
    "cumprod": (lambda s: len(s) > 0, lambda x: jnp.cumprod(1.5 + jnp.sin(x), axis=0)),
    "scalars": (
        lambda s: len(s) == 1 and s[0] > 1,
        lambda x: jnp.stack([x[0] * x[-1], jnp.sin(x[1]), x[0]]),
    ),
}
# What two arrays become: (fits two shapes, function).
ON_TWO: dict[str, tuple[Callable[[Any, Any], bool], Callable[[Any, Any], Any]]] = {
    "add": (lambda s, t: _broadcasts(s, t), lambda x, y: x + y),
    "sub": (lambda s, t: _broadcasts(s, t), lambda x, y: x - y),
    "mul": (lambda s, t: _broadcasts(s, t), lambda x, y: x * y),
    "max": (lambda s, t: _broadcasts(s, t), jnp.maximum),
    "div": (lambda s, t: _broadcasts(s, t), lambda x, y: x / (2.0 + y * y)),
    "dot": (
        lambda s, t: 0 < len(s) < 3 and 0 < len(t) < 3 and s[-1] == t[0],
        lambda x, y: x @ y,
    ),
    "at_add": (
        lambda s, t: bool(s and t) and s[1:] == t[1:],
        lambda x, y: x.at[jnp.arange(y.shape[0]) % x.shape[0]].add(y),
    ),
    "at_set": (
        lambda s, t: len(s) > 0 and s[0] > 1 and s[1:] == t,
        lambda x, y: x.at[1].set(y),
    ),
    "dot_t": (
        lambda s, t: len(s) == len(t) == 2 and s[1] == t[1],
        lambda x, y: jnp.einsum("ik,jk->ij", x, y),
    ),
    "concatenate": (
        lambda s, t: bool(s and t) and s[1:] == t[1:],
        lambda x, y: jnp.concatenate([x, y]),
    ),
}


def _padded_between(x: Any) -> Any:
    return jax.lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 1), *[(0, 0, 0)] * (x.ndim - 1)])


def _cut_at_run_time(x: Any) -> Any:
    start = (x.ravel()[0] > 0).astype(jnp.int32)
    starts = (start, *[jnp.zeros((), jnp.int32)] * (x.ndim - 1))
    return jax.lax.dynamic_slice(x, starts, (x.shape[0] - 1, *x.shape[1:]))


SHAPES = ((), (3,), (2, 3), (3, 2))
MAX_SIZE = 12


def _broadcasts(first: tuple[int, ...], second: tuple[int, ...]) -> bool:
    try:
        np.broadcast_shapes(first, second)
    except ValueError:
        return False
    return True


@dataclasses.dataclass(frozen=True)
class ArrayProgram:
    """A function of small arrays that returns a list of arrays.

    Attributes:
        shapes: Shape of every argument.
        steps: Name of an operation and its operands, which are node numbers.
        outputs: Nodes that are returned.
    """

    shapes: tuple[tuple[int, ...], ...]
    steps: tuple[Step, ...]
    outputs: tuple[int, ...]

    def __call__(self, *inputs: Any) -> list[Any]:
        """Runs the program."""
        nodes = list(inputs)
        for name, operands in self.steps:
            nodes.append((ON_ONE | ON_TWO)[name][1](*(nodes[x] for x in operands)))
        return [nodes[node] for node in self.outputs]

    def example_inputs(self) -> tuple[np.ndarray, ...]:
        """Values to differentiate at: float64, no two alike, so that no maximum is tied."""
        return tuple(wave(*shape, phase=3 * k) for k, shape in enumerate(self.shapes))


@st.composite
def array_programs(draw: st.DrawFn, max_steps: int = 8) -> ArrayProgram:
    """Draws array programs: broadcasting, reductions, products, moves, reads and writes.

    Values may be shared or dead, and intermediates and inputs may be returned as well.
    """
    shapes = draw(st.lists(st.sampled_from(SHAPES), min_size=1, max_size=3))
    known, steps = list(shapes), []
    for _ in range(draw(st.integers(1, max_steps))):
        options = _fitting_steps(tuple(known))
        name = draw(st.sampled_from(sorted(options)))
        operands = draw(st.sampled_from(options[name]))
        steps.append((name, operands))
        known.append(_shape_of(name, *(known[x] for x in operands)))
    outputs = draw(st.lists(st.integers(0, len(known) - 1), max_size=2))
    return ArrayProgram(tuple(shapes), tuple(steps), (*outputs, len(known) - 1))


@functools.lru_cache(maxsize=1000)
def _fitting_steps(known: tuple[tuple[int, ...], ...]) -> dict[str, list[tuple[int, ...]]]:
    options: dict[str, list[tuple[int, ...]]] = {}
    for x, shape in enumerate(known):
        for name, (fits, _) in ON_ONE.items():
            if fits(shape) and math.prod(_shape_of(name, shape)) <= MAX_SIZE:
                options.setdefault(name, []).append((x,))
        for y, other in enumerate(known):
            for name, (fits_two, _) in ON_TWO.items():
                if fits_two(shape, other) and math.prod(_shape_of(name, shape, other)) <= MAX_SIZE:
                    options.setdefault(name, []).append((x, y))
    return options


@functools.lru_cache(maxsize=1000)
def _shape_of(name: str, *shapes: tuple[int, ...]) -> tuple[int, ...]:
    arguments = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes]
    return tuple(jax.eval_shape((ON_ONE | ON_TWO)[name][1], *arguments).shape)


def wave(*shape: int, phase: int = 0) -> np.ndarray:
    """Values between -1 and 1 without repetition, in float64."""
    return np.sin(1.0 + 0.7 * np.arange(phase, phase + math.prod(shape))).reshape(shape)


def orders(graph: ComputationalGraph) -> st.SearchStrategy[Sequence[int]]:
    """Draws elimination orders of a graph."""
    return st.permutations(graph.eliminable)
