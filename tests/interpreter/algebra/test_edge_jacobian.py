"""Products and sums of edge Jacobians with values, against dense arrays."""

import itertools

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from jax import lax

from elimax.interpreter.algebra.edge_jacobian import (
    PRODUCT_SCOPE,
    EdgeJacobian,
    add_edges,
    multiply_edges,
)
from elimax.interpreter.algebra.labelled import is_constant
from elimax.interpreter.algebra.sparse_value import Part, SparseValue, selection
from elimax.interpreter.graph.structure import (
    UNTIED,
    Kind,
    add,
    edge_structure,
    multiply,
)
from support.compare import assert_equals_jacrev, count_folded, emitted_multiplications
from support.dense_values import all_constant, dense
from support.edge_values import GENERAL, SHAPES, STRUCTURAL, TRIVIAL, edges


@given(st.data())
@settings(max_examples=60)
def test_products_equal_dense_products(data):
    """Any two structures with a common middle shape: value, structure, constants stay constant."""
    out, middle, into = (data.draw(st.sampled_from(SHAPES)) for _ in range(3))
    later, earlier = data.draw(edges(out, middle)), data.draw(edges(middle, into))
    product = multiply_edges(later, earlier)
    assert product.structure == multiply(later.structure, earlier.structure).structure
    if all_constant(later.value) and all_constant(earlier.value):
        assert all_constant(product.value)
    exact = np.tensordot(dense(later), dense(earlier), len(middle))
    np.testing.assert_allclose(dense(product), exact, atol=1e-5)


@given(st.data())
@settings(max_examples=60)
def test_sums_equal_dense_sums(data):
    """Any two structures between the same shapes: value, structure, constants stay constant."""
    out, into = (data.draw(st.sampled_from(SHAPES)) for _ in range(2))
    first, second = data.draw(edges(out, into)), data.draw(edges(out, into))
    total = add_edges(first, second)
    assert total.structure == add(first.structure, second.structure)
    if all_constant(first.value) and all_constant(second.value):
        assert all_constant(total.value)
    np.testing.assert_allclose(dense(total), dense(first) + dense(second), atol=1e-6)


@given(st.data())
@settings(max_examples=60)
def test_products_emit_what_they_cost(data):
    """Multiplications in the scope of edge products are the nontrivial cost, whatever labels."""
    out, middle, into = (data.draw(st.sampled_from(SHAPES)) for _ in range(3))
    later, earlier = data.draw(edges(out, middle)), data.draw(edges(middle, into))
    with count_folded() as folded:
        closed = jax.make_jaxpr(
            lambda x, y: _arrays(multiply_edges(_fed(later, x), _fed(earlier, y)))
        )(_arrays(later), _arrays(earlier))
    expected = multiply(later.structure, earlier.structure).nontrivial
    assert emitted_multiplications(closed) + sum(folded) == expected


def _arrays(edge: EdgeJacobian) -> list:
    """The computed arrays of an edge."""
    parts = edge.value.parts if isinstance(edge.value, SparseValue) else [Part(edge.value, ())]
    return [part.entries for part in parts if not is_constant(part.entries)]


def _fed(edge: EdgeJacobian, arrays: list) -> EdgeJacobian:
    """The edge with other computed arrays."""
    arrays = iter(arrays)
    if not isinstance(edge.value, SparseValue):
        return edge if is_constant(edge.value) else edge._replace(value=next(arrays))
    parts = (
        part if is_constant(part.entries) else part._replace(entries=next(arrays))
        for part in edge.value.parts
    )
    return edge._replace(value=edge.value._replace(parts=tuple(parts)))


def scaled(kind: Kind, value: float) -> EdgeJacobian:
    """A diagonal edge of size four, constant along its label."""
    return EdgeJacobian(edge_structure((4,), (4,), [0], [], kind), np.asarray(value))


def test_constants_are_folded():
    """Two constants meet in numpy, while tracing: nothing is left to emit."""
    product = multiply_edges(scaled(GENERAL, 2.0), scaled(GENERAL, 3.0))
    assert is_constant(product.value) and product.value == 6.0


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_trivial_factors_multiply_nothing(sign):
    """+1 hands the value on, -1 negates it."""
    general = edge_structure((4,), (4,), [0], [0], GENERAL)
    closed = jax.make_jaxpr(
        lambda v: multiply_edges(EdgeJacobian(general, v), scaled(TRIVIAL, sign)).value
    )(jnp.ones(4))
    assert [eqn.primitive.name for eqn in closed.jaxpr.eqns] == ([] if sign == 1 else ["neg"])


