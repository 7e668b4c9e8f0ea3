"""A recurrent net with gates, and how to find the scans of a function."""

import jax
import jax.numpy as jnp
import numpy as np

from elimax.interpreter.tracing.call import trace_call
from elimax.interpreter.tracing.flat_call import CallArguments

RNG = np.random.default_rng(0)
W = RNG.normal(size=(3, 6)) / 2
XS = RNG.normal(size=(5, 3))
C = np.asarray([0.3, -0.8, 1.1])


def gated(h, x):
    """One step of a recurrent net with a gate."""
    both = jnp.concatenate([h, x])
    gate = jax.nn.sigmoid(W @ both)
    return (1 - gate) * jnp.tanh(W[::-1] @ both) + gate * h


def scans(function, inputs):
    """The scans in the graph of a function."""
    arguments = CallArguments.of(inputs, {}, tuple(range(len(inputs))))
    equations = trace_call(function, arguments).active.opaque.values()
    return [x for x in equations if x.moving.equation.name == "scan"]
