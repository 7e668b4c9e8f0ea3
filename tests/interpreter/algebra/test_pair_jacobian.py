"""Opaque edges with values: in every way they are multiplied and added, as dense matrices are."""

import functools

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings

from elimax.interpreter.algebra.edge_jacobian import EdgeJacobian
from elimax.interpreter.algebra.linear_map import LinearMap
from elimax.interpreter.algebra.pair_jacobian import (
    OpaqueJacobian,
    PairJacobian,
    add_pairs,
    jacobian_of,
    multiply_pairs,
    written_pair,
    written_part,
)
from elimax.interpreter.graph.pair_structure import (
    MAX_PARTS,
    Direction,
    OpaqueStructure,
    PairStructure,
    Way,
    parts_of,
    product_of,
    product_of_parts,
    sum_of,
)
from elimax.interpreter.graph.structure import UNTIED, Kind, edge_structure
from support.dense_values import dense
from support.random_programs import wave
from support.small_graphs import opaque_parts, written_parts

FORWARD, REVERSE, BOTH = Direction.FORWARD, Direction.REVERSE, Direction.BOTH
GENERAL, STRUCTURAL = Kind.GENERAL, Kind.STRUCTURAL


def values_of(structure, phase=0):
    """A value that fits a structure: numbers, or ones and their signs."""
    if structure.kind == GENERAL:
        return wave(*structure.carried_shape, phase=phase).astype(np.float32)
    sign = -1.0 if structure.kind == Kind.TRIVIAL else 1.0
    pattern = np.arange(phase, phase + np.prod(structure.carried_shape, dtype=int)) % 2
    return sign * pattern.reshape(structure.carried_shape).astype(np.float32)


def opaque(structure: OpaqueStructure, phase=0) -> OpaqueJacobian:
    """A function that multiplies with a matrix of the structure."""
    array = structure.as_array
    matrix = dense(EdgeJacobian(array, values_of(array, phase))).astype(np.float32)
    out, into = len(array.out_shape), len(array.in_shape)

    def forward(x):
        return jnp.tensordot(matrix, x, into)

    def backward(y):
        return jnp.tensordot(y, matrix, out)

    directions = structure.direction
    return OpaqueJacobian(
        structure,
        LinearMap.of(
            array,
            jnp.float32,
            forward if directions & FORWARD else None,
            backward if directions & REVERSE else None,
        ),
    )


def pair(part, phase=0):
    """What stands between two nodes, of one part."""
    if isinstance(part, OpaqueStructure):
        return PairJacobian(PairStructure((part,)), (opaque(part, phase),))
    return EdgeJacobian(part, jnp.asarray(values_of(part, phase)))


def matrix_of(edge):
    """The whole as a dense array."""
    return dense(written_pair(edge))


def product_of_matrices(later, earlier):
    """Their product, out axes first."""
    first, second = matrix_of(later), matrix_of(earlier)
    return np.tensordot(first, second, len(later.structure.in_shape))


DENSE = edge_structure((3,), (3,), [UNTIED], [0, 1], GENERAL)
MOVE = edge_structure((3,), (3,), [UNTIED], [0, 1], STRUCTURAL)
ROW = edge_structure((1,), (3,), [UNTIED], [1], GENERAL)
COLUMN = edge_structure((3,), (1,), [UNTIED], [0], GENERAL)
MANY = edge_structure((3,), (60,), [UNTIED], [0, 1], GENERAL)
WIDE = edge_structure((60,), (3,), [UNTIED], [0, 1], GENERAL)
THIN = edge_structure((1,), (3,), [UNTIED], [1], GENERAL)


@pytest.mark.parametrize(
    ("later", "earlier", "way"),
    [
        (OpaqueStructure(DENSE, 5, BOTH), MOVE, Way.COMPOSE),
        (MOVE, OpaqueStructure(DENSE, 5, BOTH), Way.COMPOSE),
        (OpaqueStructure(DENSE, 5, BOTH), OpaqueStructure(MOVE, 0, BOTH), Way.COMPOSE),
        (OpaqueStructure(DENSE, 5, BOTH, True), MOVE, Way.APPLY_LATER),
        (MOVE, OpaqueStructure(DENSE, 5, BOTH, True), Way.APPLY_EARLIER),
        (OpaqueStructure(DENSE, 5, BOTH), COLUMN, Way.APPLY_LATER),
        (ROW, OpaqueStructure(DENSE, 5, BOTH), Way.APPLY_EARLIER),
        (OpaqueStructure(THIN, 500, BOTH), MANY, Way.WRITE_LATER),
        (WIDE, OpaqueStructure(COLUMN, 500, BOTH), Way.WRITE_EARLIER),
        (ROW, OpaqueStructure(DENSE, 5, FORWARD), Way.WRITE_EARLIER),
        (OpaqueStructure(DENSE, 5, REVERSE), COLUMN, Way.WRITE_LATER),
        (OpaqueStructure(DENSE, 5, BOTH), OpaqueStructure(DENSE, 1, BOTH), None),
    ],
)
def test_every_way(later, earlier, way):
    """Each way gives the product of the matrices, and the structure that is counted with."""
    if way is not None:
        assert product_of_parts(later, earlier).way == way
    first, second = pair(later), pair(earlier, phase=40)
    product = multiply_pairs(first, second)
    assert product.structure == product_of(first.structure, second.structure).structure
    np.testing.assert_allclose(matrix_of(product), product_of_matrices(first, second), rtol=1e-5)


