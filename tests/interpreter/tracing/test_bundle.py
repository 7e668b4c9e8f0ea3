"""Operands and results side by side in one array: which axes they share, placing and cutting."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from elimax.interpreter.algebra.edge_jacobian import EdgeJacobian
from elimax.interpreter.graph.structure import UNTIED, Kind
from elimax.interpreter.tracing.bundle import bundled, shared_by_all, tie_structure
from support.dense_values import dense
from support.random_programs import wave

U = UNTIED


def avals(*shapes, dtype=jnp.float32):
    """Shapes and dtypes."""
    return [jax.ShapeDtypeStruct(shape, dtype) for shape in shapes]


# A scan over T = 3 steps of a batch of 2: c (B,) and xs (T, B) to the last c (B,) and ys (T, B).
INS, OUTS = avals((2,), (3, 2)), avals((2,), (3, 2))
TIES = {(0, 0): (0,), (0, 1): (1,), (1, 0): (U, 0), (1, 1): (U, 1)}


def test_a_batch_axis_is_shared():
    """It comes first, everything else is one long axis."""
    (operands,), results = bundled(INS, OUTS, TIES)
    assert operands.is_joined and results.is_joined
    assert operands.shape == results.shape == (2, 4)
    assert operands.shared == results.shared
    assert tie_structure(operands, results) == [0, U]


def test_an_axis_that_one_result_lacks_is_not_shared():
    """Steps that are tied to those of a result that is not all."""
    ties = {**TIES, (1, 1): (0, 1)}
    (operands,), _ = bundled(INS, OUTS, ties)
    assert operands.shape == (2, 4)


def test_operands_with_other_shared_axes_stand_apart():
    """x[b] and a constant w: one node each."""
    bundles, results = bundled(avals((2, 3), (4,)), avals((2, 3)), {(0, 0): (0, U), (1, 0): (U,)})
    assert [bundle.shape for bundle in bundles] == [(2, 3), (4,)]
    assert not results.is_joined
    assert [tie_structure(bundle, results) for bundle in bundles] == [[0, U], [U]]


def test_a_pair_that_does_not_depend_breaks_no_tie():
    """A result that does not depend on an operand says nothing about it."""
    ties = {key: TIES[key] for key in ((0, 0), (1, 0), (1, 1))}
    (operands,), _ = bundled(INS, OUTS, ties)
    assert operands.shape == (2, 4)


def test_contradicting_ties_are_dropped():
    """An operand that ties its axis to different ones of a result shares none."""
    ins, outs = avals((3,), (3,)), avals((3, 3))
    bundles, _ = bundled(ins, outs, {(0, 0): (0,), (1, 0): (1,)})
    assert [bundle.shape for bundle in bundles] == [(3,), (3,)]
    (bundle,), _ = bundled(avals((3, 3)), avals((3,)), {(0, 0): (0, 0)})
    assert bundle.members[0].shared == (U, U)


@pytest.mark.parametrize("end", [0, 1])
def test_joining_and_splitting(end):
    """They are inverse to each other, whatever the order of axes."""
    (operands,), results = bundled(INS, OUTS, TIES)
    bundle = (operands, results)[end]
    arrays = {k: jnp.asarray(wave(*x.shape, phase=9 * k)) for k, x in enumerate((INS, OUTS)[end])}
    joined = bundle.join(arrays)
    assert joined.shape == bundle.shape
    for number, array in bundle.split(joined).items():
        np.testing.assert_array_equal(array, arrays[number])


def test_placing_and_cutting_are_structural_edges():
    """Placing is what `join` does to one member, cutting what `split` does."""
    (operands,), results = bundled(INS, OUTS, TIES)
    for k, member in enumerate(operands.members):
        structure, pattern = operands.placement(member)
        assert structure.kind == Kind.STRUCTURAL
        arrays = {n: jnp.zeros(x.shape) for n, x in enumerate(INS)}
        arrays[k] = jnp.asarray(wave(*INS[k].shape), jnp.float32)
        placed = np.tensordot(dense(EdgeJacobian(structure, pattern)), arrays[k], INS[k].ndim)
        np.testing.assert_allclose(placed, operands.join(arrays), rtol=1e-6)
    whole = jnp.asarray(wave(2, 4), jnp.float32)
    for member in results.members:
        structure, pattern = results.cut(member)
        assert structure.kind == Kind.STRUCTURAL
        piece = np.tensordot(dense(EdgeJacobian(structure, pattern)), whole, 2)
        np.testing.assert_allclose(piece, results.split(whole)[member.number], rtol=1e-6)


def test_the_widest_dtype_is_that_of_the_node():
    """float16 next to float32 stands in float32."""
    ins = [*avals((2,), dtype=jnp.float16), *avals((2,))]
    (operands,), _ = bundled(ins, avals((2,)), {(0, 0): (U,), (1, 0): (U,)})
    assert operands.dtype == jnp.float32
    joined = operands.join({0: jnp.ones(2, jnp.float16), 1: jnp.ones(2)})
    assert joined.dtype == jnp.float32


def test_members_as_they_are_written_in_reverse():
    """One unit vector of a result serves all operands, so an axis that one lacks is its own."""
    bundles, results = bundled(avals((2, 3), (4,)), avals((2, 3)), {(0, 0): (0, U), (1, 0): (U,)})
    operands, (result,) = shared_by_all(bundles, results)
    assert [member.shared for member in operands] == [(U, U), (U,)]
    assert result.shared == (U, U) and result.width == 6
