"""float16 and bfloat16: the dtypes of jax.jacrev, and its values up to rounding."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from elimax.interpreter.jacobian import jacve
from support.compare import QUICK

NAMES = """
    abs acos asin asinh atan atanh bessel_i0e bessel_i1e cbrt ceil cos cosh digamma erf erf_inv erfc
    exp exp2 expm1 floor lgamma log log1p logistic neg reciprocal rsqrt sign sin sinh sqrt square
    tan tanh
"""
UNARY = {name: getattr(jax.lax, name) for name in NAMES.split()}
UNARY |= {
    "acosh": lambda x: jax.lax.acosh(1 + x),
    "integer_pow": lambda x: x**3,
    "negative power": lambda x: x**-2,
    "clamp": lambda x: jax.lax.clamp(jnp.asarray(0.3, x.dtype), x, jnp.asarray(0.6, x.dtype)),
    "relu": lambda x: jax.nn.relu(x - x.mean()),
    "gelu": jax.nn.gelu,
    "silu": jax.nn.silu,
    "softplus": jax.nn.softplus,
    "where": lambda x: jnp.where(x > 0.4, x * x, 2 * x),
}
BINARY = {
    name: getattr(jax.lax, name)
    for name in ("add", "sub", "mul", "div", "max", "min", "pow", "atan2", "rem")
}
ARRAYS = {
    "matrix product": lambda x: jnp.tanh(x @ x.T) @ x,
    "sum": lambda x: jnp.sin(x).sum(axis=0),
    "mean": lambda x: jnp.mean(x * x),
    "largest": lambda x: x.max(axis=1) * x.min(),
    "product": lambda x: jnp.prod(x, axis=1),
    "softmax": lambda x: jax.nn.softmax(x, axis=-1),
    "logsumexp": lambda x: jax.nn.logsumexp(x, axis=-1),
    "layer norm": lambda x: (
        (x - x.mean(-1, keepdims=True)) * jax.lax.rsqrt(x.var(-1, keepdims=True) + 1e-2)
    ),
    "running sum": lambda x: jnp.cumsum(x * x, axis=1),
    "slices": lambda x: jnp.concatenate([x[:, 1:] * x[:, :-1], jnp.sin(x)], axis=1),
    "mixed": lambda x: (x.astype(jnp.float32) * 2.0).sum(axis=0) * x.sum().astype(jnp.float32),
}
DTYPES = [jnp.float16, pytest.param(jnp.bfloat16, marks=pytest.mark.slow)]


def assert_equal_in_half_precision(functions, x):
    """The same dtypes, and values within some roundings of the largest entry."""

    def jacobians(x):
        ours = {
            (name, order): jacve(function, order=order)(x)
            for name, function in functions.items()
            for order in ("forward", "reverse")
        }
        return ours, {name: jax.jacrev(function)(x) for name, function in functions.items()}

    found, expected = jax.jit(jacobians, compiler_options=QUICK)(x)
    tolerance = 8 * float(jnp.finfo(x.dtype).eps)
    for (name, order), jacobian in found.items():
        assert jacobian.dtype == expected[name].dtype, name
        one, other = (np.asarray(array, np.float64) for array in (jacobian, expected[name]))
        allowed = tolerance * np.abs(other).max()
        np.testing.assert_allclose(one, other, tolerance, allowed, err_msg=f"{name}, {order}")


@pytest.mark.parametrize("dtype", DTYPES)
def test_functions_of_one_number(dtype):
    """Every elementwise rule of one operand, before a product."""
    x = jnp.linspace(0.2, 0.9, 3).astype(dtype)
    functions = {name: lambda x, f=f: f(x) * x for name, f in UNARY.items()}
    assert_equal_in_half_precision(functions, x)


@pytest.mark.parametrize("dtype", DTYPES)
def test_functions_of_two_numbers(dtype):
    """Both operands of every elementwise rule of two."""
    x = jnp.linspace(0.2, 0.9, 3).astype(dtype)
    functions = {name: lambda x, f=f: f(x, x[::-1] * x) for name, f in BINARY.items()}
    assert_equal_in_half_precision(functions, x)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_next_number(dtype):
    """`nextafter`, which JAX does not differentiate, has slope 1."""
    x = jnp.linspace(0.2, 0.9, 3).astype(dtype)
    found = jacve(lambda x: jnp.nextafter(x, x + 1))(x)
    assert found.dtype == dtype
    np.testing.assert_array_equal(np.asarray(found, np.float64), np.eye(3))


@pytest.mark.parametrize("dtype", DTYPES)
def test_arrays(dtype):
    """Products, reductions, softmax and layer norm."""
    x = (jnp.sin(jnp.arange(6.0)).reshape(2, 3) + 1.5).astype(dtype)
    assert_equal_in_half_precision(ARRAYS, x)
