"""What a user passes is checked, with messages that say what would be right."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from elimax.interpreter.jacobian import jacve
from elimax.interpreter.tracing.call_checks import (
    check_callable,
    check_inputs,
    check_outputs,
    described,
    is_array,
    is_numeric,
    positions_of,
)

KEY = jax.random.key(0)


@pytest.mark.parametrize("fun", [jnp.sin, jax.jit(jnp.sin), functools.partial(jnp.add, 1.0), dict])
def test_functions_are_accepted(fun):
    """Whatever can be called."""
    check_callable(fun)


@pytest.mark.parametrize("value", [3, None, jnp.ones(2)])
def test_values_are_no_functions(value):
    """The usual slip is jacve(f(x)) for jacve(f)(x)."""
    kind = type(value).__name__
    expected = rf"a function, but is .* of type {kind}: pass the function itself.*jacve\(f\)\(x\)"
    with pytest.raises(TypeError, match=expected):
        check_callable(value)


@pytest.mark.parametrize(
    ("argnums", "expected"),
    [
        (1, [1]),
        (-1, [2]),
        ((0, -3), [0, 0]),
        (np.int64(2), [2]),
        (range(2), [0, 1]),
        (np.array([2, 0]), [2, 0]),
    ],
)
def test_positions_are_counted_from_the_front(argnums, expected):
    """Negative positions, numpy integers and whatever can be listed."""
    assert positions_of(argnums, 3) == expected


@pytest.mark.parametrize(("argnums", "culprit"), [(3, 3), (-4, -4), ((0, 7), 7)])
def test_positions_out_of_range(argnums, culprit):
    """The message names the position and the number of arguments, and explains keywords."""
    expected = f"asks for argument {culprit}, but the function was called with 3 positional"
    with pytest.raises(ValueError, match=expected + ".*by keyword is never differentiated"):
        positions_of(argnums, 3)


@pytest.mark.parametrize("argnums", [1.0, "x", None, (0, "x"), [[0]]])
def test_positions_must_be_integers(argnums):
    """A name or a float is no position."""
    with pytest.raises(TypeError, match=r"argnums must be the position of an argument.*but is"):
        positions_of(argnums, 3)


@pytest.mark.parametrize(
    ("leaf", "array", "numeric"),
    [
        (jnp.ones(2, jnp.bfloat16), True, True),
        (np.ones(2, bool), True, True),
        (np.float64(1.0), True, True),
        (KEY, True, True),
        (jax.ShapeDtypeStruct((2,), jnp.int8), True, True),
        (1.5, False, True),
        (True, False, True),
        (2j, False, True),
        ("abc", False, False),
        (np.array(["abc"]), False, False),
        (np.array([{}], object), False, False),
        (None, False, False),
    ],
)
def test_what_jax_can_compute_with(leaf, array, numeric):
    """Arrays of numbers, of Python's own types or of PRNG keys; nothing else."""
    assert (is_array(leaf), is_numeric(leaf)) == (array, numeric)


@pytest.mark.parametrize(
    ("leaf", "holomorphic", "allow_int", "message"),
    [
        (
            jnp.ones(2),
            True,
            False,
            "inputs must be complex, but w is float32: convert it, or leave",
        ),
        (jnp.arange(2), False, False, "floating point, but w is int32.*pass allow_int=True"),
        (jnp.ones(2, bool), False, False, "inputs must be floating point, but w is bool"),
        (KEY, False, True, "inputs must be floating point, but w is key<fry>.*other argnums"),
    ],
)
def test_inputs_that_cannot_be_differentiated(leaf, holomorphic, allow_int, message):
    """The message says what was given and what would help."""
    with pytest.raises(TypeError, match=message):
        check_inputs({"v": jnp.ones(1, "complex64"), "w": leaf}, holomorphic, allow_int)


@pytest.mark.parametrize(
    ("dtype", "holomorphic", "allow_int"),
    [
        ("float16", False, False),
        ("complex64", True, False),
        ("complex64", False, False),
        ("int32", False, True),
        ("bool", False, True),
    ],
)
def test_inputs_that_can(dtype, holomorphic, allow_int):
    """Floats, complex numbers and integers, each with its flag."""
    check_inputs({"x": jnp.ones(2, dtype)}, holomorphic, allow_int)


@pytest.mark.parametrize(
    ("dtype", "holomorphic", "message"),
    [
        ("int32", False, "must be real floating point, but y is int32: convert it.*has_aux=True"),
        ("complex64", False, "must be real floating point, but y is complex64: pass holomorphic"),
        ("float32", True, "outputs must be complex with holomorphic=True, but y is float32: conv"),
    ],
)
def test_outputs_that_cannot_be_differentiated(dtype, holomorphic, message):
    """The message says what was given and what would help."""
    with pytest.raises(TypeError, match=message):
        check_outputs({"y": jnp.ones(2, dtype)}, holomorphic)


@pytest.mark.parametrize(
    ("dtype", "holomorphic"), [("float16", False), ("float32", False), ("complex64", True)]
)
def test_outputs_that_can(dtype, holomorphic):
    """Real ones, or complex ones with the flag."""
    check_outputs({"y": jnp.ones(2, dtype)}, holomorphic)


def test_long_values_are_abridged():
    """A message shows the beginning of a value and its type."""
    text = described(list(range(1000)))
    assert text.startswith("[0, 1, 2") and text.endswith(" of type list") and len(text) < 80


def test_a_number_with_a_dtype_is_no_array():
    """JAX hands such numbers to the rules of a custom_jvp: they have a dtype and no shape."""

    @jax.custom_jvp
    def twice(p):
        return p * 2.0

    @twice.defjvp
    def _(primals, tangents):
        (slope,) = (jacve(lambda x, p: x * p)(2.0, primals[0]),)
        return twice(primals[0]), 2.0 * slope * tangents[0] / primals[0]

    assert jax.grad(twice)(4.0) == 2.0
