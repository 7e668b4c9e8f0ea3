"""Loss of two self-attention blocks, each with layer normalisation and a dense layer.

Traced, it is the published graph `Encoder` vertex by vertex, so that published orders apply. As
there, columns are the tokens, except that the softmax of the attention runs over the second axis.
"""

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from elimax.pipeline.tasks.task import Task

_EPSILON = 1e-6  # keeps the normalisation finite where all features are equal


def transformer_encoder(
    tokens: Array,
    labels: Array,
    query_1: Array,
    query_2: Array,
    key_1: Array,
    key_2: Array,
    value_1: Array,
    value_2: Array,
    hidden_weight: Array,
    output_weight: Array,
    hidden_bias: Array,
    output_bias: Array,
    scale_1: Array,
    shift_1: Array,
    scale_2: Array,
    shift_2: Array,
) -> Array:
    """Computes the cross-entropy of a small encoder.

    Each block is n(x + softmax((Q x)^T K x) V x) with n the layer normalisation, followed by a
    dense layer and swish(x) = x / (1 + exp(-x)).

    Args:
        tokens: Embedded tokens, shape (4, 4).
        labels: Target probabilities along the last axis, shape (2, 4).
        query_1: Q of the first block, shape (4, 4).
        query_2: Q of the second block, shape (4, 4).
        key_1: K of the first block, shape (4, 4).
        key_2: K of the second block, shape (4, 4).
        value_1: V of the first block, shape (4, 4).
        value_2: V of the second block, shape (4, 4).
        hidden_weight: Dense layer after the first block, shape (4, 4).
        output_weight: Dense layer after the second block, shape (2, 4).
        hidden_bias: One number for each column, shape (4,).
        output_bias: One number for each row, shape (2, 1).
        scale_1: Of the first normalisation, shape ().
        shift_1: Of the first normalisation, shape ().
        scale_2: Of the second normalisation, shape ().
        shift_2: Of the second normalisation, shape ().

    Returns:
        The loss of each row in nats, shape (2,).
    """
    block = _attend(tokens, query_1, key_1, value_1)
    hidden = _multiply(hidden_weight, _normalise(block, scale_1, shift_1))
    hidden = lax.add(hidden, lax.broadcast_in_dim(hidden_bias, (1, hidden_bias.shape[0]), (1,)))
    hidden = _swish(hidden)
    block = _attend(hidden, query_2, key_2, value_2)
    output = _multiply(output_weight, _normalise(block, scale_2, shift_2))
    return _cross_entropy(_swish(lax.add(output, output_bias)), labels)


def _multiply(left: Array, right: Array) -> Array:
    """Multiplies two matrices."""
    return lax.dot_general(left, right, (((1,), (0,)), ((), ())))


def _softmax(operand: Array) -> Array:
    """Normalises exponentials along the last axis of a matrix."""
    rows = operand.shape[0]
    largest = lax.broadcast_in_dim(lax.reduce_max(operand, (1,)), (rows, 1), (0,))
    exponentials = lax.exp(lax.sub(operand, lax.stop_gradient(largest)))
    total = lax.broadcast_in_dim(lax.reduce_sum(exponentials, (1,)), (rows, 1), (0,))
    return lax.div(exponentials, total)


def _attend(operand: Array, query: Array, key: Array, value: Array) -> Array:
    """Computes x + softmax((Q x)^T K x) V x."""
    queries = _multiply(query, operand)
    keys = _multiply(key, operand)
    values = _multiply(value, operand)
    scores = _softmax(_multiply(lax.transpose(queries, (1, 0)), keys))
    return lax.add(operand, _multiply(scores, values))


def _normalise(operand: Array, scale: Array, shift: Array) -> Array:
    """Normalises a square matrix, row statistics laid along the columns as published."""
    width = operand.shape[1]
    mean = lax.div(lax.reduce_sum(operand, (1,)), float(width))
    centred = lax.sub(operand, lax.broadcast_in_dim(mean, (1, width), (1,)))
    variance = lax.div(lax.reduce_sum(lax.integer_pow(centred, 2), (1,)), float(width))
    centred = lax.sub(operand, lax.broadcast_in_dim(mean, (1, width), (1,)))
    deviation = lax.sqrt(lax.add(variance, _EPSILON))
    normalised = lax.div(centred, lax.broadcast_in_dim(deviation, (1, width), (1,)))
    # The published program converts scale and shift here; a copy stands for the conversion.
    return lax.add(lax.mul(normalised, jnp.copy(scale)), jnp.copy(shift))


def _swish(operand: Array) -> Array:
    """Computes x / (1 + exp(-x)) as x times a logistic function."""
    return lax.mul(operand, lax.div(1.0, lax.add(1.0, lax.exp(lax.neg(operand)))))


def _cross_entropy(logits: Array, labels: Array) -> Array:
    """Computes -sum(labels log softmax(logits)) over the last axis."""
    return lax.neg(lax.reduce_sum(lax.mul(labels, lax.log(_softmax(logits))), (1,)))


def example_inputs() -> tuple[np.ndarray, ...]:
    """Returns random tokens and weights, one label in each row, scales 1 and shifts 0."""
    rng = np.random.default_rng(0)

    def normal(*shape: int) -> np.ndarray:
        # Half the usual spread keeps the attention away from saturation.
        return (0.5 * rng.normal(size=shape)).astype(np.float32)

    one, zero = np.array(1.0, np.float32), np.array(0.0, np.float32)
    return (
        normal(4, 4),
        np.array([[0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]], np.float32),
        *(normal(4, 4) for _ in range(7)),
        normal(2, 4),
        normal(4),
        normal(2, 1),
        one,
        zero,
        one,
        zero,
    )


TASK = Task(
    name="transformer_encoder",
    function=transformer_encoder,
    example_inputs=example_inputs,
    argnums=tuple(range(16)),
    title="Cross-entropy of an encoder with two self-attention blocks",
    source="Encoder of Lohoff and Neftci, arXiv 2406.05027",
    about=(
        "91 vertices, the same graph and numbering as Encoder of the paper, except that vertices "
        "29, 31, 69 and 71, scales and shifts, are `copy` here and `convert_element_type` there; "
        "both are structural. Scales are 1 and shifts 0 here, vice versa there."
    ),
)
