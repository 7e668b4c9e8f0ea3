"""dot_general in every layout."""

import itertools

import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from elimax.interpreter.graph.counting import count_multiplications
from elimax.interpreter.graph.structure import UNTIED, Kind, edge_structure
from elimax.interpreter.tracing.call import trace
from support.compare import assert_equals_jacrev_in_all_orders
from support.random_programs import wave

U = UNTIED


def test_structures_of_a_matrix_product():
    """A (2, 3) times B (3, 4): A keeps its rows, B its columns; the other factor is the value."""
    graph = trace(lambda a, b: a @ b, jnp.ones((2, 3)), jnp.ones((3, 4)), argnums=(0, 1))
    assert graph.edges[0, 2] == edge_structure((2, 4), (2, 3), [0, U], [1, 3], Kind.GENERAL)
    assert graph.edges[1, 2] == edge_structure((2, 4), (3, 4), [U, 1], [0, 2], Kind.GENERAL)


def test_batch_axes_stay_tied():
    """y[b, i, j] = A[b, i, k] B[b, k, j]: b is tied on both sides and carried once."""
    graph = trace(lambda a, b: a @ b, jnp.ones((5, 2, 3)), jnp.ones((5, 3, 4)), argnums=(0, 1))
    expected = edge_structure((5, 2, 4), (5, 2, 3), [0, 1, U], [0, 2, 5], Kind.GENERAL)
    assert graph.edges[0, 2] == expected


@pytest.mark.parametrize(
    "text",
    [
        "i,i->",
        "i,j->ij",
        "ik,k->i",
        "k,kj->j",
        "ik,kj->ij",
        "ki,jk->ji",
        "bik,bkj->bij",
        "ibk,jkb->bji",
        "bcik,cbkj->cijb",
        "ikl,lkj->ij",
        "bi,bi->b",
        "bk,bk->",
    ],
)
def test_values_equal_jacrev(text):
    """Contracted, free and batch axes anywhere, for both operands, between other functions."""
    sizes = dict(zip("ijklbc", (2, 3, 4, 2, 2, 3), strict=True))
    operands = text.split("->")[0].split(",")
    arrays = [
        wave(*(sizes[letter] for letter in letters), phase=5 * k)
        for k, letters in enumerate(operands)
    ]

    def function(a, b):
        return jnp.sin(jnp.einsum(text, jnp.cos(a), jnp.exp(b)))

    assert_equals_jacrev_in_all_orders(function, *arrays, argnums=(0, 1))


def test_every_position_of_a_batch_axis():
    """dot_general itself, with its batch and contracting axes at every place."""
    for batch, contracted in itertools.permutations(range(3), 2):
        numbers = (((contracted,), (contracted,)), ((batch,), (batch,)))

        def function(a, b, numbers=numbers):
            return lax.dot_general(jnp.sin(a), jnp.cos(b), numbers)

        assert_equals_jacrev_in_all_orders(function, wave(2, 2, 2), wave(2, 2, 2), argnums=(0, 1))


def test_both_operands_the_same():
    """x @ x and x @ x.T: two uses, two edges of different layout, one sum."""
    assert_equals_jacrev_in_all_orders(lambda x: x @ x, wave(3, 3))
    assert_equals_jacrev_in_all_orders(lambda x: jnp.sin(x @ x.T), wave(2, 3))
    assert_equals_jacrev_in_all_orders(lambda x: x @ x, wave(4))


def test_axes_of_size_one():
    """Nothing is carried or tied along them, and shapes still fit."""
    assert_equals_jacrev_in_all_orders(
        lambda a, b: jnp.sin(a @ b) * (a @ b), wave(1, 3), wave(3, 1), argnums=(0, 1)
    )


def test_constant_operands():
    """A closed-over matrix is a value like any other."""
    matrix = wave(3, 3)
    assert_equals_jacrev_in_all_orders(lambda x: jnp.tanh(matrix @ jnp.sin(x)), wave(3))


def test_result_in_a_wider_dtype():
    """preferred_element_type: the value has the dtype of the result."""
    from elimax.interpreter.jacobian import jacve

    a, b = jnp.ones((2, 3), jnp.bfloat16), jnp.full((3,), 2.0, jnp.bfloat16)

    def function(a, b):
        return jnp.sin(jnp.dot(a, b, preferred_element_type=jnp.float32))

    ours = jacve(function)(a, b)
    assert ours.dtype == jnp.bfloat16
    np.testing.assert_allclose(
        np.asarray(ours[0, 0], np.float32), np.full(3, 2 * np.cos(6.0)), rtol=1e-2
    )


def test_count_of_a_chain_of_matrices():
    """sin(W2 sin(W1 x)): forward and reverse cost as matrix products do."""
    w1, w2 = jnp.ones((4, 2)), jnp.ones((3, 4))

    def function(x):
        return jnp.sin(w2 @ jnp.sin(w1 @ x))

    graph = trace(function, jnp.ones(2))
    forward = count_multiplications(graph, graph.eliminable)
    # diag(4) (4 x 2), then (3 x 4) (4 x 2), then diag(3) (3 x 2).
    assert forward.all == forward.nontrivial == 4 * 2 + 3 * 4 * 2 + 3 * 2
    reverse = count_multiplications(graph, graph.eliminable[::-1])
    assert reverse.all == 3 * 4 + 3 * 4 + 3 * 4 * 2