def test_a_tie_along_which_nothing_varies_is_not_summed():
    """A constant function of a constant diagonal: the product has the tied axis, but once."""
    later = pair(OpaqueStructure(edge_structure((2,), (2, 3), [UNTIED] * 2, (), GENERAL), 0, BOTH))
    earlier = pair(edge_structure((2, 3), (3, 1), [1, UNTIED], (), GENERAL))
    product = multiply_pairs(later, earlier)
    assert product.structure.carried == ()
    np.testing.assert_allclose(matrix_of(product), product_of_matrices(later, earlier), rtol=1e-5)
    wide = pair(OpaqueStructure(edge_structure((3, 1), (4,), [UNTIED], (), GENERAL), 0, BOTH))
    turned = multiply_pairs(earlier, wide)
    np.testing.assert_allclose(matrix_of(turned), product_of_matrices(earlier, wide), rtol=1e-5)


SHAPES = st.sampled_from([(), (2,), (3,), (2, 3), (3, 1)])


@st.composite
def pairs(draw, out, into):
    """Sums of up to six parts, written and opaque."""
    parts = st.one_of(written_parts(out, into), opaque_parts(out, into))
    drawn = draw(st.lists(parts, min_size=1, max_size=6))
    return functools.reduce(add_pairs, [pair(x, phase=20 * k) for k, x in enumerate(drawn)])


@given(st.data())
@settings(max_examples=12)
def test_random_sums_and_products(data):
    """Sums of any parts, and their products, equal sums and products of dense matrices."""
    out, middle, into = (data.draw(SHAPES) for _ in range(3))
    later, other = data.draw(pairs(out, middle)), data.draw(pairs(out, middle))
    earlier = data.draw(pairs(middle, into))
    total = add_pairs(later, other)
    assert total.structure == sum_of(later.structure, other.structure)
    np.testing.assert_allclose(
        matrix_of(total), matrix_of(later) + matrix_of(other), rtol=1e-4, atol=1e-4
    )
    product = multiply_pairs(total, earlier)
    assert product.structure == product_of(total.structure, earlier.structure).structure
    np.testing.assert_allclose(
        matrix_of(product), product_of_matrices(total, earlier), rtol=1e-3, atol=1e-3
    )


def test_too_many_functions_are_applied_together():
    """Five functions between two nodes: one of the four that are left does the work of two."""
    edges = [pair(OpaqueStructure(DENSE, k, BOTH), phase=7 * k) for k in range(MAX_PARTS + 1)]
    total = functools.reduce(add_pairs, edges)
    assert len(total.parts) == len(parts_of(total.structure)) == MAX_PARTS
    np.testing.assert_allclose(matrix_of(total), sum(map(matrix_of, edges)), rtol=1e-4, atol=1e-5)


def test_an_edge_from_its_structure_and_value():
    """Written edges stay written; one opaque part takes a function."""
    assert jacobian_of(DENSE, 1.0) == EdgeJacobian(DENSE, 1.0)
    structure = OpaqueStructure(DENSE, 5, BOTH)
    function = opaque(structure).function
    edge = jacobian_of(PairStructure((structure,)), function)
    assert edge.parts == (OpaqueJacobian(structure, function),)


@pytest.mark.parametrize("direction", [FORWARD, REVERSE, BOTH])
def test_written_the_way_it_goes(direction):
    """Every direction gives the same matrix, in as many applications as are counted."""
    array = edge_structure((2, 5), (4, 5), [UNTIED, 1], [0, 1, 2], GENERAL)
    structure = OpaqueStructure(array, 1, direction)
    part = opaque(structure)
    np.testing.assert_allclose(
        dense(written_part(part)), dense(EdgeJacobian(array, values_of(array))), rtol=1e-6
    )
    closed = jax.make_jaxpr(lambda: written_part(part).value)()
    assert max(v.aval.size for eqn in closed.jaxpr.eqns for v in eqn.outvars) <= 4 * 4 * 5 * 5
    assert structure.writing_cost == (4 if direction == FORWARD else 2)


def test_a_batch_takes_one_application():
    """A tied axis: the function is applied to all indices at once, once for each column."""
    batch = edge_structure((50, 2), (50, 2), [0, UNTIED], [0, 1, 3], GENERAL)
    diagonal = edge_structure((50, 2), (50, 2), [0, 1], [0, 1], GENERAL)
    later, earlier = pair(OpaqueStructure(batch, 1, FORWARD)), pair(diagonal)
    assert product_of(later.structure, earlier.structure).nontrivial == 2
    product = multiply_pairs(later, earlier)
    assert product.value.shape == (50, 2, 2)
    np.testing.assert_allclose(matrix_of(product), product_of_matrices(later, earlier), rtol=1e-5)
