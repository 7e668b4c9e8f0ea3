"""An autoencoder that squeezes 784 numbers through 8, differentiated with respect to its input.

Forward mode carries 784 directions through the wide layers before the waist and reverse mode
through those after it; eliminating from both ends to the waist carries 8.
"""

import itertools

import jax.numpy as jnp
import numpy as np
from jax import Array

from elimax.pipeline.tasks.task import Task

_WIDTHS = (784, 256, 8, 256, 784)


def autoencoder_bottleneck(image: Array, layers: tuple[tuple[Array, Array], ...]) -> Array:
    """Reconstructs an image: dense layers with tanh between them, the last one linear.

    Args:
        image: Grey values of 28 x 28 pixels in a row, shape (784,), from 0 to 1.
        layers: Pairs of a weight (m, n) and a bias (m,), for the widths 784-256-8-256-784.

    Returns:
        The reconstruction, shape (784,).
    """
    activation = image
    for weight, bias in layers[:-1]:
        activation = jnp.tanh(weight @ activation + bias)
    weight, bias = layers[-1]
    return weight @ activation + bias


def example_inputs() -> tuple[np.ndarray, tuple[tuple[np.ndarray, np.ndarray], ...]]:
    """Returns a random image and random layers that keep the spread of their input."""
    rng = np.random.default_rng(0)
    image = rng.uniform(size=_WIDTHS[0]).astype(np.float32)
    layers = tuple(
        (
            (rng.normal(size=(after, before)) / np.sqrt(before)).astype(np.float32),
            (0.1 * rng.normal(size=after)).astype(np.float32),
        )
        for before, after in itertools.pairwise(_WIDTHS)
    )
    return image, layers


TASK = Task(
    name="autoencoder_bottleneck",
    function=autoencoder_bottleneck,
    example_inputs=example_inputs,
    argnums=(0,),
    title="Autoencoder 784-256-8-256-784 with respect to its input",
    source="G. E. Hinton and R. R. Salakhutdinov, Science 313 (2006) 504, in small",
    about=(
        "The Jacobian has rank 8 but 784 rows and columns; an order that meets at the waist needs "
        "about 8 million multiplications, forward and reverse mode 162 million."
    ),
)
