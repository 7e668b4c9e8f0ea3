"""Forward and reverse elimination."""

import jax.numpy as jnp
import pytest

from elimax.interpreter.graph.order import check_order
from elimax.interpreter.orders.fixed import forward_order, reverse_order
from elimax.interpreter.tracing.call import trace


def graph():
    """Four vertices, of which the second is an output that is used and the last a pure one."""

    def function(x):
        a = jnp.sin(x)
        b = jnp.cos(a)
        c = jnp.tanh(b)
        return b, jnp.exp(c)

    return trace(function, 1.0)


@pytest.mark.parametrize(
    ("make", "name", "vertices"),
    [(forward_order, "forward", (1, 2, 3)), (reverse_order, "reverse", (3, 2, 1))],
)
def test_orders_ascend_and_descend(make, name, vertices):
    """All eliminable vertices, with the graph's fingerprint and the order's name."""
    order = make(graph())
    assert (order.vertices, order.name) == (vertices, name)
    assert order.fingerprint == graph().fingerprint
    assert check_order(graph(), order) == vertices


@pytest.mark.parametrize("make", [forward_order, reverse_order])
def test_nothing_to_eliminate(make):
    """A function that returns its input has the empty order."""
    assert make(trace(lambda x: x, 1.0)).vertices == ()
