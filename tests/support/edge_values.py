"""Random edge Jacobians with values."""

import math

import hypothesis.strategies as st
import jax.numpy as jnp
import numpy as np

from elimax.interpreter.algebra.edge_jacobian import EdgeJacobian
from elimax.interpreter.algebra.sparse_value import Part, SparseValue
from elimax.interpreter.graph.structure import UNTIED, EdgeStructure, Kind, edge_structure
from support.random_programs import wave

SHAPES = ((), (1,), (2,), (3,), (2, 3), (3, 3), (1, 2))
GENERAL, TRIVIAL, STRUCTURAL = Kind.GENERAL, Kind.TRIVIAL, Kind.STRUCTURAL


@st.composite
def edges(draw: st.DrawFn, out: tuple[int, ...], into: tuple[int, ...]) -> EdgeJacobian:
    """Draws any structure between two shapes with a value that fits its kind, constant or not."""
    ties, free = [], [k for k in range(len(out))]
    for size in into:
        choices = [UNTIED, *(k for k in free if out[k] == size)]
        ties.append(draw(st.sampled_from(choices)))
        if ties[-1] != UNTIED:
            free.remove(ties[-1])
    labels = range(len(out) + len(into))
    carried = draw(st.sets(st.sampled_from(labels))) if labels else ()
    kind = draw(st.sampled_from([GENERAL, GENERAL, TRIVIAL, STRUCTURAL]))
    structure = edge_structure(out, into, ties, () if kind == TRIVIAL else carried, kind)
    value = wave(*structure.carried_shape, phase=draw(st.integers(0, 50)))
    if kind == STRUCTURAL:
        value = (value > 0).astype(np.float64)
    elif kind == TRIVIAL:
        value = np.asarray(draw(st.sampled_from([1.0, -1.0])))
    # Trivial edges are always constants, as in the rules.
    constant = kind == TRIVIAL or draw(st.booleans())
    if carried and kind != TRIVIAL and draw(st.booleans()):
        return EdgeJacobian(structure, draw(sparse_forms(structure, value, constant)))
    return EdgeJacobian(structure, value if constant else jnp.asarray(value, jnp.float32))


@st.composite
def sparse_forms(
    draw: st.DrawFn, structure: EdgeStructure, value: np.ndarray, constant: bool
) -> SparseValue:
    """Draws the sparse form of a value, without some of its entries, along some of its labels."""
    sparse = tuple(x for x in structure.carried if draw(st.booleans()))
    dense_labels = tuple(x for x in structure.carried if x not in sparse)
    shape = tuple(structure.size(x) for x in sparse)
    own = dense_labels + sparse
    table = value.transpose([structure.carried.index(x) for x in own])
    table = table.reshape(*table.shape[: len(dense_labels)], math.prod(shape))
    places = np.array(draw(st.permutations(range(table.shape[-1]))), np.int64)
    parts = []
    for taken in np.split(places, sorted(draw(st.sets(st.integers(0, places.size), max_size=2)))):
        kept = taken[: draw(st.integers(0, taken.size))]
        if structure.kind == STRUCTURAL:  # a pattern: one part of ones without dense labels
            ones = np.flatnonzero(value)
            part = Part(value.ravel()[ones], ones)
            parts_of_ones = (part,) if ones.size else ()
            return SparseValue((), structure.carried, structure.carried_shape, parts_of_ones)
        if kept.size:
            entries = table[..., kept]
            parts.append(Part(entries if constant else jnp.asarray(entries, jnp.float32), kept))
    return SparseValue(dense_labels, sparse, shape, tuple(parts))
