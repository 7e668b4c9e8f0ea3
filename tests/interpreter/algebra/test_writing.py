"""Writing sparse values out as arrays: runs, grids, look-ups, several parts, empty arrays."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elimax.interpreter.algebra import writing
from elimax.interpreter.algebra.sparse_value import Part, SparseValue
from elimax.interpreter.algebra.writing import to_array
from support.dense_values import SIZES, all_constant, entry_by_entry, sparse_values
from support.jaxprs import primitives
from support.random_programs import wave


@given(st.data())
@settings(max_examples=80)
def test_every_place_is_written_once(data):
    """Any parts, constant or not, in any order of labels; constants stay numpy."""
    value = data.draw(sparse_values())
    labels = tuple(data.draw(st.permutations(value.labels)))
    array = to_array(value, labels, SIZES)
    assert isinstance(array, np.ndarray) == all_constant(value)
    np.testing.assert_allclose(array, entry_by_entry(value, labels), rtol=1e-6)


def written(places, space=12, before=(), limit=None):
    """What entries at some places become, checked, and the names of the primitives used."""
    places = np.array(places)
    entries = wave(*before, places.size)

    def write(entries):
        dense = tuple(range(len(before)))
        value = SparseValue(dense, (9,), (space,), (Part(entries, places),))
        return to_array(value, (*dense, 9), {**dict(enumerate(before)), 9: space})

    with pytest.MonkeyPatch.context() as patch:
        if limit is not None:
            patch.setattr(writing, "MAX_PIECES", limit)
        closed = jax.make_jaxpr(write)(jnp.asarray(entries, jnp.float32))
        result = np.asarray(write(jnp.asarray(entries, jnp.float32)))
    exact = np.zeros((*before, space))
    exact[..., places] = entries
    np.testing.assert_allclose(result, exact, rtol=1e-6)
    return primitives(closed)


@pytest.mark.parametrize("before", [(), (2,), (2, 3)])
@pytest.mark.parametrize(
    ("places", "expected"),
    [
        (range(12), set()),
        ([3, 4, 5], {"pad"}),
        ([0, 3, 6, 9], {"pad"}),
        ([1, 5, 9], {"pad"}),
        ([2, 11], {"pad"}),
        ([0, 1, 6, 7], {"pad"}),
        ([1, 3, 6, 8], {"pad"}),
        ([4, 5, 6, 7, 8, 9, 10, 11], {"pad"}),
        ([0, 1, 5], {"concatenate", "slice"}),
    ],
)
def test_runs_are_concatenated_and_grids_padded(places, expected, before):
    """One or two strides are one padding, also where the grid ends at the last place."""
    assert written(places, before=before) - {"reshape", "broadcast_in_dim"} == expected


@given(
    st.integers(0, 5), st.integers(1, 4), st.integers(1, 4), st.integers(1, 6), st.integers(0, 3)
)
@settings(max_examples=40)
def test_all_grids(low, inner, width, rows, gap):
    """Any two strides, anywhere in the space."""
    outer = (width - 1) * inner + 1 + gap
    places = low + (outer * np.arange(rows)[:, None] + inner * np.arange(width)).ravel()
    written(places, space=int(places[-1]) + 1 + gap)


def test_unsorted_places_are_sorted_first():
    """Entries in another order than their places: one more gather and no more pieces."""
    assert {"gather", "pad"} <= written([5, 3, 4], before=(2,))


def test_many_runs_are_looked_up():
    """Above a limit of pieces one gather reads all places from the entries and a zero."""
    places = [0, 1, 3, 6, 10]
    assert "gather" in written(places, limit=1, before=(2,))
    assert "gather" not in written(places, before=(2,))


@pytest.mark.parametrize("limit", [0, 64])
def test_parts_of_other_dtypes_and_shapes(limit, monkeypatch):
    """Constant and computed parts side by side, in the dtype of what is computed."""
    monkeypatch.setattr(writing, "MAX_PIECES", limit)
    parts = (
        Part(jnp.asarray([[1.0, 2.0]], jnp.float16), np.array([4, 0])),
        Part(np.array([[7.0]]), np.array([2])),
        Part(jnp.asarray([[3.0]], jnp.float16), np.array([6])),
        Part(np.array([[5.0]]), np.array([3])),
    )
    value = SparseValue((2,), (3,), (8,), parts)
    array = to_array(value, (3, 2), {2: 1, 3: 8})
    assert array.dtype == jnp.float16
    assert array.ravel().tolist() == [2, 0, 7, 5, 1, 0, 3, 0]


def test_neighbouring_constants_are_one_piece():
    """Zeros and constants between computed entries are joined while tracing."""

    def write(entries):
        parts = (Part(entries, np.array([0, 6])), Part(np.ones(2), np.array([2, 4])))
        return to_array(SparseValue((), (0,), (7,), parts), (0,), {0: 7})

    closed = jax.make_jaxpr(write)(jnp.ones(2))
    (eqn,) = [eqn for eqn in closed.jaxpr.eqns if eqn.primitive.name == "concatenate"]
    assert [var.aval.shape for var in eqn.invars] == [(1,), (5,), (1,)]


def test_complex_entries_stay_complex():
    """Constant or computed."""
    for entries in (np.array([1j]), jnp.array([1j])):
        value = SparseValue((), (0,), (3,), (Part(entries, np.array([1])),))
        array = to_array(value, (0,), {0: 3})
        assert array.tolist() == [0, 1j, 0]


@pytest.mark.parametrize("sparse", [(), (0,), (5,), (0, 5)])
@pytest.mark.parametrize("dense", [(), (1,), (2,)])
def test_nothing_at_all(sparse, dense):
    """No part is zero everywhere, on empty axes as well."""
    value = SparseValue(dense, sparse, tuple(SIZES[x] for x in sparse), ())
    labels = tuple(sorted(dense + sparse))
    array = to_array(value, labels, SIZES)
    assert isinstance(array, np.ndarray)
    assert array.shape == tuple(SIZES[x] for x in labels)
    assert not array.any()


def test_writing_multiplies_nothing():
    """No mul and no dot_general, whatever way is taken."""
    for places in (range(12), [0, 3, 6, 9], [0, 1, 5], [3, 1, 2]):
        for limit in (0, 64):
            assert not {"mul", "dot_general"} & written(list(places), limit=limit)
