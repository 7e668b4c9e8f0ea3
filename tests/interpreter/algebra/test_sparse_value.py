"""Sparse values against the same in dense numpy."""

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings

from elimax.interpreter.algebra.labelled import Labelled
from elimax.interpreter.algebra.sparse_value import (
    Part,
    SparseValue,
    aligned,
    as_sparse,
    disjoint,
    labelled,
    places_of,
    project,
    scaled,
    take_last,
    with_diagonal,
)
from support.dense_values import (
    SIZES,
    all_constant,
    are_disjoint,
    entry_by_entry,
    sparse_values,
)
from support.jaxprs import equations
from support.random_programs import wave

LABELS = tuple(SIZES)


@given(st.data())
@settings(max_examples=60)
def test_project_is_a_sum_over_labels(data):
    """Dense and sparse labels alike."""
    value = data.draw(sparse_values())
    dropped = data.draw(st.sets(st.sampled_from(LABELS))) & set(value.labels)
    result = project(value, dropped)
    kept = tuple(label for label in value.labels if label not in dropped)
    axes = tuple(k for k, label in enumerate(value.labels) if label in dropped)
    exact = entry_by_entry(value, value.labels).sum(axis=axes)
    assert set(result.labels) == set(kept) and are_disjoint(result)
    np.testing.assert_allclose(entry_by_entry(result, kept), exact, atol=1e-6)
    assert not all_constant(value) or all_constant(result)


@given(st.data())
@settings(max_examples=60)
def test_disjoint_adds_up_what_meets(data):
    """Several parts over one space, entries that meet added, each place once."""
    parts = []
    for number in range(data.draw(st.integers(0, 4))):
        places = np.array(data.draw(st.lists(st.integers(0, 7), unique=True)), np.int64)
        entries = wave(2, places.size, phase=20 * number)
        constant = data.draw(st.booleans())
        parts.append(Part(entries if constant else jnp.asarray(entries, jnp.float32), places))
    given_value = SparseValue((0,), (9,), (8,), tuple(parts))
    result = given_value._replace(parts=disjoint(parts))
    sizes = {0: 2, 9: 8}
    assert are_disjoint(result)
    assert all(part.places.size for part in result.parts)
    np.testing.assert_allclose(
        entry_by_entry(result, (0, 9), sizes), entry_by_entry(given_value, (0, 9), sizes), atol=1e-6
    )
    # What only constants reach stays constant.
    for part in result.parts:
        touched = [old for old in parts if np.isin(part.places, old.places).any()]
        if all(isinstance(old.entries, np.ndarray) for old in touched):
            assert isinstance(part.entries, np.ndarray)


@given(st.data())
@settings(max_examples=60)
def test_aligned_is_the_same_value(data):
    """Over more labels, and with dense labels made sparse."""
    value = data.draw(sparse_values())
    more = data.draw(st.sets(st.sampled_from(LABELS))) - set(value.labels)
    wanted = data.draw(st.permutations([*value.dense, *more]))
    cut = data.draw(st.integers(0, len(wanted)))
    dense_labels = tuple(wanted[:cut])
    sparse = tuple(data.draw(st.permutations([*value.sparse, *wanted[cut:]])))
    result = aligned(value, dense_labels, sparse, SIZES)
    assert (result.dense, result.sparse) == (dense_labels, sparse)
    labels = dense_labels + sparse
    np.testing.assert_allclose(entry_by_entry(result, labels), entry_by_entry(value, labels))
    assert are_disjoint(result)
    assert not all_constant(value) or all_constant(result)


@given(st.data())
@settings(max_examples=60)
def test_with_diagonal_is_zero_off_the_diagonal(data):
    """A sparse label stands for two axes from now on."""
    value = data.draw(sparse_values().filter(lambda value: value.sparse))
    label = data.draw(st.sampled_from(value.sparse))
    result = with_diagonal(value, label, 9)
    sizes = {**SIZES, 9: SIZES[label]}
    labels = (*value.labels, 9)
    exact = np.einsum(
        entry_by_entry(value, value.labels),
        list(value.labels),
        np.eye(SIZES[label]),
        [label, 9],
        list(labels),
    )
    assert result.sparse == (*value.sparse, 9)
    np.testing.assert_allclose(entry_by_entry(result, labels, sizes), exact)


