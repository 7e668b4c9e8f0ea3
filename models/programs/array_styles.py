"""Styles of array programs: networks, recurrences, stencils and iterations, of any length.

Each style draws a `Call` of a given number of units: layers, steps or sweeps.
"""

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from elimax.models.programs.array_draws import Call, Shape, constant, extent, floats, pick, some
from elimax.models.programs.iterations import (
    conjugate_gradients,
    momentum_descent,
    newton_schulz,
    power_iteration,
    taylor_squaring,
)

ACTIVATIONS = (jnp.tanh, jnp.sin, lax.logistic, jax.nn.relu, jax.nn.silu, jax.nn.softplus)


class Layer(NamedTuple):
    """A layer, with the shapes of its weights and of its result."""

    apply: Callable[..., Array]
    weights: tuple[Shape, ...]
    shape: Shape


def network(rng: np.random.Generator, units: int) -> Call:
    """Layers in sequence on (tokens, width) or (batch, tokens, width) arrays, perhaps with a loss.

    Dense layers, attention, norms, gates and mixing of tokens, with or without skip connections.

    Args:
        rng: Source of randomness.
        units: Number of layers.

    Returns:
        The call; input, weights or both are differentiated.
    """
    batch = (extent(rng, most=8),) if rng.random() < 0.4 else ()
    shape = start = (*batch, extent(rng, most=16), extent(rng, 2, 32))
    kinds = [_dense] if rng.random() < 0.3 else [_dense, _attention, _norm, _gate, _mixing]
    layers = []
    for _ in range(units):
        layers.append(pick(rng, kinds)(rng, shape))
        shape = layers[-1].shape
    end = _ending(rng)

    def run(x: Array, weights: Any) -> Any:
        for layer, own in zip(layers, weights, strict=True):
            x = layer.apply(x, *own)
        return end(x)

    weights = [tuple(floats(*s) for s in layer.weights) for layer in layers]
    # A network without weights is differentiated by its input.
    argnums = some(rng, 2) if any(weights) else (0,)
    return Call(run, (floats(*start), weights), argnums)


def convolutional(rng: np.random.Generator, units: int) -> Call:
    """Convolutions of images with activations and pooling, averaged over the image at the end.

    Args:
        rng: Source of randomness.
        units: Number of convolutions.

    Returns:
        The call; image, weights or both are differentiated.
    """
    channels = [extent(rng, most=8) for _ in range(units + 1)]
    side, batch, kernel = extent(rng, 6, 16), extent(rng, most=4), int(rng.integers(1, 4))
    activation, end = pick(rng, ACTIVATIONS), _ending(rng)
    pools = rng.random(units) < 0.3
    has_bias = rng.random() < 0.7

    def run(x: Array, weights: Any) -> Any:
        for (filters, bias), pool in zip(weights, pools, strict=True):
            x = lax.conv_general_dilated(x, filters, (1, 1), "SAME")
            x = activation(x + bias[:, None, None] if has_bias else x)
            if pool and x.shape[-1] >= 2:
                x = lax.reduce_window(x, 0.0, lax.add, (1, 1, 2, 2), (1, 1, 2, 2), "VALID") / 4.0
        return end(jnp.mean(x, axis=(2, 3)))

    weights = [
        (floats(after, before, kernel, kernel), floats(after))
        for before, after in itertools.pairwise(channels)
    ]
    return Call(run, (floats(batch, channels[0], side, side), weights), some(rng, 2))


