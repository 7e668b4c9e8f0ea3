"""Reductions of whole axes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from elimax.interpreter.graph.structure import UNTIED, Kind, edge_structure
from elimax.interpreter.jacobian import jacve
from elimax.interpreter.tracing.call import trace
from support.compare import assert_equals_jacrev_in_all_orders
from support.random_programs import wave

U = UNTIED
AXES = [None, 0, 1, (0, 2), (1, 2), (0, 1, 2)]


@pytest.mark.parametrize(
    ("function", "axis", "ties", "carried", "kind"),
    [
        (jnp.sum, 1, [0, U], [], Kind.STRUCTURAL),
        (jnp.sum, 0, [U, 0], [], Kind.STRUCTURAL),
        (jnp.sum, None, [U, U], [], Kind.STRUCTURAL),
        (jnp.max, 1, [0, U], [0, 2], Kind.GENERAL),
        (jnp.min, 0, [U, 0], [0, 1], Kind.GENERAL),
        (jnp.prod, None, [U, U], [0, 1], Kind.GENERAL),
    ],
)
def test_structures(function, axis, ties, carried, kind):
    """Sums carry nothing, the others a mask or product over the whole operand."""
    graph = trace(lambda x: function(x, axis=axis), jnp.ones((2, 3)))
    (edge,) = graph.edges.values()
    assert edge == edge_structure(graph.node_shapes[1], (2, 3), ties, carried, kind)


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("name", ["sum", "max", "min", "prod"])
def test_values_equal_jacrev(name, axis):
    """Every reduction over every choice of axes, between two other functions."""
    reduction = getattr(jnp, name)
    assert_equals_jacrev_in_all_orders(
        lambda x: jnp.sin(reduction(jnp.exp(x), axis=axis)), wave(2, 3, 2)
    )


@pytest.mark.parametrize("function", [jnp.max, jnp.min])
def test_ties_are_split_as_jax_splits_them(function):
    """Three equal entries get a third each."""
    x = jnp.array([[1.0, 1.0, 1.0], [0.0, 1.0, 0.0]])
    ours = jacve(lambda x: function(x, axis=1))(x)
    np.testing.assert_array_equal(ours, jax.jacrev(lambda x: function(x, axis=1))(x))


def test_product_with_zeros():
    """The derivative of a product does not divide by its entries."""
    x = jnp.array([0.0, 2.0, 3.0])
    np.testing.assert_array_equal(jacve(jnp.prod)(x), [6.0, 0.0, 0.0])


@pytest.mark.parametrize(
    "function",
    [
        jnp.mean,
        jnp.var,
        jnp.linalg.norm,
        jax.nn.softmax,
        jax.nn.logsumexp,
        jax.nn.standardize,
        jnp.trace,
        lambda x: jnp.cumprod(x, axis=0),
        lambda x: jax.lax.cummax(x, axis=1),
    ],
)
def test_what_is_built_on_reductions(function):
    """Means, norms, softmax and running reductions."""
    assert_equals_jacrev_in_all_orders(lambda x: jnp.sin(function(x)), wave(3, 2))


def test_sum_of_a_broadcast_counts_repeats():
    """Every entry is added as often as it was copied."""

    def function(x):
        return jnp.sin(jnp.broadcast_to(x, (4, 3)).sum(0)), jnp.broadcast_to(x, (4, 3)).sum()

    assert_equals_jacrev_in_all_orders(function, wave(3))