@pytest.mark.parametrize("factor", [1, -1, 3, 0])
@given(value=sparse_values())
@settings(max_examples=10)
def test_scaled_multiplies_by_a_whole_number(factor, value):
    """Signs and counts of repeated terms; dtypes stay."""
    result = scaled(value, factor)
    exact = factor * entry_by_entry(value, value.labels)
    np.testing.assert_allclose(entry_by_entry(result, value.labels), exact, atol=1e-6)
    for part, old in zip(result.parts, value.parts, strict=True):
        assert part.entries.dtype == old.entries.dtype


def test_signs_are_negated_not_multiplied():
    """One neg, no mul."""
    value = as_sparse(Labelled(jnp.ones(3), (0,)))

    def negated(entries):
        parts = (value.parts[0]._replace(entries=entries),)
        return scaled(value._replace(parts=parts), -1).parts[0].entries

    jaxpr = jax.make_jaxpr(negated)(value.parts[0].entries)
    assert [eqn.primitive.name for eqn in jaxpr.eqns] == ["neg"]


@given(value=sparse_values())
@settings(max_examples=20)
def test_renamed_and_constant(value):
    """Other labels, the same entries; constant is what is numpy in every part."""
    names = {label: 10 - label for label in LABELS}
    renamed = value.renamed(names)
    sizes = {names[label]: size for label, size in SIZES.items()}
    np.testing.assert_array_equal(
        entry_by_entry(renamed, [names[x] for x in value.labels], sizes),
        entry_by_entry(value, value.labels),
    )
    assert value.is_constant == all_constant(value)


def test_arrays_are_sparse_values_without_sparse_labels():
    """One part with one place; a sparse value is handed on as it is."""
    array = wave(2, 3)
    value = as_sparse(Labelled(array, (4, 0)))
    assert (value.dense, value.sparse, value.sizes, value.space) == ((4, 0), (), (), 1)
    np.testing.assert_array_equal(value.parts[0].entries[..., 0], array)
    assert as_sparse(value) is value


def test_values_with_their_labels():
    """An array gets the labels that are given, a sparse value keeps its own."""
    array = wave(2, 3)
    assert labelled(array, (4, 0)) == Labelled(array, (4, 0))
    value = as_sparse(Labelled(array, (4, 0)))
    assert labelled(value, (7, 8)) is value


def test_parts_that_meet_everywhere_leave_nothing_over():
    """No empty array is cut out."""

    def added(first, second):
        parts = [Part(first, np.array([1, 4])), Part(second, np.array([4, 1]))]
        return [part.entries for part in disjoint(parts)]

    closed = jax.make_jaxpr(added)(jnp.ones(2), jnp.ones(2))
    assert all(aval.size for eqn in equations(closed) for aval in (x.aval for x in eqn.outvars))
    (total,) = added(jnp.array([1.0, 2.0]), jnp.array([10.0, 20.0]))
    np.testing.assert_array_equal(total, [21.0, 12.0])


def test_places_count_row_by_row():
    """Without labels all entries stand at the one place there is."""
    at = {3: np.array([0, 1]), 1: np.array([2, 0])}
    assert places_of(at, (1, 3), (3, 4)).tolist() == [8, 1]
    assert places_of(at, (3, 1), (4, 3)).tolist() == [2, 3]
    assert places_of(at, (), ()).tolist() == [0, 0]
    assert places_of({}, (), ()).tolist() == [0]


@pytest.mark.parametrize(
    ("index", "size", "primitive"),
    [([0, 1, 2], 3, None), ([1, 2], 4, "slice"), ([2, 0], 3, "gather"), ([0, 0], 1, "broadcast")],
)
def test_take_last_takes_the_cheapest_way(index, size, primitive):
    """Everything is untouched, a run is a slice, one entry is broadcast."""
    index, table = np.array(index), wave(2, size)
    expected = table[:, index]
    np.testing.assert_array_equal(take_last(table, index), expected)
    assert isinstance(take_last(table, index), np.ndarray)
    result = take_last(jnp.asarray(table, jnp.float32), index)
    np.testing.assert_allclose(result, expected, rtol=1e-6)
    text = str(jax.make_jaxpr(lambda x: take_last(x, index))(jnp.ones((2, size))))
    assert primitive in text if primitive else "=" not in text.split("let")[1]
