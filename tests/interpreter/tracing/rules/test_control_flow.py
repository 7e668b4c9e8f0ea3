"""Loops and branches: what stays tied, and values in every order."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from elimax.interpreter.graph.structure import UNTIED
from elimax.interpreter.jacobian import jacve
from elimax.interpreter.tracing.call import trace
from support.compare import assert_equals_jacrev_in_all_orders, assert_same_blocks
from support.opaque import written_edges
from support.random_programs import wave

U = UNTIED


@jax.custom_vjp
def doubled_slope(x):
    """sin with twice its derivative, which only reverse mode knows."""
    return jnp.sin(x)


doubled_slope.defvjp(lambda x: (jnp.sin(x), jnp.cos(x)), lambda kept, ct: (2.0 * kept * ct,))


def running(x, w):
    """Scan over steps of a batch: constant w, carried and stacked values of shape (B,)."""
    return lax.scan(lambda c, y: (jnp.sin(c * y * w), jnp.cos(c)), x[0], x)


def stepwise(x, w):
    """A scan that carries nothing: every step by itself."""
    return lax.scan(lambda c, y: (c, jnp.sin(y) @ w), 0.0, x)[1]


def swapped(x, w):
    """Carried values that change places at every step."""
    first, second = lax.scan(lambda c, y: ((c[1], c[0] * y), None), (x[0], w), x)[0]
    return first + 2.0 * second


def mixed(x, w):
    """A carried matrix is transposed at every step, so no axis stays."""
    return lax.fori_loop(0, 3, lambda i, c: jnp.sin(c.T) + w, x)


FUNCTIONS = {
    "scan": (running, (3, 2), (2,)),
    "map": (stepwise, (3, 2), (2, 2)),
    "swap": (swapped, (3, 2), (2,)),
    "transposing loop": (mixed, (2, 2), (2, 2)),
    "reverse scan": (
        lambda x, w: lax.scan(jax.checkpoint(lambda c, y: (c * y, c)), w, x, reverse=True),
        (3, 2),
        (2,),
    ),
    "no steps": (lambda x, w: lax.scan(lambda c, y: (c * y, c), w, x[:0]), (3, 2), (2,)),
    "cond": (lambda x, w: lax.cond(x[0, 0] > 0, jnp.sin, lambda y: y * w, x), (3, 2), (2,)),
    "switch": (lambda x, w: lax.switch(1, [jnp.sin, lambda y: y[::-1] * w], x), (3, 2), (2,)),
    "nested": (
        lambda x, w: lax.scan(
            lambda c, y: (lax.cond(y[0] > 0, jnp.sin, jnp.cos, c) * y, running(x, c)[1]), w, x
        ),
        (3, 2),
        (2,),
    ),
    "custom vjp in scan": (
        lambda x, w: lax.scan(lambda c, y: (doubled_slope(c * y), c), w, x),
        (3, 2),
        (2,),
    ),
    "custom vjp in jit in cond": (
        lambda x, w: lax.cond(x[0, 0] > 0, jax.jit(doubled_slope), jnp.cos, x * w),
        (3, 2),
        (2,),
    ),
    "integers and keys": (
        lambda x, w: lax.scan(
            lambda c, y: (
                (c[0] + 1, jax.random.split(c[1])[0], c[2] * y + c[0]),
                jax.random.normal(c[1], (2,), w.dtype) * y,
            ),
            (0, jax.random.key(0), w),
            x,
        )[0][2],
        (3, 2),
        (2,),
    ),
    "batch": (lambda x, w: jax.vmap(running, (0, None))(jnp.stack([x, 2 * x]), w), (3, 2), (2,)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_equal_jacrev(name):
    """With respect to both arguments, between other functions."""
    function, *shapes = FUNCTIONS[name]

    def around(x, w):
        return jax.tree.map(jnp.sin, function(jnp.sin(x), jnp.cos(w)))

    with jax.numpy_dtype_promotion("standard"):
        assert_equals_jacrev_in_all_orders(
            around, wave(*shapes[0]), wave(*shapes[1], phase=3), argnums=(0, 1)
        )


def test_ties_of_a_scan():
    """Batch axes stay tied; the steps do, too, where nothing is carried between them."""
    graph = trace(running, jnp.ones((3, 2)), jnp.ones(2), argnums=(0, 1))
    scan, edges = graph.num_inputs + graph.primitives.index("scan"), written_edges(graph)
    final, stacked = edges[0, scan], edges[0, scan + 1]
    assert (final.in_shape, final.ties) == ((3, 2), (U, 0))
    assert (stacked.out_shape, stacked.ties) == ((3, 2), (U, 1))
    assert edges[1, scan].ties == (0,)
    assert edges[1, scan + 1].ties == (1,)
    graph = trace(stepwise, jnp.ones((3, 2)), jnp.ones((2, 4)), argnums=(0, 1))
    out, edges = graph.outputs[0], written_edges(graph)
    assert edges[0, out].ties == (0, U)
    assert edges[1, out].ties == (U, 1)


def test_a_loop_that_transposes_ties_nothing():
    """One step would tie crosswise, two in place: what remains is what both tie."""
    graph = trace(mixed, jnp.ones((2, 2)), jnp.ones((2, 2)), argnums=(0, 1))
    for edge in written_edges(graph).values():
        assert edge.ties == (U, U)


def test_ties_of_branches():
    """What all branches tie; the constant of one branch as that one has it."""
    graph = trace(
        lambda x, w: lax.cond(True, lambda: x.cumsum(1), lambda: jnp.sin(x) * w),
        jnp.ones((2, 3)),
        jnp.ones(3),
        argnums=(0, 1),
    )
    out = graph.outputs[0]
    edges = written_edges(graph)
    assert edges[0, out].ties == (0, U)
    assert edges[1, out].ties == (1,)


@pytest.mark.parametrize("order", ["forward", "reverse", "markowitz"])
def test_while_loops_follow_jacfwd(order):
    """JAX differentiates them forward only; elimination does in any order, and keeps the batch."""

    def function(x, w):
        def body(carry):
            count, value = carry
            return count + 1, jnp.sin(value) * w + value

        steps, value = lax.while_loop(lambda c: c[0] < 3, body, (0, jnp.cos(x)))
        return value * value * steps.astype(value.dtype)

    x, w = jnp.asarray(wave(2, 3), jnp.float32), jnp.asarray(wave(3), jnp.float32)
    ours = jacve(function, (0, 1), order=order)(x, w)
    assert_same_blocks(ours, jax.jit(jax.jacfwd(function, (0, 1)))(x, w), rtol=1e-5)
    graph = trace(function, x, w, argnums=(0, 1))
    loop = graph.primitives.index("while")
    edges = [
        edge
        for (_, succ), edge in written_edges(graph).items()
        if graph.primitives[succ - 2] == "while"
    ]
    assert loop > 0 and sorted(edge.ties for edge in edges) == [(0, 1), (1,)]


def test_steps_share_their_tangents():
    """A scan over T steps of B numbers takes T tangents, not T B."""
    closed = jax.make_jaxpr(jacve(lambda x, w: running(x, w)[0]))(jnp.ones((3, 50)), jnp.ones(50))
    sizes = [np.prod(v.aval.shape) for eqn in closed.jaxpr.eqns for v in eqn.outvars]
    # Only the dense Jacobian itself, (50, 3, 50), is larger.
    assert sorted(sizes)[-1] == 50 * 3 * 50
    assert sum(size > 3 * 3 * 50 for size in sizes) <= 4
