"""Loss of a perceptron with two layers and layer normalisation between them.

Traced, it is the published graph `Perceptron` vertex by vertex, so that published orders apply.
"""

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from elimax.pipeline.tasks.task import Task

_EPSILON = 1e-6  # keeps the normalisation finite where all features are equal


def mlp(
    features: Array,
    labels: Array,
    hidden_weight: Array,
    hidden_bias: Array,
    output_weight: Array,
    output_bias: Array,
    scale: Array,
    shift: Array,
) -> Array:
    """Computes the cross-entropy of a classifier.

    h = tanh(x W1^T + b1), n = scale (h - mean h) / sqrt(var h + 1e-6) + shift,
    z = tanh(n W2^T + b2), loss = -sum(labels log softmax z).

    Args:
        features: x, shape (1, 4).
        labels: Target probabilities, shape (1, 4).
        hidden_weight: W1, shape (8, 4).
        hidden_bias: b1, shape (8,).
        output_weight: W2, shape (4, 8).
        output_bias: b2, shape (4,).
        scale: Of the normalisation, shape ().
        shift: Of the normalisation, shape ().

    Returns:
        The loss in nats, shape (1,).
    """
    hidden = lax.tanh(_dense(features, hidden_weight, hidden_bias))
    logits = lax.tanh(_dense(_normalise(hidden, scale, shift), output_weight, output_bias))
    return _cross_entropy(logits, labels)


def _dense(operand: Array, weight: Array, bias: Array) -> Array:
    """Computes x W^T + b for x of shape (1, n) and W of shape (m, n)."""
    product = lax.dot_general(weight, operand, (((1,), (1,)), ((), ())))
    product = lax.transpose(product, (1, 0))
    return lax.add(product, lax.broadcast_in_dim(bias, (1, bias.shape[0]), (1,)))


def _normalise(operand: Array, scale: Array, shift: Array) -> Array:
    """Subtracts the mean over the last axis and divides by the standard deviation."""
    width = float(operand.shape[1])
    mean = lax.div(lax.reduce_sum(operand, (1,)), width)
    centred = lax.sub(operand, _column(mean))
    variance = lax.div(lax.reduce_sum(lax.integer_pow(centred, 2), (1,)), width)
    centred = lax.sub(operand, _column(mean))
    deviation = lax.sqrt(lax.add(variance, _EPSILON))
    normalised = lax.div(centred, _column(deviation))
    # The published program converts scale and shift here; a copy stands for the conversion.
    return lax.add(lax.mul(normalised, jnp.copy(scale)), jnp.copy(shift))


def _cross_entropy(logits: Array, labels: Array) -> Array:
    """Computes -sum(labels log softmax(logits)) over the last axis."""
    largest = lax.stop_gradient(_column(lax.reduce_max(logits, (1,))))
    exponentials = lax.exp(lax.sub(logits, largest))
    probabilities = lax.div(exponentials, _column(lax.reduce_sum(exponentials, (1,))))
    return lax.neg(lax.reduce_sum(lax.mul(labels, lax.log(probabilities)), (1,)))


def _column(vector: Array) -> Array:
    """Makes (1, 1) of (1,)."""
    return lax.broadcast_in_dim(vector, (1, 1), (0,))


def example_inputs() -> tuple[np.ndarray, ...]:
    """Returns features, the label of the second class, random weights, scale 1 and shift 0."""
    rng = np.random.default_rng(0)

    def normal(*shape: int) -> np.ndarray:
        return rng.normal(size=shape).astype(np.float32)

    return (
        normal(1, 4),
        np.array([[0.0, 1.0, 0.0, 0.0]], np.float32),
        normal(8, 4),
        normal(8),
        normal(4, 8),
        normal(4),
        np.array(1.0, np.float32),
        np.array(0.0, np.float32),
    )


TASK = Task(
    name="mlp",
    function=mlp,
    example_inputs=example_inputs,
    argnums=(0, 1, 2, 3, 4, 5, 6, 7),
    title="Cross-entropy of a two-layer perceptron with layer normalisation",
    source="Perceptron of Lohoff and Neftci, arXiv 2406.05027",
    about=(
        "39 vertices, the same graph and numbering as Perceptron of the paper, except that "
        "vertices 19 and 21, scale and shift, are `copy` here and `convert_element_type` there; "
        "both are structural. Scale is 1 and shift 0 here, vice versa there."
    ),
)
