"""Arrays with labelled axes."""

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest

from interpreter.labelled import (
    Labelled,
    arrange,
    is_constant,
    namespace,
    spread,
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


def test_spread_adds_axes_of_size_one():
    """Labels that an array lacks get an axis that broadcasts, in their place."""
    array = np.arange(6).reshape(2, 3)
    spread_array = spread(Labelled(array, (2, 0)), (0, 1, 2, 3))
    assert spread_array.shape == (3, 1, 2, 1)
    np.testing.assert_array_equal(spread_array[:, 0, :, 0], array.T)


def test_spread_keeps_constants_constant():
    """numpy stays numpy, JAX stays JAX."""
    assert is_constant(spread(Labelled(np.ones(2), (0,)), (0, 1)))
    assert not is_constant(spread(Labelled(jnp.ones(2), (0,)), (0, 1)))


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
