"""Products of patterns and sparse values against the same in dense numpy."""

import hypothesis.strategies as st
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings

from elimax.interpreter.algebra import sparse_value
from elimax.interpreter.algebra.labelled import Labelled
from elimax.interpreter.algebra.sparse_join import join
from elimax.interpreter.algebra.sparse_value import (
    Part,
    SparseValue,
    as_sparse,
    selection,
)
from support.dense_values import (
    SIZES,
    all_constant,
    are_disjoint,
    entry_by_entry,
    patterns,
    sparse_values,
)
from support.random_programs import wave

LABELS = tuple(SIZES)


@given(st.data())
@settings(max_examples=80)
def test_join_is_a_product_with_the_pattern_written_out(data):
    """Summed over any of the shared labels; constants stay numpy and dtypes stay."""
    pattern, value = data.draw(patterns()), data.draw(sparse_values())
    shared = [label for label in pattern.sparse if label in value.labels]
    summed = set(data.draw(st.permutations(shared))[: data.draw(st.integers(0, len(shared)))])
    labels = tuple(x for x in LABELS if x in pattern.sparse + value.labels and x not in summed)
    product = join(pattern, value, labels)
    assert set(product.labels) == set(labels)
    assert product.sizes == tuple(SIZES[x] for x in product.sparse)
    assert are_disjoint(product)
    if all_constant(value):
        assert all_constant(product)
    exact = np.einsum(
        entry_by_entry(pattern, pattern.sparse),
        list(pattern.sparse),
        entry_by_entry(value, value.labels),
        list(value.labels),
        list(labels),
    )
    np.testing.assert_allclose(entry_by_entry(product, labels), exact, atol=1e-6)


def test_join_with_a_pattern_of_sparse_and_dense_labels():
    """A slice of a dense array and of a diagonal: pattern (k, i), value (i, j) or at (i, i)."""
    cut = selection((1, 0), (2, 4), [[0, 1], [1, 2]])
    array = wave(4, 3)
    product = join(cut, as_sparse(Labelled(array, (0, 2))), (1, 2))
    assert (product.dense, product.sparse, product.sizes) == ((2,), (1,), (2,))
    np.testing.assert_array_equal(product.parts[0].entries.T, array[1:3])
    diagonal = SparseValue((), (0, 2), (4, 4), (Part(np.arange(4.0), 5 * np.arange(4)),))
    product = join(cut, diagonal, (1, 2))
    np.testing.assert_array_equal(
        entry_by_entry(product, (1, 2), {1: 2, 2: 4}), np.diag(np.arange(4.0))[1:3]
    )


def test_entries_that_meet_are_added():
    """Places that coincide after a sum: sums along rows of a table, or one scatter."""
    pattern = selection((0, 1), (6, 2), [np.arange(6), np.arange(6) % 2])
    array = wave(6)
    expected = [array[::2].sum(), array[1::2].sum()]
    for limit in (sparse_value.MAX_PADDED, 0):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sparse_value, "MAX_PADDED", limit)
            for values in (array, jnp.asarray(array, jnp.float32)):
                product = join(pattern, as_sparse(Labelled(values, (0,))), (1,))
                assert type(product.parts[0].entries) is type(values)
                assert product.parts[0].entries.dtype == values.dtype
                np.testing.assert_allclose(product.parts[0].entries, expected, rtol=1e-6)
