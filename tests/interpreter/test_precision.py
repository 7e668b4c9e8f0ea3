"""Jacobians in a precision of choice."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from elimax.interpreter.precision import evaluate_in, relative_error


def seen(*args, precision="float64", argnums=0, kwargs=None):
    """The dtypes, or types, that a function meets."""
    found = []

    def record(*args, **kwargs):
        leaves = jax.tree.leaves((args, kwargs))
        found.extend(str(getattr(leaf, "dtype", type(leaf).__name__)) for leaf in leaves)
        return jnp.ones(1)

    evaluate_in(precision, record, args, kwargs or {}, argnums, False)
    return found


@pytest.mark.parametrize("size", [(), (2,)], ids=["uncompiled", "compiled"])
@pytest.mark.parametrize(
    ("precision", "expected"),
    [("float32", ["float32", "complex64"]), ("float64", ["float64", "complex128"])],
)
def test_floats_are_converted(size, precision, expected):
    """Narrow and wide, real and complex; integers and booleans are not."""
    for dtypes in (("float16", "complex64"), ("float64", "complex128")):
        real, imaginary = (np.ones(size, dtype) for dtype in dtypes)
        found = seen(real, imaginary, np.ones(size, "int8"), precision=precision)
        assert found == [*expected, "int8"]


def test_python_values_stay_where_nothing_is_differentiated():
    """They may steer the function; a differentiated number becomes an array."""
    found = seen(1.0, 3, "text", jnp.ones(2), argnums=(0,), kwargs={"n": 2, "x": np.float32(1)})
    assert found == ["float64", "int", "str", "float64", "int", "float64"]


def test_auxiliary_data_are_dropped():
    """Only the Jacobian is compared, so the rest may be anything."""
    result = evaluate_in("float64", lambda x: (x, "text"), [1.0], {}, 0, True)
    assert result.dtype == jnp.float64


def test_precision_is_not_left_on():
    """The setting of the process is as it was."""
    seen(1.0)
    assert jnp.ones(1).dtype == jnp.float32


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        ([1.0, 2.0], [1.0, 4.0], 0.5),
        ([0.0], [0.0], 0.0),
        ([1e-9], [0.0], np.inf),
        ([np.nan, 1.0], [np.nan, 1.0], 0.0),
        ([np.inf, 1.0], [np.inf, 2.0], 0.5),
        ([np.inf], [np.inf], 0.0),
        ([], [], 0.0),
        ([1.0], [1.0, 2.0], np.inf),
    ],
)
def test_relative_error(ours, theirs, expected):
    """The largest difference over the largest entry of the reference."""
    assert relative_error(np.asarray(ours), np.asarray(theirs)) == expected


def test_wrong_nan_is_no_number():
    """It is within no tolerance."""
    assert np.isnan(relative_error(np.asarray([np.nan]), np.asarray([1.0])))
