"""Networks of equinox's layers; needs the extra `learn`.

Layers are made from shapes alone: drawing initial weights takes long, and no graph depends on them.
"""

import itertools
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from elimax.models.programs.array_draws import Call, extent, floats, pick, some
from elimax.models.programs.package_draws import Entry

Layers = list[Any]


def _call(
    rng: np.random.Generator,
    make: Callable[[Array], Layers],
    run: Callable[[Layers, Array], Any],
    start: jax.ShapeDtypeStruct,
) -> Call:
    """A network as a function of its weights and its input."""
    layers = eqx.filter_eval_shape(make, jax.random.key(0))
    weights, rest = eqx.partition(layers, lambda x: isinstance(x, jax.ShapeDtypeStruct))
    argnums = some(rng, 2) if jax.tree.leaves(weights) else (1,)
    return Call(lambda weights, x: run(eqx.combine(weights, rest), x), (weights, start), argnums)


def _linear(rng: np.random.Generator, units: int) -> Call:
    """Linear layers with an activation, on a batch."""
    widths = [extent(rng, 2, 16) for _ in range(units + 1)]
    activation = pick(rng, (jnp.tanh, jax.nn.elu, jnp.sin))

    def make(key: Array) -> Layers:
        sizes = itertools.pairwise(widths)
        return [eqx.nn.Linear(before, after, key=key) for before, after in sizes]

    def run(layers: Layers, x: Array) -> Array:
        for layer in layers:
            x = activation(jax.vmap(layer)(x))
        return x

    return _call(rng, make, run, floats(extent(rng, most=16), widths[0]))


def _normed(layer: Callable[[int], Any]) -> Callable[[np.random.Generator, int], Call]:
    """A tower of linear layers with skip connections and a norm in front of each."""

    def draw(rng: np.random.Generator, units: int) -> Call:
        width = extent(rng, 2, 16)

        def make(key: Array) -> Layers:
            return [(layer(width), eqx.nn.Linear(width, width, key=key)) for _ in range(units)]

        def run(layers: Layers, x: Array) -> Array:
            for norm, linear in layers:
                x = x + jnp.tanh(linear(norm(x)))
            return x

        return _call(rng, make, run, floats(width))

    return draw


def _images(
    layer: Callable[[int, int, Array], Any],
) -> Callable[[np.random.Generator, int], Call]:
    """A tower of image layers with an activation, and the mean of each channel at the end."""

    def draw(rng: np.random.Generator, units: int) -> Call:
        channels, side = [extent(rng, most=4) for _ in range(units + 1)], extent(rng, 4, 8)

        def make(key: Array) -> Layers:
            sizes = itertools.pairwise(channels)
            return [layer(before, after, key) for before, after in sizes]

        def run(layers: Layers, x: Array) -> Array:
            for each in layers:
                x = jnp.tanh(each(x))
            return jnp.mean(x, axis=(1, 2))

        return _call(rng, make, run, floats(channels[0], side, side))

    return draw


def _pooling(layer: Callable[[], Any]) -> Callable[[np.random.Generator, int], Call]:
    """Pooling with overlapping windows, each followed by a sine."""

    def draw(rng: np.random.Generator, units: int) -> Call:
        def run(layers: Layers, x: Array) -> Array:
            for each in layers:
                x = jnp.sin(each(x)) * 2.0
            return x

        side = extent(rng, 4, 10)
        start = floats(extent(rng, most=3), side, side)
        return _call(rng, lambda key: [layer() for _ in range(units)], run, start)

    return draw


def _prelu(rng: np.random.Generator, units: int) -> Call:
    """Activations whose slope is a weight."""
    width = extent(rng, 2, 12)

    def make(key: Array) -> Layers:
        return [
            (eqx.nn.Linear(width, width, use_bias=False, key=key), eqx.nn.PReLU(0.2))
            for _ in range(units)
        ]

    def run(layers: Layers, x: Array) -> Array:
        for linear, activation in layers:
            x = activation(linear(x))
        return x

    return _call(rng, make, run, floats(width))


def _weight_norm(rng: np.random.Generator, units: int) -> Call:
    """Linear layers whose weights are a direction and a length."""
    width = extent(rng, 2, 12)

    def make(key: Array) -> Layers:
        linear = [eqx.nn.Linear(width, width, key=key) for _ in range(units)]
        return [eqx.nn.WeightNorm(layer, "weight") for layer in linear]

    def run(layers: Layers, x: Array) -> Array:
        for layer in layers:
            x = jnp.tanh(layer(x))
        return x

    return _call(rng, make, run, floats(width))


