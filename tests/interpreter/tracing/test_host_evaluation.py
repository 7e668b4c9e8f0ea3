"""What numpy computes of constants is what JAX computes, or is left to JAX."""

import jax
import jax.extend.core as jex
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from elimax.interpreter.tracing import host_evaluation
from elimax.interpreter.tracing.host_evaluation import (
    ELEMENTWISE,
    OTHERS,
    REDUCTIONS,
    evaluate,
)

INTS = jnp.asarray([[3, -7, 0], [5, 2, -1]])
FLOATS = jnp.asarray([[0.5, -7.25, 0.0], [jnp.inf, 2.0, jnp.nan]], jnp.float32)
BOOLS = INTS > 0
BINARY = {
    **{name: (INTS, INTS[::-1]) for name in ("add", "sub", "mul", "max", "min")},
    **{name: (FLOATS, FLOATS[::-1]) for name in ("eq", "ne", "lt", "le", "gt", "ge")},
    "pow": (jnp.abs(FLOATS), FLOATS),
    **{name: (INTS, INTS[::-1]) for name in ("and", "or", "xor")},
}
UNARY = {
    "abs": FLOATS,
    "ceil": FLOATS,
    "copy": INTS,
    "floor": FLOATS,
    "is_finite": FLOATS,
    "neg": FLOATS,
    "not": BOOLS,
    "sqrt": FLOATS,
    "square": FLOATS,
    **dict.fromkeys(("cos", "exp", "expm1", "log", "log1p", "sin", "tanh"), jnp.abs(FLOATS[0])),
}
FUNCTIONS = {
    "broadcast_in_dim": lambda: lax.broadcast_in_dim(INTS, (4, 2, 3), (1, 2)),
    "clamp": lambda: lax.clamp(-1.0, FLOATS, 1.0),
    "concatenate": lambda: lax.concatenate([INTS, INTS], 1),
    "convert_element_type": lambda: lax.convert_element_type(INTS, jnp.float32),
    "cumsum": lambda: lax.cumsum(INTS, 1, reverse=True),
    "div": lambda: lax.div(INTS, jnp.full((2, 3), 2, INTS.dtype)),
    "dynamic_slice": lambda: lax.dynamic_slice(INTS, (1, 1), (1, 2)),
    "gather": lambda: INTS.at[:, jnp.asarray([2, 0])].get(mode="promise_in_bounds"),
    "integer_pow": lambda: lax.integer_pow(INTS, 3),
    "iota": lambda: lax.broadcasted_iota(np.int32, (2, 3), 1),
    "pad": lambda: lax.pad(INTS, jnp.asarray(9, INTS.dtype), [(1, 0, 0), (0, 2, 0)]),
    "pad, between": lambda: lax.pad(INTS, jnp.asarray(9, INTS.dtype), [(1, 0, 2), (0, 2, 1)]),
    "pad, and cut": lambda: lax.pad(INTS, jnp.asarray(9, INTS.dtype), [(-3, 5, 1), (2, -1, 0)]),
    "reduce_and": lambda: lax.reduce_and(BOOLS, (0,)),
    "reduce_max": lambda: lax.reduce_max(FLOATS, (1,)),
    "reduce_min": lambda: lax.reduce_min(INTS, (0, 1)),
    "reduce_or": lambda: lax.reduce_or(BOOLS, (1,)),
    "reduce_sum": lambda: lax.reduce_sum(INTS, (1,)),
    "rem": lambda: lax.rem(INTS, jnp.full((2, 3), 3, INTS.dtype)),
    "reshape": lambda: lax.reshape(INTS, (3, 2)),
    "rev": lambda: lax.rev(INTS, (1,)),
    "select_n": lambda: lax.select_n(BOOLS, INTS, -INTS),
    "sign": lambda: lax.sign(INTS),
    "slice": lambda: lax.slice(INTS, (0, 0), (2, 3), (1, 2)),
    "stack": lambda: jnp.stack([INTS, -INTS], axis=1),
    "squeeze": lambda: lax.squeeze(INTS[:1], (0,)),
    "tile": lambda: jnp.tile(INTS, (2, 3)),
    "transpose": lambda: lax.transpose(INTS, (1, 0)),
}
NAMES = {"and": "bitwise_and", "or": "bitwise_or", "xor": "bitwise_xor", "not": "bitwise_not"}


def compare(function, name):
    """Evaluates the jaxpr of a function of no inputs by numpy, and compares it with JAX."""
    closed = jax.make_jaxpr(function)()
    assert name in str(closed)
    values = host_evaluation._call(closed, ())
    assert values is not None
    expected = np.asarray(function())
    assert values[0].dtype == expected.dtype
    assert values[0].shape == expected.shape
    # Equal in all but the last bits of what is rounded.
    np.testing.assert_allclose(values[0], expected, 3e-7)


@pytest.mark.parametrize("name", BINARY)
def test_binary(name):
    """Arithmetic and comparisons of two arrays."""
    compare(lambda: getattr(lax, NAMES.get(name, name))(*BINARY[name]), name)


@pytest.mark.parametrize("name", UNARY)
def test_unary(name):
    """Functions of one array."""
    if name == "copy":
        compare(lambda: jnp.copy(UNARY[name]), name)
    else:
        compare(lambda: getattr(lax, NAMES.get(name, name))(UNARY[name]), name)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_other(name):
    """Primitives with parameters."""
    compare(FUNCTIONS[name], name.partition(",")[0])


def test_every_primitive_is_compared():
    """No entry of the tables goes untested."""
    compared = {*BINARY, *UNARY, *FUNCTIONS}
    assert {*ELEMENTWISE, *OTHERS, *REDUCTIONS} - compared == {"copy_p"}


@pytest.mark.parametrize(
    "function",
    [
        lambda: lax.sign(FLOATS),
        lambda: lax.convert_element_type(FLOATS, jnp.int32),
        lambda: lax.div(INTS, INTS),
        lambda: lax.reduce_sum(FLOATS, (0,)),
        lambda: lax.integer_pow(FLOATS, 5),
        lambda: lax.add(FLOATS.astype(jnp.bfloat16), FLOATS.astype(jnp.bfloat16)),
        lambda: lax.neg(FLOATS.astype(jnp.complex64)),
        lambda: jax.random.split(jax.random.key(0)),
    ],
)
def test_what_may_differ_is_left_to_jax(function):
    """Sums of floats, undefined casts, negative zeros and rare dtypes."""
    assert host_evaluation._call(jax.make_jaxpr(function)(), ()) is None


def test_unknown_primitive():
    """A name that is in no table."""
    assert evaluate("none_such", [1.0], {}) is None


def test_no_compilation(monkeypatch):
    """No primitive is bound, not even within calls."""

    def refuse(*args, **kwargs):
        raise AssertionError("a primitive was bound")

    closed = jax.make_jaxpr(lambda: jnp.where(jnp.arange(7) < 3, jnp.arange(7) * 2, 1)[::2])()
    monkeypatch.setattr(jex.Primitive, "bind", refuse)
    values = host_evaluation._call(closed, ())
    assert values is not None
    np.testing.assert_array_equal(values[0], [0, 4, 1, 1])
