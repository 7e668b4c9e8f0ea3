"""Products and sums of edge Jacobians with values, against dense arrays."""

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings

from interpreter.edge_jacobian import (
    PRODUCT_SCOPE,
    EdgeJacobian,
    add_edges,
    assemble_dense,
    multiply_edges,
)
from interpreter.labelled import is_constant
from interpreter.structure import UNTIED, EdgeStructure, Kind, add, edge_structure, multiply
from tests.interpreter.compare import emitted_multiplications
from tests.interpreter.random_programs import wave

SHAPES = ((), (1,), (2,), (3,), (2, 3), (3, 3), (1, 2))
GENERAL, TRIVIAL, STRUCTURAL = Kind.GENERAL, Kind.TRIVIAL, Kind.STRUCTURAL


def dense(edge: EdgeJacobian) -> np.ndarray:
    """The Jacobian entry by entry, straight from the definition of labels."""
    structure = edge.structure
    shape, rank = structure.out_shape + structure.in_shape, len(structure.out_shape)
    result, value = np.zeros(shape), np.asarray(edge.value)
    for index in np.ndindex(*shape):
        ties = [(index[t], index[rank + j]) for j, t in enumerate(structure.ties) if t != UNTIED]
        if all(out == into for out, into in ties):
            result[index] = value[tuple(index[label] for label in structure.carried)]
    return result


@st.composite
def edges(draw: st.DrawFn, out: tuple[int, ...], into: tuple[int, ...]) -> EdgeJacobian:
    """Any structure between two shapes with a value that fits its kind, constant or not."""
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
    return EdgeJacobian(structure, value if constant else jnp.asarray(value, jnp.float32))


@given(st.data())
@settings(max_examples=60)
def test_products_equal_dense_products(data):
    """Any two structures with a common middle shape: value, structure, constants stay constant."""
    out, middle, into = (data.draw(st.sampled_from(SHAPES)) for _ in range(3))
    later, earlier = data.draw(edges(out, middle)), data.draw(edges(middle, into))
    product = multiply_edges(later, earlier)
    assert product.structure == multiply(later.structure, earlier.structure).structure
    assert product.value.shape == product.structure.carried_shape
    assert is_constant(product.value) == (is_constant(later.value) and is_constant(earlier.value))
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
    assert total.value.shape == total.structure.carried_shape
    assert is_constant(total.value) == (is_constant(first.value) and is_constant(second.value))
    np.testing.assert_allclose(dense(total), dense(first) + dense(second), atol=1e-6)


@given(st.data())
@settings(max_examples=40)
def test_dense_assembly(data):
    """Writing an edge out gives the array of the definition, in the dtype that is asked for."""
    out, into = (data.draw(st.sampled_from(SHAPES)) for _ in range(2))
    edge = data.draw(edges(out, into))
    array = assemble_dense(edge, jnp.float16)
    assert array.dtype == jnp.float16
    np.testing.assert_allclose(np.asarray(array, np.float64), dense(edge), atol=1e-3)


@given(st.data())
@settings(max_examples=60)
def test_products_emit_what_they_cost(data):
    """Multiplications in the scope of edge products are the nontrivial cost, whatever labels."""
    out, middle, into = (data.draw(st.sampled_from(SHAPES)) for _ in range(3))
    later, earlier = data.draw(edges(out, middle)), data.draw(edges(middle, into))
    if is_constant(later.value) and is_constant(earlier.value):
        return
    closed = jax.make_jaxpr(
        lambda x, y: (
            multiply_edges(
                later._replace(value=x) if not is_constant(later.value) else later,
                earlier._replace(value=y) if not is_constant(earlier.value) else earlier,
            ).value
        )
    )(later.value, earlier.value)
    expected = multiply(later.structure, earlier.structure).nontrivial
    assert emitted_multiplications(closed) == expected


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


def test_real_part_of_a_complex_edge():
    """Between real vertices only the real part of what went through complex ones counts."""
    structure: EdgeStructure = edge_structure((2,), (2,), [0], [0], GENERAL)
    for value in (np.array([1 + 5j, 2 - 5j]), jnp.array([1 + 5j, 2 - 5j])):
        array = assemble_dense(EdgeJacobian(structure, value), jnp.float32)
        assert array.tolist() == [[1, 0], [0, 2]]
        kept = assemble_dense(EdgeJacobian(structure, value), jnp.complex64)
        assert kept[0, 0] == 1 + 5j