def _rotary(rng: np.random.Generator, units: int) -> Call:
    """Attention scores of queries and keys that are rotated by their positions."""
    tokens, size = extent(rng, 2, 8), 2 * extent(rng, 1, 4)

    def make(key: Array) -> Layers:
        layer = lambda: eqx.nn.Linear(size, 2 * size, use_bias=False, key=key)  # noqa: E731
        return [(layer(), eqx.nn.RotaryPositionalEmbedding(size)) for _ in range(units)]

    def run(layers: Layers, x: Array) -> Array:
        for linear, rotary in layers:
            query, key = jnp.split(jax.vmap(linear)(x), 2, axis=-1)
            x = x + jax.nn.softmax(rotary(query) @ rotary(key).T) @ x
        return x

    return _call(rng, make, run, floats(tokens, size))


def _embedding(rng: np.random.Generator, units: int) -> Call:
    """Sums of embedded words through linear layers, one for each of several texts."""
    words, width = extent(rng, 3, 12), extent(rng, 2, 8)
    texts = [rng.integers(0, words, 4) for _ in range(units)]

    def make(key: Array) -> Layers:
        embedding = eqx.nn.Embedding(words, width, key=key)
        return [embedding, eqx.nn.Linear(width, width, key=key)]

    def run(layers: Layers, x: Array) -> list[Array]:
        embedding, linear = layers
        known = [jnp.sum(jax.vmap(embedding)(jnp.asarray(text)), axis=0) for text in texts]
        return [jnp.tanh(linear(word)) @ x for word in known]

    call = _call(rng, make, run, floats(width))
    return call._replace(argnums=(0, 1))


def _deep_set(rng: np.random.Generator, units: int) -> Call:
    """Layers that treat the elements of a set alike and give each the mean of all."""
    width = extent(rng, 2, 10)

    def make(key: Array) -> Layers:
        linear = lambda: eqx.nn.Linear(width, width, key=key)  # noqa: E731
        return [(linear(), linear()) for _ in range(units)]

    def run(layers: Layers, x: Array) -> Array:
        for own, common in layers:
            x = jnp.tanh(jax.vmap(own)(x) + common(jnp.mean(x, axis=0)))
        return x

    return _call(rng, make, run, floats(extent(rng, 2, 8), width))


def _hypernetwork(rng: np.random.Generator, units: int) -> Call:
    """Linear layers whose matrices are the output of other linear layers."""
    width, code = extent(rng, 2, 6), extent(rng, 2, 6)

    def make(key: Array) -> Layers:
        return [eqx.nn.Linear(code, width * width, key=key) for _ in range(units)]

    def run(layers: Layers, x: Array) -> Array:
        signal, state = x[:code], x[code:]
        for layer in layers:
            state = jnp.tanh(layer(signal).reshape(width, width) @ state)
        return state

    return _call(rng, make, run, floats(code + width))


def _sequential(rng: np.random.Generator, units: int) -> Call:
    """`Sequential` with functions between the linear layers, for two inputs that are compared."""
    width = extent(rng, 2, 10)

    def make(key: Array) -> Layers:
        layers: Layers = []
        for _ in range(units):
            layers += [eqx.nn.Linear(width, width, key=key), eqx.nn.Lambda(jnp.tanh)]
        return [eqx.nn.Sequential(layers)]

    def run(layers: Layers, x: Array) -> Array:
        first, second = layers[0](x[0]), layers[0](x[1])
        return jnp.exp(-jnp.sum(jnp.square(first - second)))

    return _call(rng, make, run, floats(2, width))


ENTRIES = (
    Entry("equinox.nn.Linear", _linear),
    Entry("equinox.nn.LayerNorm", _normed(lambda width: eqx.nn.LayerNorm(width))),
    Entry("equinox.nn.RMSNorm", _normed(lambda width: eqx.nn.RMSNorm(width))),
    Entry(
        "equinox.nn.Conv2d",
        _images(lambda before, after, key: eqx.nn.Conv2d(before, after, 3, padding=1, key=key)),
    ),
    Entry(
        "equinox.nn.ConvTranspose2d",
        _images(
            lambda before, after, key: eqx.nn.ConvTranspose2d(before, after, 3, padding=1, key=key)
        ),
    ),
    Entry("equinox.nn.AvgPool2d", _pooling(lambda: eqx.nn.AvgPool2d(3, padding=1))),
    Entry("equinox.nn.MaxPool2d", _pooling(lambda: eqx.nn.MaxPool2d(3, padding=1))),
    Entry("equinox.nn.PReLU", _prelu),
    Entry("equinox.nn.WeightNorm", _weight_norm),
    Entry("equinox.nn.RotaryPositionalEmbedding", _rotary),
    Entry("equinox.nn.Embedding", _embedding),
    Entry("equinox.nn.Sequential", _sequential),
    Entry("deep set of equinox.nn.Linear", _deep_set),
    Entry("hypernetwork of equinox.nn.Linear", _hypernetwork),
)
