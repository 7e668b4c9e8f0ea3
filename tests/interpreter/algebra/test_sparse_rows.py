"""Sparse values as tables: layers hold every entry once, and are written as a look-up would be."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elimax.interpreter.algebra import writing
from elimax.interpreter.algebra.sparse_rows import LOOK_UP, OF_ENTRY, few_per_row
from elimax.interpreter.algebra.sparse_value import Part, SparseValue
from support.jaxprs import primitives
from support.random_programs import wave


def band(offsets, size):
    """Diagonals of a square table that go on at its other side, each one part."""
    rows = np.arange(size)
    return tuple(
        Part(jnp.asarray(wave(size) + k, jnp.float32), rows * size + (rows + offset) % size)
        for k, offset in enumerate(offsets)
    )


@given(st.lists(st.integers(2, 5), min_size=1, max_size=3), st.data())
def test_layers_hold_every_entry_once(sizes, data):
    """Any disjoint parts in any order, over two to four labels."""
    sizes = (*sizes, 30)
    space = int(np.prod(sizes))
    chosen = data.draw(st.lists(st.integers(0, space - 1), min_size=1, max_size=40, unique=True))
    cut = data.draw(st.integers(0, len(chosen)))
    places = [np.array(x, np.int64) for x in (chosen[:cut], chosen[cut:]) if x]
    parts = [Part(1.0 + place, place) for place in places]
    rows = few_per_row(parts, sizes)
    if rows is None:
        most = sum(np.bincount(part.places // 30).max() for part in parts)
        assert most * (1 + OF_ENTRY / 30) >= LOOK_UP
        return
    found = np.zeros(rows.shape)
    for layer in rows.layers:
        for part in layer.parts:
            found[part.places, layer.columns[part.places]] += part.entries
        taken = np.concatenate([part.places for part in layer.parts])
        assert (np.sort(taken) == np.flatnonzero(layer.columns >= 0)).all()
    exact = np.zeros(space)
    exact[np.array(chosen)] = 1.0 + np.array(chosen)
    np.testing.assert_array_equal(found.ravel(), exact)


def test_a_diagonal_is_a_layer_as_it_is():
    """Diagonals of a band are not cut up, and rows with no more entries stay empty."""
    parts = [*band((-1, 0, 2), 80), Part(np.ones(1), np.array([5 * 80 + 20]))]
    rows = few_per_row(parts, (80, 80))
    assert [len(layer.parts) for layer in rows.layers] == [1, 1, 1, 1]
    for layer, part in zip(rows.layers[:3], parts[:3], strict=True):
        assert layer.parts[0].entries is part.entries
    assert np.flatnonzero(rows.layers[3].columns >= 0).tolist() == [5]


@pytest.mark.parametrize(
    ("offsets", "sizes"), [((0,), (1600,)), (range(10), (40, 40)), (range(2), (800, 2))]
)
def test_a_look_up_is_quicker(offsets, sizes):
    """Without rows, with many entries in each, and with rows that are short."""
    parts = band(offsets, 40)
    assert few_per_row(parts, sizes) is None


@pytest.mark.parametrize("sizes", [(40, 40), (4, 10, 40), (40, 10, 4)])
@pytest.mark.parametrize("before", [(), (2, 3)])
def test_written_as_by_a_look_up(sizes, before, monkeypatch):
    """By comparison, over dense labels too, before a background of what is known."""
    parts = [
        Part(part.entries * jnp.asarray(wave(*before, 1), jnp.float32), part.places)
        for part in band((-1, 0, 3), 40)
    ]
    parts[1] = Part(np.ones((*(1 for _ in before), 40)), parts[1].places)
    labels = tuple(range(len(before) + len(sizes)))
    dense, sparse = labels[: len(before)], labels[len(before) :]

    def write():
        value = SparseValue(dense, sparse, sizes, tuple(parts))
        return writing.to_array(value, labels, dict(enumerate((*before, *sizes))))

    def names_and_array():
        return primitives(jax.make_jaxpr(lambda: write())()), write()

    names, array = names_and_array()
    assert np.count_nonzero(array) == array.size // 40 * 3
    monkeypatch.setattr(writing, "few_per_row", lambda parts, sizes: None)
    looked_up, exact = names_and_array()
    assert "gather" in looked_up - names
    np.testing.assert_array_equal(array, exact)