def test_scope_is_named():
    """The scope stands in the name stack of what is emitted."""
    general = edge_structure((4,), (4,), [0], [0], GENERAL)
    closed = jax.make_jaxpr(
        lambda v: multiply_edges(EdgeJacobian(general, v), EdgeJacobian(general, v)).value
    )(jnp.ones(4))
    (eqn,) = closed.jaxpr.eqns
    assert eqn.primitive.name == "mul"
    assert PRODUCT_SCOPE in str(eqn.source_info.name_stack)


def test_contracted_label_that_nobody_carries_is_repeated():
    """The sum of a broadcast: 1 from () to (4,), then 1 from (4,) to () makes 4."""
    spread = EdgeJacobian(edge_structure((4,), (), [], [], STRUCTURAL), np.asarray(1.0))
    total = EdgeJacobian(edge_structure((), (4,), [UNTIED], [], STRUCTURAL), np.asarray(1.0))
    assert multiply_edges(total, spread).value == 4.0


@pytest.mark.parametrize("first", ["float16", "bfloat16", "float32"])
@pytest.mark.parametrize("second", ["float16", "bfloat16", "float32"])
def test_mixed_dtypes_under_strict_promotion(first, second):
    """Edges of different dtypes are multiplied and added as JAX would promote them."""
    structure = edge_structure((2,), (2,), [0], [0], GENERAL)
    pair = [EdgeJacobian(structure, jnp.asarray([1.0, 2.0], dtype)) for dtype in (first, second)]
    with jax.numpy_dtype_promotion("standard"):
        expected = jnp.result_type(first, second)
    for combine in (multiply_edges, add_edges):
        assert combine(*pair).value.dtype == expected


def test_broken_ties_stand_on_the_diagonal():
    """A diagonal plus a full matrix, plus another diagonal, plus a slice."""
    tied = edge_structure((3,), (3,), [0], [0], GENERAL)
    full = edge_structure((3,), (3,), [UNTIED], [0, 1], GENERAL)
    diagonal = EdgeJacobian(tied, jnp.arange(3.0))
    matrix = EdgeJacobian(full, jnp.ones((3, 3)))
    slice_of = EdgeJacobian(full, selection((0, 1), (3, 3), [[0, 1], [1, 2]]))
    exact = np.diag(np.arange(3.0))
    assert add_edges(diagonal, diagonal).value.shape == (3,)
    np.testing.assert_array_equal(dense(add_edges(diagonal, matrix)), exact + 1)
    np.testing.assert_array_equal(dense(add_edges(matrix, diagonal)), exact + 1)
    total = add_edges(diagonal, slice_of)
    assert isinstance(total.value, SparseValue)
    np.testing.assert_array_equal(dense(total), exact + np.eye(3, k=1))


def test_sums_of_copies_are_counted_in_later_products():
    """A sum of four copies of one number, made before it meets a value: a free factor of 4."""
    four = EdgeJacobian(edge_structure((), (), [], [], STRUCTURAL), np.asarray(4.0))
    value = EdgeJacobian(edge_structure((), (), [], [], GENERAL), jnp.asarray(0.5))
    assert multiply_edges(four, value).value == multiply_edges(value, four).value == 2.0
    sliced = EdgeJacobian(
        edge_structure((), (3,), [UNTIED], [0], STRUCTURAL), selection((0,), (3,), [[1]])
    )
    assert dense(multiply_edges(four, sliced)).tolist() == [0, 4, 0]


@pytest.mark.parametrize("order", list(itertools.permutations([1, 2, 3])))
def test_sums_of_copies_in_any_order(order):
    """sin(sum of four copies of sin x): broadcast and sum may meet before either sine."""

    def function(x):
        return jnp.sin(lax.reduce_sum(lax.broadcast(jnp.sin(x), (4,)), (0,)))

    assert_equals_jacrev(function, np.float64(1.0), order=order)
