"""How a function of a package becomes a program of any length.

Most functions have only a few vertices. They are put into a tower of layers, or applied to several
sets of operands that depend on one vector of parameters, like the likelihoods of many observations.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from elimax.models.programs.array_draws import Call, constant, extent, floats, some

Function = Callable[..., Any]


class Entry(NamedTuple):
    """One function of a package.

    Attributes:
        name: Its qualified name, as users write it; unique.
        draw: Draws its arguments and which of them are differentiated, from a generator and a
            number of units (layers, terms or leaves): the program grows with it.
    """

    name: str
    draw: Callable[[np.random.Generator, int], Call]


def layered(name: str, function: Function) -> Entry:
    """Uses a shape-preserving function of one array as the activation of a network.

    Args:
        name: Its name.
        function: The function; it may mix rows.

    Returns:
        The entry; a unit is a layer x -> function(x W + b).
    """

    def draw(rng: np.random.Generator, units: int) -> Call:
        rows, width = extent(rng, most=16), extent(rng, 2, 16)
        has_skip = rng.random() < 0.3

        def run(x: Array, weights: Any) -> Array:
            for matrix, bias in weights:
                y = function(x @ matrix + bias)
                x = x + y if has_skip else y
            return x

        weights = [(floats(width, width), floats(width)) for _ in range(units)]
        return Call(run, (floats(rows, width), weights), some(rng, 2))

    return Entry(name, draw)


MOVING: dict[str, Callable[[Array], Array]] = {
    "r": lambda x: x,
    "p": jax.nn.softplus,
    "u": jax.nn.sigmoid,
    "x": jax.nn.softmax,
    "m": lambda x: x,
    "s": lambda x: x @ x.T + np.eye(len(x), dtype=np.float32),
}
"""Operands that depend on the parameters: real, positive, from 0 to 1, probabilities, a square
matrix, a positive definite matrix."""

FIXED: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "R": lambda x: x,
    "P": lambda x: np.exp(0.3 * x),
    "U": lambda x: 1 / (1 + np.exp(-x)),
    "X": lambda x: np.exp(x) / np.exp(x).sum(-1, keepdims=True),
    "B": lambda x: (x > 0).astype(np.float32),
    "C": lambda x: np.floor(np.abs(2 * x)).astype(np.int32),
}
"""Operands that are data: real, positive, from 0 to 1, probabilities, zeros and ones, counts."""


def summed(name: str, function: Function, operands: str) -> Entry:
    """Applies a function to several sets of operands that depend on one vector of parameters.

    Args:
        name: Its name.
        function: The function.
        operands: A letter of `MOVING` or `FIXED` for each of its operands. Vectors may have a batch
            axis, the same for all.

    Returns:
        The entry; a unit is one application. The outputs are the results, or the sum of all their
        entries.
    """

    def draw(rng: np.random.Generator, units: int) -> Call:
        num_parameters, n = extent(rng, 2, 12), extent(rng, 2, 6)
        batch = (extent(rng, 2, 6),) if rng.random() < 0.3 else ()
        shapes = [(n, n) if letter in "ms" else (*batch, n) for letter in operands]
        terms = [
            [
                constant(rng, num_parameters, *shape)
                if letter in MOVING
                else FIXED[letter](constant(rng, *shape))
                for letter, shape in zip(operands, shapes, strict=True)
            ]
            for _ in range(units)
        ]
        is_loss = rng.random() < 0.5

        def run(parameters: Array) -> Any:
            results = []
            for term in terms:
                values = [
                    MOVING[letter](jnp.tensordot(parameters, entry, 1))
                    if letter in MOVING
                    else jnp.asarray(entry)
                    for letter, entry in zip(operands, term, strict=True)
                ]
                results.append(function(*values))
            if is_loss:
                return sum(jnp.sum(x) for x in jax.tree.leaves(results))
            return results

        return Call(run, (floats(num_parameters),), (0,))

    return Entry(name, draw)