def recurrence(rng: np.random.Generator, units: int) -> Call:
    """A cell that is applied step by step, with an input at every step; the loop is unrolled.

    Args:
        rng: Source of randomness.
        units: Number of steps.

    Returns:
        The call; state, inputs and weights are differentiated, or some of them.
    """
    width, inputs = extent(rng, 2, 32), extent(rng, most=8)
    batch = (extent(rng, most=16),) if rng.random() < 0.3 else ()
    kind = pick(rng, ("plain", "gated", "euler", "midpoint"))
    activation, mode = pick(rng, ACTIVATIONS), pick(rng, ("last", "all", "loss"))
    readout = constant(rng, width, extent(rng, most=4))

    def cell(state: Array, signal: Array, weights: tuple[Array, ...]) -> Array:
        matrix, entry, bias, gate = weights
        move = lambda s: activation(s @ matrix + signal @ entry + bias)  # noqa: E731
        if kind == "plain":
            return move(state)
        if kind == "gated":
            open_ = lax.logistic(state @ gate)
            return state + open_ * (move(state) - state)
        slope = move(state)
        return state + 0.1 * (slope if kind == "euler" else move(state + 0.05 * slope))

    def run(state: Array, signals: Array, weights: tuple[Array, ...]) -> Any:
        seen = []
        for step in range(units):
            state = cell(state, signals[step], weights)
            seen.append(state @ readout)
        if mode == "loss":
            return sum(jnp.sum(x * x) for x in seen)
        return seen if mode == "all" else state

    weights = (floats(width, width), floats(inputs, width), floats(width), floats(width, width))
    arguments = (floats(*batch, width), floats(units, *batch, inputs), weights)
    return Call(run, arguments, some(rng, 3))


def stencil(rng: np.random.Generator, units: int) -> Call:
    """Sweeps of a finite-difference scheme over fields on a grid of one to three dimensions.

    Args:
        rng: Source of randomness.
        units: Number of sweeps.

    Returns:
        The call; fields, coefficients or both are differentiated.
    """
    dimensions, num_fields = pick(rng, (1, 1, 1, 2, 2, 3)), pick(rng, (1, 1, 2))
    grid = tuple(extent(rng, 3, (64, 16, 6)[dimensions - 1]) for _ in range(dimensions))
    is_periodic, is_coupled = rng.random() < 0.5, rng.random() < 0.7
    terms = [pick(rng, ("diffusion", "advection", "flux")) for _ in range(rng.integers(1, 3))]
    reaction, end = pick(rng, (jnp.sin, jnp.square, jnp.exp, jnp.tanh)), _ending(rng)

    def moved(field: Array, axis: int, by: int) -> Array:
        if is_periodic:
            return jnp.roll(field, by, axis)
        before = [(0, 0)] * dimensions
        before[axis] = (1, 0) if by > 0 else (0, 1)
        first = 0 if by > 0 else 1
        return lax.slice_in_dim(jnp.pad(field, before), first, first + grid[axis], axis=axis)

    def change(field: Array, other: Array, rate: Array) -> Array:
        total = rate * reaction(other)
        for axis in range(dimensions):
            left, right = moved(field, axis, 1), moved(field, axis, -1)
            for term in terms:
                if term == "diffusion":
                    total = total + (left - 2.0 * field + right)
                elif term == "advection":
                    total = total - field * (right - left)
                else:
                    flux = (left + field) * jnp.tanh(field - left)
                    total = total + flux - moved(flux, axis, -1)
        return total

    def run(fields: tuple[Array, ...], rate: Array) -> Any:
        for _ in range(units):
            others = fields[::-1] if is_coupled else fields
            pairs = zip(fields, others, strict=True)
            fields = tuple(field + 0.1 * change(field, other, rate) for field, other in pairs)
        return tuple(end(field) for field in fields)

    return Call(run, (tuple(floats(*grid) for _ in range(num_fields)), floats()), some(rng, 2))


