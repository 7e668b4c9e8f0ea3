"""Programs around functions of jax that need more than a tower of layers or a sum of terms."""

from typing import Any

import jax
import jax.numpy as jnp
import jax.scipy.interpolate
import jax.scipy.ndimage
import jax.scipy.signal
import numpy as np
from jax import Array, lax

from elimax.models.programs.array_draws import Call, constant, extent, floats, pick, some
from elimax.models.programs.package_draws import Entry


def _resize(rng: np.random.Generator, units: int) -> Call:
    """An image is resized again and again, with a tanh of its values in between."""
    sides = [(extent(rng, 3, 12), extent(rng, 3, 12)) for _ in range(units + 1)]
    method = pick(rng, ("linear", "cubic", "lanczos3"))

    def run(image: Array) -> Array:
        for side in sides[1:]:
            image = jnp.tanh(jax.image.resize(image, side, method))
        return image

    return Call(run, (floats(*sides[0]),), (0,))


def _scale_and_translate(rng: np.random.Generator, units: int) -> Call:
    """An image is moved and scaled by amounts that are differentiated too."""
    side = extent(rng, 3, 10)

    def run(image: Array, scale: Array, translation: Array) -> Array:
        for _ in range(units):
            image = jax.image.scale_and_translate(
                image, (side, side), (0, 1), scale, translation, "linear"
            )
        return image

    return Call(run, (floats(side, side), floats(2), floats(2)), some(rng, 3))


def _map_coordinates(rng: np.random.Generator, units: int) -> Call:
    """An image is sampled at places that move by the sampled values."""
    side, points = extent(rng, 4, 12), extent(rng, 2, 12)

    def run(image: Array, places: Array) -> Array:
        for _ in range(units):
            found = jax.scipy.ndimage.map_coordinates(image, list(places), 1, mode="nearest")
            places = places + 0.1 * found
        return places

    return Call(run, (floats(side, side), floats(2, points)), some(rng, 2))


def _grid_interpolator(rng: np.random.Generator, units: int) -> Call:
    """Values on a grid are interpolated at several sets of points."""
    side, points = extent(rng, 3, 8), extent(rng, 2, 8)
    axes = (np.arange(side, dtype=np.float32), np.arange(side, dtype=np.float32))

    def run(values: Array, places: Array) -> Array:
        read = jax.scipy.interpolate.RegularGridInterpolator(axes, values, fill_value=0.0)
        return sum((read(places[k]) for k in range(units)), start=jnp.zeros(points))

    return Call(run, (floats(side, side), floats(units, points, 2)), some(rng, 2))


def _associative_scan(rng: np.random.Generator, units: int) -> Call:
    """All prefixes of a product of 2 x 2 matrices or of a linear recurrence, computed in a tree."""
    length, is_matrix = int(rng.integers(3, 9)), rng.random() < 0.5

    def compose(first: Any, second: Any) -> Any:
        if is_matrix:
            return first @ second
        return first[0] * second[0], first[1] * second[0] + second[1]

    def run(first: Array, second: Array) -> Array:
        for _ in range(units):
            if is_matrix:
                first = jnp.tanh(lax.associative_scan(compose, first))
            else:
                second = jnp.tanh(lax.associative_scan(compose, (first, second))[1])
        return first if is_matrix else second

    shape = (length, 2, 2) if is_matrix else (length, extent(rng, most=6))
    return Call(run, (floats(*shape), floats(*shape)), (0,) if is_matrix else some(rng, 2))


def _grad(rng: np.random.Generator, units: int) -> Call:
    """The gradient of a network's loss, as a function of its weights: half of a Hessian."""
    rows, width = extent(rng, 2, 8), extent(rng, 2, 8)
    data, target = constant(rng, rows, width), constant(rng, rows, width)

    def loss(weights: list[Array]) -> Array:
        x = jnp.asarray(data)
        for matrix in weights:
            x = jnp.tanh(x @ matrix)
        return jnp.mean(jnp.square(x - target))

    return Call(jax.grad(loss), ([floats(width, width) for _ in range(units)],), (0,))


def _jvp(rng: np.random.Generator, units: int) -> Call:
    """A value and its derivative along a direction, of a chain of nonlinear steps."""
    size = extent(rng, 2, 16)
    matrices = [constant(rng, size, size) / size for _ in range(units)]

    def curve(x: Array) -> Array:
        for matrix in matrices:
            x = x + jnp.sin(matrix @ x)
        return x

    def run(x: Array, direction: Array) -> Any:
        return jax.jvp(curve, (x,), (direction,))

    return Call(run, (floats(size), floats(size)), some(rng, 2))


def _dot_product_attention(rng: np.random.Generator, units: int) -> Call:
    """Attention of jax.nn, several times, added to the queries each time."""
    tokens, heads, size = extent(rng, 2, 8), extent(rng, most=3), extent(rng, 2, 6)
    is_causal = bool(rng.random() < 0.5)

    def run(query: Array, key: Array, value: Array) -> Array:
        for _ in range(units):
            query = query + jax.nn.dot_product_attention(query, key, value, is_causal=is_causal)
        return query

    return Call(run, tuple(floats(1, tokens, heads, size) for _ in range(3)), some(rng, 3))


def _glu(rng: np.random.Generator, units: int) -> Call:
    """Gated linear units: one half of a layer decides how much of the other passes."""
    width = extent(rng, 2, 12)

    def run(x: Array, weights: list[Array]) -> Array:
        for matrix in weights:
            x = jax.nn.glu(x @ matrix)
        return x

    weights = [floats(width, 2 * width) for _ in range(units)]
    return Call(run, (floats(extent(rng, most=6), width), weights), some(rng, 2))


def _fft(rng: np.random.Generator, units: int) -> Call:
    """A signal is filtered in Fourier space, with a tanh outside of it."""
    size = 2 * extent(rng, 2, 12)

    def run(signal: Array, gains: list[Array]) -> Array:
        for gain in gains:
            signal = jnp.tanh(jnp.fft.irfft(jnp.fft.rfft(signal) * gain, size))
        return signal

    gains = [floats(size // 2 + 1) for _ in range(units)]
    return Call(run, (floats(size), gains), some(rng, 2))


def _detrend(rng: np.random.Generator, units: int) -> Call:
    """The mean of a signal is removed again and again, with a sine in between."""

    def run(signal: Array) -> Array:
        for _ in range(units):
            signal = jnp.sin(jax.scipy.signal.detrend(signal, type="constant"))
        return signal

    return Call(run, (floats(extent(rng, 2, 4), extent(rng, 4, 16)),), (0,))


ENTRIES = (
    Entry("jax.image.resize", _resize),
    Entry("jax.image.scale_and_translate", _scale_and_translate),
    Entry("jax.scipy.ndimage.map_coordinates", _map_coordinates),
    Entry("jax.scipy.interpolate.RegularGridInterpolator", _grid_interpolator),
    Entry("jax.lax.associative_scan", _associative_scan),
    Entry("jax.grad", _grad),
    Entry("jax.jvp", _jvp),
    Entry("jax.nn.dot_product_attention", _dot_product_attention),
    Entry("jax.nn.glu", _glu),
    Entry("jax.numpy.fft.rfft", _fft),
    Entry("jax.scipy.signal.detrend", _detrend),
)
