"""Shapes and arguments are drawn in their ranges, and calls become graphs without idle nodes."""

import jax.numpy as jnp
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from elimax.interpreter.graph.counting import count_multiplications
from elimax.interpreter.tracing.call import trace
from elimax.models.programs.array_draws import (
    Call,
    connected_part,
    constant,
    extent,
    floats,
    pick,
    size_of,
    some,
)


@given(seed=st.integers(0, 2**20), least=st.integers(1, 50), more=st.integers(0, 50))
def test_extents_stay_in_their_range(seed, least, more):
    """Both ends included."""
    assert least <= extent(np.random.default_rng(seed), least, least + more) <= least + more


def test_extents_are_log_uniform():
    """About as many from 1 to 7 as from 8 to 63, and every small one occurs."""
    rng = np.random.default_rng(0)
    drawn = [extent(rng, 1, 63) for _ in range(2000)]
    assert 0.45 < np.mean(np.array(drawn) < 8) < 0.55
    assert {*range(1, 12), 63} <= set(drawn)


@given(seed=st.integers(0, 2**20), number=st.integers(1, 6))
def test_some_arguments_are_differentiated(seed, number):
    """At least one of them, each once, ascending."""
    chosen = some(np.random.default_rng(seed), number)
    assert chosen and list(chosen) == sorted(set(chosen))
    assert set(chosen) <= set(range(number))


def test_options_stay_what_they_are():
    """Functions and tuples are picked as they are, and all in time."""
    rng = np.random.default_rng(0)
    options = (jnp.sin, (1, 2), "name")
    assert {pick(rng, options) for _ in range(50)} == set(options)


def test_arrays_are_of_single_precision():
    """Constants and descriptions alike; a seed gives one constant."""
    first, second = (constant(np.random.default_rng(1), 3, 4) for _ in range(2))
    assert first.shape == floats(3, 4).shape == (3, 4)
    assert first.dtype == floats(3, 4).dtype == np.float32
    assert np.array_equal(first, second)
    assert size_of(jnp.ones((3, 4))) == 12
    assert size_of(jnp.ones(())) == 1


def masked(x, y, n):
    """An argument that is not differentiated, one that is an integer, a mask and an index."""
    bigger = jnp.where(x > 0.0, x, 0.1 * x)
    place = jnp.argmax(x)
    return jnp.sin(bigger) * y[n] + x[place], jnp.floor(x), jnp.sqrt(jnp.exp(y))


def test_nodes_without_edges_are_left_out():
    """All orders of the rest cost the same; outputs without a derivative are constants."""
    arguments = (floats(4), np.ones(4, np.float32), np.int32(2))
    graph = Call(masked, arguments, (0,)).graph()
    whole = trace(masked, *arguments, argnums=0, allow_int=True)
    assert graph.num_vertices < whole.num_vertices
    assert {node for edge in graph.edges for node in edge} == set(range(graph.num_nodes))
    assert graph.num_inputs == 1
    assert graph.outputs[1:] == (-1, -1) and graph.outputs[0] >= 0
    costs = [
        sorted(
            {
                count_multiplications(each, order)
                for order in (each.eliminable, each.eliminable[::-1])
            }
        )
        for each in (graph, whole)
    ]
    assert costs[0] == costs[1]
    assert connected_part(graph) == graph


def test_hidden_nodes_stay_hidden():
    """An equation without a formula joins its operands in a node that has no public number."""

    def solved(matrix, vector, unused):
        return jnp.sin(jnp.linalg.solve(matrix, jnp.abs(vector)))

    graph = Call(solved, (floats(3, 3), floats(3), floats(2)), (0, 1, 2)).graph()
    assert graph.hidden
    assert graph.num_inputs == 2
    assert graph.num_vertices + len(graph.hidden) + 2 == graph.num_nodes
    assert "sin" in [graph.primitive(vertex) for vertex in range(1, graph.num_vertices + 1)]


def test_dtypes_are_promoted():
    """Whatever is set around: packages rely on it."""
    call = Call(lambda x, n: x * n, (floats(3), np.ones(3, np.int32)), (0,))
    assert call.graph().num_vertices >= 1