def iteration(rng: np.random.Generator, units: int) -> Call:
    """A numerical method of linear algebra, with its loop unrolled.

    Inverses by Newton and Schulz, power iteration, gradient descent with momentum for nonlinear
    least squares, conjugate gradients, matrix exponentials by squaring.

    Args:
        rng: Source of randomness.
        units: Number of steps.

    Returns:
        The call; matrix, vector or both are differentiated.
    """
    n = extent(rng, 2, 32)
    kind = pick(
        rng,
        (newton_schulz, power_iteration, momentum_descent, conjugate_gradients, taylor_squaring),
    )
    end = _ending(rng)
    # In these two the vector enters only in the last step, so the matrix is differentiated as well.
    argnums = (0, 1) if kind in (newton_schulz, taylor_squaring) else some(rng, 2)
    return Call(lambda a, b: end(kind(a, b, units)), (floats(n, n), floats(n)), argnums)


STYLES: dict[str, Callable[[np.random.Generator, int], Call]] = {
    "network": network,
    "convolutional": convolutional,
    "recurrence": recurrence,
    "stencil": stencil,
    "iteration": iteration,
}


def _ending(rng: np.random.Generator) -> Callable[[Array], Array]:
    """What becomes of the last array: it is kept, or reduced to a number."""
    return pick(
        rng, (lambda x: x, lambda x: jnp.sum(x * x), lambda x: jnp.mean(jnp.log1p(jnp.exp(x))))
    )


def _dense(rng: np.random.Generator, shape: Shape) -> Layer:
    """A matrix, a bias and an activation, which may be added to the input."""
    activation, is_skip = pick(rng, ACTIVATIONS), rng.random() < 0.3
    width = shape[-1] if is_skip else extent(rng, 2, 32)

    def apply(x: Array, matrix: Array, bias: Array) -> Array:
        y = activation(x @ matrix + bias)
        return x + y if is_skip else y

    return Layer(apply, ((shape[-1], width), (width,)), (*shape[:-1], width))


def _attention(rng: np.random.Generator, shape: Shape) -> Layer:
    """Softmax attention with several heads, perhaps masked, added to the input."""
    heads, size, width = extent(rng, most=4), extent(rng, 2, 8), shape[-1]
    mask = np.tril(np.ones((shape[-2], shape[-2]), bool)) if rng.random() < 0.5 else None

    def apply(x: Array, queries: Array, keys: Array, values: Array, out: Array) -> Array:
        q, k, v = (jnp.einsum("...tw,whd->...htd", x, y) for y in (queries, keys, values))
        scores = jnp.einsum("...htd,...hsd->...hts", q, k) / float(np.sqrt(size))
        scores = scores if mask is None else jnp.where(mask, scores, -1e9)
        mixed = jnp.einsum("...hts,...hsd->...htd", jax.nn.softmax(scores), v)
        return x + jnp.einsum("...htd,hdw->...tw", mixed, out)

    return Layer(apply, (*[(width, heads, size)] * 3, (heads, size, width)), shape)


def _norm(rng: np.random.Generator, shape: Shape) -> Layer:
    """Normalisation over the width, with or without subtracting the mean, and a scale."""
    is_centred = rng.random() < 0.6

    def apply(x: Array, scale: Array) -> Array:
        y = x - jnp.mean(x, axis=-1, keepdims=True) if is_centred else x
        return scale * y * lax.rsqrt(jnp.mean(y * y, axis=-1, keepdims=True) + 1e-5)

    return Layer(apply, ((shape[-1],),), shape)


def _gate(rng: np.random.Generator, shape: Shape) -> Layer:
    """One matrix computes a value and another how much of it passes."""
    activation, width = pick(rng, ACTIVATIONS), extent(rng, 2, 32)
    weights = ((shape[-1], width), (shape[-1], width))
    return Layer(
        lambda x, value, gate: (x @ value) * activation(x @ gate), weights, (*shape[:-1], width)
    )


def _mixing(rng: np.random.Generator, shape: Shape) -> Layer:
    """A dense layer along the tokens."""
    activation = pick(rng, ACTIVATIONS)
    return Layer(
        lambda x, matrix: x + activation(jnp.einsum("ts,...sw->...tw", matrix, x)),
        ((shape[-2], shape[-2]),),
        shape,
    )
