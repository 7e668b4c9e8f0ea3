"""Which orders `jacve` takes, and that all of them give the same Jacobian."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from elimax.interpreter.differentiation import resolve_order
from elimax.interpreter.errors import InvalidOrderError
from elimax.interpreter.graph.counting import count_multiplications
from elimax.interpreter.jacobian import jacve
from elimax.interpreter.orders import (
    PORTFOLIO,
    best_classic,
    forward_order,
    portfolio,
)
from elimax.interpreter.orders.order_cache import cached_order, isolated_cache
from elimax.interpreter.tracing.call import trace
from support.compare import assert_same_blocks
from support.random_programs import wave

X, Y = jnp.asarray(wave(3), jnp.float32), jnp.asarray(wave(3, phase=5), jnp.float32)


ORDERS = [*PORTFOLIO, "auto", "best_classic", [1, 3, 2, 4], (4, 2, 3, 1), np.array([2, 1, 4, 3])]


def five_vertices(x):
    """Four eliminable vertices and a pure output."""
    return jnp.exp(jnp.sin(jnp.cos(x) * x) * x)


@pytest.mark.parametrize("order", ORDERS, ids=str)
def test_every_order_gives_the_same_jacobian(order):
    """Names, plain numbers in any sequence, and the default."""
    assert_same_blocks(
        jacve(five_vertices, order=order)(X), jax.jacrev(five_vertices)(X), rtol=1e-5
    )


def test_an_order_of_the_graph():
    """An EliminationOrder made from a trace of the function."""
    order = forward_order(trace(five_vertices, X))
    assert_same_blocks(
        jacve(five_vertices, order=order)(X), jax.jacrev(five_vertices)(X), rtol=1e-5
    )


def test_an_order_of_another_graph_is_refused():
    """Another shape is another graph."""
    order = forward_order(trace(five_vertices, X))
    with pytest.raises(InvalidOrderError, match="was made for the graph"):
        jacve(five_vertices, order=order)(jnp.ones(4))


@pytest.mark.parametrize(
    ("order", "message"),
    [
        ([1, 2, 3], "it misses 4"),
        ([1, 2, 3, 4, 4], "it repeats 4"),
        ([1, 2, 3, 4, 5], "it may not eliminate 5"),
        ([1, 2, 3, 40], "it misses 4; it may not eliminate 40"),
        ("revers", "there is no order 'revers'; did you mean 'reverse'"),
    ],
)
def test_faulty_orders_are_refused(order, message):
    """When the Jacobian is called, before anything is computed."""
    with pytest.raises(InvalidOrderError, match=message):
        jacve(five_vertices, order=order)(X)


def test_auto_is_the_best_classic_order():
    """By nontrivial multiplications, which are what is executed; found once per graph."""
    graph = trace(lambda x, y: jnp.sin(x * y) * y, X, Y, argnums=0)
    chosen = resolve_order(graph, "auto")
    assert chosen == best_classic(graph, count="nontrivial")
    assert resolve_order(graph, "auto") is chosen


def test_best_classic_does_not_depend_on_what_was_found():
    """What others build upon, the graph of a Hessian say, must be the same every time."""
    graph = trace(five_vertices, X)
    dear = max(portfolio(graph).values(), key=lambda o: count_multiplications(graph, o).nontrivial)
    with isolated_cache():
        assert cached_order(graph, search=lambda *_: dear) == dear
        assert resolve_order(graph, "auto") == dear
        chosen = resolve_order(graph, "best_classic")
    assert chosen == best_classic(graph, count="nontrivial")
