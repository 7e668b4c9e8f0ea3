"""Products of two labelled arrays as one primitive each."""

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings

from elimax.interpreter.algebra import contraction
from elimax.interpreter.algebra.contraction import contract
from elimax.interpreter.algebra.labelled import Labelled
from support.dense_values import SIZES
from support.random_programs import wave


@st.composite
def operands(draw: st.DrawFn) -> tuple[Labelled, Labelled, tuple[int, ...]]:
    """Two arrays and labels of their product, in which some shared labels are missing."""
    labels = st.permutations(tuple(SIZES))
    pair = []
    for number in range(2):
        own = tuple(draw(labels)[: draw(st.integers(0, 4))])
        array = wave(*(SIZES[x] for x in own), phase=30 * number)
        constant = draw(st.booleans())
        pair.append(Labelled(array if constant else jnp.asarray(array, jnp.float32), own))
    shared = sorted(set(pair[0].labels) & set(pair[1].labels))
    summed = set(shared[: draw(st.integers(0, len(shared)))])
    kept = (set(pair[0].labels) | set(pair[1].labels)) - summed
    return pair[0], pair[1], tuple(draw(st.permutations(sorted(kept))))


@given(operands())
@settings(max_examples=80)
def test_contraction_is_einsum(given_operands):
    """Any labels in any order; two constants give a constant."""
    first, second, labels = given_operands
    result = contract(first, second, labels)
    exact = np.einsum(
        np.asarray(first.array),
        list(first.labels),
        np.asarray(second.array),
        list(second.labels),
        list(labels),
    )
    np.testing.assert_allclose(result, exact, atol=1e-5)
    both = isinstance(first.array, np.ndarray) and isinstance(second.array, np.ndarray)
    assert isinstance(result, (np.ndarray, np.generic)) == both
    assert both or result.dtype == jnp.float32


def primitives(first, second, labels):
    """Names of the primitives that a product of arrays of ones is made of."""
    arrays = [jnp.ones([SIZES[x] for x in own]) for own in (first, second)]
    closed = jax.make_jaxpr(lambda x, y: contract(Labelled(x, first), Labelled(y, second), labels))(
        *arrays
    )
    return [eqn.primitive.name for eqn in closed.jaxpr.eqns]


@pytest.mark.parametrize(
    ("first", "second", "labels", "expected"),
    [
        ((0, 1), (1, 3), (0, 3), ["dot_general"]),
        ((0, 1), (3, 1), (0, 3), ["dot_general"]),
        ((1, 3), (0, 1), (0, 3), ["dot_general"]),
        ((0, 1), (0, 1, 3), (0, 3), ["dot_general"]),
        ((0, 1), (1, 3), (3, 0), ["dot_general"]),
        ((1,), (1,), (), ["dot_general"]),
        ((0, 1), (0, 1), (0, 1), ["mul"]),
        ((), (), (), ["mul"]),
    ],
)
def test_one_primitive_and_no_transpose(first, second, labels, expected, monkeypatch):
    """The factors are exchanged where that saves transposing the result."""
    monkeypatch.setattr(contraction, "FEW", 0)
    assert primitives(first, second, labels) == expected


@pytest.mark.parametrize(
    ("first", "second", "labels", "products"),
    [
        ((0, 1), (1, 3), (0, 3), 3),
        ((0, 1), (0, 1, 3), (0, 3), 0),  # A vector times a matrix for each index of 0.
        ((0, 1), (1,), (0,), 0),
        ((0, 1), (1, 2), (0, 2), 0),  # A matrix of one column is a vector.
    ],
)
def test_small_matrices_are_multiplied_column_by_row(first, second, labels, products):
    """As many multiplications as by dot_general, but one loop with what stands around."""
    found = primitives(first, second, labels)
    assert found.count("mul") == products and ("dot_general" in found) == (products == 0)


@pytest.mark.parametrize("labels", [(0, 1), (0,), ()])
def test_dtypes_under_strict_promotion(labels):
    """A constant takes the other's dtype; two computed arrays meet in the wider one."""
    half = Labelled(jnp.ones((2, 3), jnp.float16), (0, 1))
    single = Labelled(jnp.ones((2, 3), jnp.float32), (0, 1))
    constant = Labelled(np.ones((2, 3)), (0, 1))
    assert contract(half, constant, labels).dtype == jnp.float16
    with jax.numpy_dtype_promotion("standard"):
        assert contract(half, single, labels).dtype == jnp.float32
