"""Arrays with labelled axes."""

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest

from elimax.interpreter.algebra.labelled import (
    Labelled,
    add_arrays,
    arrange,
    is_constant,
    multiply_arrays,
    namespace,
    reciprocal,
    reshaped,
    spread,
    times_whole,
    with_dtype_of,
)


@pytest.mark.parametrize("array", [np.ones(2), np.float32(1.0), np.asarray(1.0)])
def test_numpy_is_constant(array):
    """Arrays and scalars of numpy are constants, and numpy works on them."""
    assert is_constant(array)
    assert namespace(array) is np


def test_jax_arrays_and_tracers_are_not_constant():
    """Whatever JAX computes is no constant, even if its value is known."""
    assert not is_constant(jnp.ones(2))
    assert namespace(jnp.ones(2)) is jnp
    seen = []
    jax.jit(lambda x: seen.append(is_constant(x)) or x)(1.0)
    assert seen == [False]


def test_arrange_permutes_axes():
    """Labels move with their axes."""
    array = np.arange(24).reshape(2, 3, 4)
    arranged = arrange(Labelled(array, (5, 0, 7)), (7, 5, 0))
    assert arranged.shape == (4, 2, 3)
    np.testing.assert_array_equal(arranged, array.transpose(2, 0, 1))


def test_arrange_leaves_arrays_in_order_alone():
    """No copy and no equation where nothing moves."""
    array = np.ones((2, 3))
    assert arrange(Labelled(array, (4, 9)), (4, 9)) is array


@pytest.mark.parametrize("kind", [np.asarray, jnp.asarray])
def test_spread_repeats_along_labels_that_are_missing(kind):
    """In the wanted order of axes; numpy stays numpy, JAX stays JAX."""
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    spread_array = spread(Labelled(kind(array), (2, 0)), (0, 1, 2, 3), (3, 4, 2, 1))
    assert is_constant(spread_array) == (kind is np.asarray)
    exact = np.broadcast_to(array.T[:, None, :, None], (3, 4, 2, 1))
    np.testing.assert_array_equal(spread_array, exact)


def test_spread_leaves_arrays_over_all_labels_alone():
    """No copy and no equation."""
    array = np.ones((2, 3))
    assert spread(Labelled(array, (4, 9)), (4, 9), (2, 3)) is array


@pytest.mark.parametrize(("combine", "exact"), [(add_arrays, 5), (multiply_arrays, 6)])
@pytest.mark.parametrize("first", ["numpy", "float16", "bfloat16", "float32"])
@pytest.mark.parametrize("second", ["numpy", "float16", "bfloat16", "float32"])
def test_sums_and_products(combine, exact, first, second):
    """One primitive, in the dtype of JAX's own promotion; constants take the other's dtype."""
    arrays = [
        np.full(2, value) if dtype == "numpy" else jnp.full(2, value, dtype)
        for value, dtype in ((2.0, first), (3.0, second))
    ]
    result = combine(*arrays)
    assert result.tolist() == [exact, exact]
    assert is_constant(result) == (first == second == "numpy")
    dtypes = [dtype for dtype in (first, second) if dtype != "numpy"]
    if dtypes:
        with jax.numpy_dtype_promotion("standard"):
            assert result.dtype == jnp.result_type(*map(jnp.dtype, dtypes))
    if first == second != "numpy":
        assert len(jax.make_jaxpr(combine)(*arrays).eqns) == 1


@pytest.mark.parametrize(("factor", "names"), [(1, []), (-1, ["neg"]), (3, ["mul"])])
def test_whole_factors(factor, names):
    """Signs are no multiplication; constants stay constant, dtypes stay."""
    closed = jax.make_jaxpr(lambda x: times_whole(x, factor))(jnp.ones(2, jnp.float16))
    assert [eqn.primitive.name for eqn in closed.jaxpr.eqns] == names
    assert closed.out_avals[0].dtype == jnp.float16
    constant = times_whole(np.arange(3.0), factor)
    assert is_constant(constant) and constant.tolist() == [0, factor, 2 * factor]
    assert times_whole(np.arange(2.0), np.array([-1, factor])).tolist() == [0, factor]


def test_reciprocal_and_shape():
    """Of constants in numpy; an array that has its shape is left alone."""
    assert is_constant(reciprocal(np.asarray(4.0))) and reciprocal(np.asarray(4.0)) == 0.25
    assert reciprocal(jnp.float32(4.0)) == 0.25
    array = jnp.ones((2, 3))
    assert reshaped(array, (2, 3)) is array
    assert reshaped(array, (6,)).shape == (6,)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "complex64"])
def test_constants_take_the_dtype_of_what_they_meet(dtype):
    """A float64 constant does not widen a narrow array."""
    assert with_dtype_of(np.ones(2), jnp.ones(2, dtype)).dtype == dtype


def test_complex_constants_stay_complex():
    """A complex constant beside a real array keeps its imaginary part."""
    constant = with_dtype_of(np.asarray(1j), jnp.ones(2))
    assert constant == 1j and constant.dtype == np.complex64


def test_other_arrays_keep_their_dtype():
    """Two constants, or an array of JAX, are left as they are."""
    pair = np.ones(2, np.float32), np.ones(2)
    assert with_dtype_of(*pair) is pair[0]
    array = jnp.ones(2, ml_dtypes.bfloat16)
    assert with_dtype_of(array, jnp.ones(2)) is array


@pytest.mark.parametrize("kind", [np.asarray, jnp.asarray])
def test_renamed_and_constant(kind):
    """Other labels, the same array; constant is what is numpy."""
    value = Labelled(kind([[1.0, 2.0]]), (4, 9))
    renamed = value.renamed({4: 0, 9: 3})
    assert renamed.array is value.array
    assert renamed.labels == (0, 3)
    assert value.is_constant == (kind is np.asarray)
