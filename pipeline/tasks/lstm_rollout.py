"""A long short-term memory that runs for eight steps, the loop written out.

Readouts at every step depend on the inputs so far, so that the Jacobian is block triangular.
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from elimax.pipeline.tasks.task import Task

_STEPS = 8
_INPUT = 4
_HIDDEN = 8
_READOUT = 2


class Gate(NamedTuple):
    """Weights of one gate.

    Attributes:
        input: W, shape (8, 4).
        hidden: U, shape (8, 8).
        bias: b, shape (8,).
    """

    input: Array
    hidden: Array
    bias: Array


class Weights(NamedTuple):
    """All weights of the network.

    Attributes:
        input: Gate that lets the candidate into the cell.
        forget: Gate that keeps the cell.
        output: Gate that shows the cell.
        candidate: What may enter the cell.
        readout: Shape (2, 8).
    """

    input: Gate
    forget: Gate
    output: Gate
    candidate: Gate
    readout: Array


def lstm_rollout(
    hidden: Array, cell: Array, inputs: tuple[Array, ...], weights: Weights
) -> tuple[Array, ...]:
    """Runs the network and reads it out after every step.

    c' = s(f) c + s(i) tanh(g), h' = s(o) tanh(c'), y = R h', where s is the logistic function and
    each of i, f, o and g is W x + U h + b with weights of its own.

    Args:
        hidden: h before the first step, shape (8,).
        cell: c before the first step, shape (8,).
        inputs: x of each step, each of shape (4,).
        weights: The weights, the same in all steps.

    Returns:
        y of each step, each of shape (2,).
    """
    readouts = []
    for signal in inputs:
        hidden, cell = _step(hidden, cell, signal, weights)
        readouts.append(weights.readout @ hidden)
    return tuple(readouts)


def _step(hidden: Array, cell: Array, signal: Array, weights: Weights) -> tuple[Array, Array]:
    """Advances the hidden state and the cell by one step."""
    entering = lax.logistic(_mix(weights.input, signal, hidden))
    keeping = lax.logistic(_mix(weights.forget, signal, hidden))
    showing = lax.logistic(_mix(weights.output, signal, hidden))
    candidate = jnp.tanh(_mix(weights.candidate, signal, hidden))
    cell = keeping * cell + entering * candidate
    return showing * jnp.tanh(cell), cell


def _mix(gate: Gate, signal: Array, hidden: Array) -> Array:
    """Computes W x + U h + b."""
    return gate.input @ signal + gate.hidden @ hidden + gate.bias


def example_inputs() -> tuple[np.ndarray, np.ndarray, tuple[np.ndarray, ...], Weights]:
    """Returns a random state, eight random inputs, and weights that keep the state moderate."""
    rng = np.random.default_rng(0)

    def normal(*shape: int) -> Any:
        return (rng.normal(size=shape) / np.sqrt(shape[-1])).astype(np.float32)

    gates = [
        Gate(normal(_HIDDEN, _INPUT), normal(_HIDDEN, _HIDDEN), normal(_HIDDEN)) for _ in "ifog"
    ]
    weights = Weights(*gates, readout=normal(_READOUT, _HIDDEN))
    inputs = tuple(rng.normal(size=_INPUT).astype(np.float32) for _ in range(_STEPS))
    return normal(_HIDDEN), normal(_HIDDEN), inputs, weights


TASK = Task(
    name="lstm_rollout",
    function=lstm_rollout,
    example_inputs=example_inputs,
    argnums=(0, 1, 2),
    title="Eight steps of an LSTM with respect to its initial state and inputs",
    source="S. Hochreiter and J. Schmidhuber, Neural Comput. 9 (1997) 1735, with a forget gate",
    about=(
        "Sixteen readouts by a state of sixteen and 32 inputs, about as many rows as the state is "
        "wide: neither mode wins clearly, and each step's own Jacobian can be shared by all later "
        "readouts and all earlier inputs."
    ),
)
