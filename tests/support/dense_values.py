"""What values of edge Jacobians mean, entry by entry and in numpy, and how to draw some."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import hypothesis.strategies as st
import jax.numpy as jnp
import numpy as np

from elimax.interpreter.algebra.edge_jacobian import EdgeJacobian
from elimax.interpreter.algebra.labelled import is_constant
from elimax.interpreter.algebra.linear_map import LinearMap
from elimax.interpreter.algebra.sparse_value import Part, SparseValue
from elimax.interpreter.graph.structure import UNTIED
from support.random_programs import wave

SIZES = {0: 2, 1: 3, 2: 1, 3: 4, 4: 3, 5: 0}
"""Size of every label in the tests of values; one of them is empty."""


def entry_by_entry(
    value: SparseValue, labels: Sequence[int], sizes: Mapping[int, int] = SIZES
) -> np.ndarray:
    """A sparse value written out in plain loops; it is constant along labels that it lacks."""
    own = value.dense + value.sparse
    array = np.zeros([sizes[x] for x in own], complex)
    rank = len(value.dense)
    for part in value.parts:
        entries = np.asarray(part.entries)
        assert entries.shape == (*(sizes[x] for x in value.dense), part.places.size)
        for k, place in enumerate(part.places):
            index = np.unravel_index(place, value.sizes) if value.sparse else ()
            array[(*[slice(None)] * rank, *index)] += entries[..., k]
    return over(array, own, labels, sizes)


def over(
    array: np.ndarray, own: Sequence[int], labels: Sequence[int], sizes: Mapping[int, int] = SIZES
) -> np.ndarray:
    """Broadcasts an array over the labels `own` to more labels, which may be in another order."""
    assert set(own) <= set(labels)
    there = [x for x in labels if x in own]
    array = np.asarray(array).transpose([list(own).index(x) for x in there])
    array = np.expand_dims(array, tuple(k for k, x in enumerate(labels) if x not in own))
    return np.broadcast_to(array, [sizes[x] for x in labels])


def dense(edge: EdgeJacobian) -> np.ndarray:
    """An edge Jacobian entry by entry, straight from the definition of labels."""
    structure, value = edge.structure, edge.value
    sizes = {label: structure.size(label) for label in structure.labels}
    if isinstance(value, SparseValue):
        value = entry_by_entry(value, structure.carried, sizes)
    elif isinstance(value, LinearMap):
        value = np.asarray(value.materialised(structure.carried))
    value = np.asarray(value)
    assert value.shape == structure.carried_shape
    shape, rank = structure.out_shape + structure.in_shape, len(structure.out_shape)
    result = np.zeros(shape, np.result_type(value.dtype, float))
    for index in np.ndindex(*shape):
        ties = [(index[t], index[rank + j]) for j, t in enumerate(structure.ties) if t != UNTIED]
        if all(out == into for out, into in ties):
            result[index] = value[tuple(index[label] for label in structure.carried)]
    return result


@st.composite
def sparse_values(
    draw: st.DrawFn,
    labels: Sequence[int] = tuple(SIZES),
    sizes: Mapping[int, int] = SIZES,
    constant: bool | None = None,
) -> SparseValue:
    """Draws sparse values: any labels in any order, disjoint parts, constant or not."""
    own = draw(st.permutations(labels))[: draw(st.integers(0, len(labels)))]
    cut = draw(st.integers(0, len(own)))
    dense_labels, sparse = tuple(own[:cut]), tuple(own[cut:])
    shape = tuple(sizes[x] for x in sparse)
    places = draw(st.permutations(range(math.prod(shape))))
    counts = draw(st.lists(st.integers(0, len(places)), max_size=3))
    parts, start = [], 0
    for number, count in enumerate(counts):
        taken = np.asarray(places[start : start + count], np.int64)
        start += taken.size
        if taken.size:
            entries = wave(*(sizes[x] for x in dense_labels), taken.size, phase=40 * number)
            is_numpy = draw(st.booleans()) if constant is None else constant
            parts.append(Part(entries if is_numpy else jnp.asarray(entries, jnp.float32), taken))
    return SparseValue(dense_labels, sparse, shape, tuple(parts))


@st.composite
def patterns(
    draw: st.DrawFn, labels: Sequence[int] = tuple(SIZES), sizes: Mapping[int, int] = SIZES
) -> SparseValue:
    """Draws ones, or ones and minus ones, at any places over any labels."""
    own = tuple(draw(st.permutations(labels))[: draw(st.integers(1, len(labels)))])
    shape = tuple(sizes[x] for x in own)
    space = math.prod(shape)
    places = draw(st.permutations(range(space)))[: draw(st.integers(0, min(space, 12)))]
    signs = draw(st.lists(st.sampled_from([1.0, -1.0]), min_size=len(places), max_size=len(places)))
    if not places:
        return SparseValue((), own, shape, ())
    return SparseValue((), own, shape, (Part(np.array(signs), np.array(places, np.int64)),))


def all_constant(value: Any) -> bool:
    """Whether an array, or every part of a sparse value, is a constant, that is a numpy array."""
    if isinstance(value, SparseValue):
        return all(isinstance(part.entries, np.ndarray) for part in value.parts)
    return is_constant(value)


def are_disjoint(value: SparseValue) -> bool:
    """Whether no place occurs twice."""
    places = [place for part in value.parts for place in part.places]
    return len(places) == len(set(places))
