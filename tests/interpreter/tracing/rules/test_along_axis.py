"""Primitives that work along some axes: the others stay tied."""

import jax
import jax.numpy as jnp
import pytest
from jax import lax

from elimax.interpreter.graph.pair_structure import written_structure
from elimax.interpreter.graph.structure import UNTIED, Kind, edge_structure
from elimax.interpreter.tracing.call import trace
from support.compare import assert_equals_jacrev_in_all_orders
from support.random_programs import wave

U = UNTIED

# Function of x with shape (2, 3), shape of the result, ties; complex results stand in parts.
FUNCTIONS = {
    "cumprod": (lambda x: lax.cumprod(x, 1), (2, 3), [0, U]),
    "cumprod reverse": (lambda x: lax.cumprod(x, 0, reverse=True), (2, 3), [U, 1]),
    "cummax": (lambda x: lax.cummax(x, 1), (2, 3), [0, U]),
    "cummin": (lambda x: lax.cummin(x, 0), (2, 3), [U, 1]),
    "cumlogsumexp": (lambda x: lax.cumlogsumexp(x, 1), (2, 3), [0, U]),
    "sort": (lambda x: lax.sort(x, dimension=0), (2, 3), [U, 1]),
    "sort last": (lambda x: lax.sort(x, dimension=-1), (2, 3), [0, U]),
    "top_k": (lambda x: lax.top_k(x, 2)[0], (2, 2), [0, U]),
    "approx_top_k": (lambda x: lax.approx_max_k(x, 2)[0], (2, 2), [0, U]),
    "approx_top_k first": (
        lambda x: lax.approx_min_k(x, 1, reduction_dimension=0)[0],
        (1, 3),
        [U, 1],
    ),
    "fft": (lambda x: jnp.fft.rfft(x), (2, 2, 2), [0, U]),
    "fft over all": (lambda x: jnp.fft.rfft2(x), (2, 2, 2), [U, U]),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_other_axes_stay_tied(name):
    """Carried are all labels, of a transform those it works on; tied are the axes left alone."""
    function, out_shape, ties = FUNCTIONS[name]
    # A transform ends in complex numbers, which stand in the graph as real and imaginary parts.
    graph = trace(lambda x: jnp.real(function(x)), jnp.ones((2, 3)))
    edge = written_structure(graph.edges[0, 1])
    carried = (1, 2, 4) if name == "fft" else range(len(out_shape) + 2)
    assert edge == edge_structure(out_shape, (2, 3), ties, carried, Kind.GENERAL)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_equal_jacrev(name):
    """Between other functions; complex results through their parts."""
    function = FUNCTIONS[name][0]

    def around(x):
        y = function(jnp.sin(x))
        return jnp.sin(y.real) * y.imag if jnp.iscomplexobj(y) else jnp.sin(y)

    assert_equals_jacrev_in_all_orders(around, wave(2, 3))


def test_sort_with_several_operands():
    """Every result depends on its own operand; keys decide the order only."""

    def function(x, y):
        return lax.sort((jnp.sin(x), jnp.cos(y)), dimension=1, num_keys=1)

    graph = trace(function, jnp.ones((2, 3)), jnp.ones((2, 3)), argnums=(0, 1))
    sort = graph.num_inputs + graph.primitives.index("sort")
    assert graph.edges[sort - 1, sort + 1].ties == (0, U)
    assert_equals_jacrev_in_all_orders(function, wave(2, 3), wave(2, 3, phase=2), argnums=(0, 1))


def test_large_batches_need_no_large_blocks():
    """The Jacobian of 1000 short transforms is never 1000 times too large on the way."""

    def function(x):
        return jnp.abs(jnp.fft.fft(x)).sum(axis=1)

    from elimax.interpreter.jacobian import jacve

    closed = jax.make_jaxpr(jax.vmap(jacve(lambda x: function(x[None])[0])))(jnp.ones((1000, 4)))
    assert max(v.aval.size for eqn in closed.jaxpr.eqns for v in eqn.outvars) <= 1000 * 4 * 4 * 2
