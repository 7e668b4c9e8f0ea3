"""What random array programs and functions of packages share: shapes, arguments, tracing."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jax import Array

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.tracing.call import trace

Shape = tuple[int, ...]


class Call(NamedTuple):
    """A function and the arguments that it is traced with.

    Attributes:
        function: Called once, with tracers for what is differentiated. It may draw random numbers.
        arguments: Arrays, `jax.ShapeDtypeStruct` where only the shape matters, or trees of both.
        argnums: Positions of the differentiated arguments.
    """

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    argnums: tuple[int, ...]

    def graph(self) -> ComputationalGraph:
        """Traces the function.

        Returns:
            Its graph, without nodes that have no edges (`connected_part`).

        Raises:
            TracingError: If the function cannot be traced.
        """
        # Packages rely on the promotion of dtypes, whatever the caller has set.
        with jax.numpy_dtype_promotion("standard"):
            graph = trace(self.function, *self.arguments, argnums=self.argnums, allow_int=True)
        return connected_part(graph)


def connected_part(graph: ComputationalGraph) -> ComputationalGraph:
    """Leaves out nodes without edges: inputs that are not differentiated, masks, integers.

    They cost nothing in any order, so there is nothing to learn from them. In functions that
    interpolate, they are most of the graph.

    Args:
        graph: The graph.

    Returns:
        A graph with the same costs, whose nodes all have edges.
    """
    kept = sorted({node for edge in graph.edges for node in edge})
    number = {node: new for new, node in enumerate(kept)}
    num_inputs = sum(node < graph.num_inputs for node in kept)
    return ComputationalGraph(
        num_inputs=num_inputs,
        node_shapes=tuple(graph.node_shapes[node] for node in kept),
        primitives=tuple(graph.primitives[node - graph.num_inputs] for node in kept[num_inputs:]),
        outputs=tuple(number.get(node, -1) for node in graph.outputs),
        edges={(number[pred], number[succ]): edge for (pred, succ), edge in graph.edges.items()},
        hidden=tuple(number[node] for node in graph.hidden if node in number),
    )


def extent(rng: np.random.Generator, least: int = 1, most: int = 64) -> int:
    """Draws the size of an axis, log-uniformly.

    Args:
        rng: Source of randomness.
        least: The smallest size, at least 1.
        most: The largest size.

    Returns:
        The size.
    """
    return int(np.exp(rng.uniform(np.log(least), np.log(most + 1))))


def floats(*shape: int) -> jax.ShapeDtypeStruct:
    """Describes an array argument of which only the shape matters.

    Args:
        *shape: Its shape.

    Returns:
        The description, of float32.
    """
    return jax.ShapeDtypeStruct(shape, np.float32)


def constant(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Draws an array that is part of the program.

    Args:
        rng: Source of randomness.
        *shape: Its shape.

    Returns:
        float32, normally distributed.
    """
    return rng.normal(size=shape).astype(np.float32)


def pick(rng: np.random.Generator, options: Sequence[Any]) -> Any:
    """Draws one of some options; `Generator.choice` would turn them into an array.

    Args:
        rng: Source of randomness.
        options: The options.

    Returns:
        One of them.
    """
    return options[int(rng.integers(len(options)))]


def some(rng: np.random.Generator, number: int) -> tuple[int, ...]:
    """Draws which arguments are differentiated.

    Args:
        rng: Source of randomness.
        number: How many arguments there are, at least 1.

    Returns:
        Their positions, ascending, at least one.
    """
    chosen = np.flatnonzero(rng.random(number) < 0.6)
    return tuple(map(int, chosen)) if len(chosen) else (int(rng.integers(number)),)


def size_of(array: Array) -> int:
    """Returns the number of entries of an array, traced or not."""
    return int(np.prod(array.shape))
