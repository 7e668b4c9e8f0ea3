"""Dtypes and complex numbers: what JAX differentiates and what it refuses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from elimax.interpreter.jacobian import jacve
from support.compare import assert_same, assert_same_blocks
from support.random_programs import wave

X = jnp.asarray(wave(4), jnp.float32)
Z = jax.lax.complex(X, 0.5 + X)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_float_dtypes(dtype):
    """The Jacobian has the dtype of its input."""
    with jax.enable_x64(True):
        x = jnp.asarray(wave(4), dtype)
        assert_same(lambda jac: jac(lambda x: jnp.sin(x) * x[::-1])(x), 2e-2, 0.0)
        assert jacve(jnp.sin)(x).dtype == dtype


@pytest.mark.parametrize("number", [2.0, np.float32(2.0), np.float64(2.0), np.arange(3.0), [1.0]])
def test_numbers_and_numpy_arrays(number):
    """Python's numbers stay weakly typed, numpy's do not."""
    f = lambda x: jax.tree.map(lambda y: y * y, x)  # noqa: E731
    assert_same(lambda jac: jac(f)(number))


def test_a_number_that_a_loop_carries():
    """It is weakly typed and the input is not, so the Jacobian is not, whatever computes it."""

    def products(x):
        return jax.lax.scan(lambda c, v: (c * v + jnp.sin(v), c), 1.0, x)

    assert_same(lambda jac: jac(products)(X))


def test_integer_inputs_are_refused():
    """The same type of error, and the same flag against it."""
    for jac in (jacve, jax.jacrev):
        for number in (3, np.arange(3), True):
            with pytest.raises(TypeError, match=r"real- or complex-valued|floating point|bytes-li"):
                jac(lambda x: x * 1.0)(number)


def test_integer_inputs_with_allow_int():
    """Zeros of the integer dtype (jax.jacrev turns float0 into these)."""
    f = lambda n, x: x * n.astype(x.dtype)  # noqa: E731
    assert_same(lambda jac: jac(f, (0, 1), allow_int=True)(jnp.arange(4), X))


def test_keys_are_refused():
    """A PRNG key has no derivative, with allow_int or without."""
    f = lambda key, x: x * jax.random.normal(key, x.shape)  # noqa: E731
    for allow_int in (False, True):
        with pytest.raises(TypeError, match="inputs must be floating point, but argument 0 is key"):
            jacve(f, allow_int=allow_int)(jax.random.key(0), X)
    assert_same(lambda jac: jac(f, 1)(jax.random.key(0), X))


def test_holomorphic_jacobian():
    """A complex Jacobian of a complex function."""
    for f in (jnp.sin, lambda z: z * jnp.sum(z), lambda z: jnp.exp(z) @ z):
        assert_same(lambda jac, f=f: jac(f, holomorphic=True)(Z))


def test_holomorphic_wants_complex_numbers():
    """Both in and out."""
    for jac in (jacve, jax.jacrev):
        with pytest.raises(TypeError, match=r"holomorphic=True (inputs must be|requires inputs)"):
            jac(jnp.sin, holomorphic=True)(X)
        with pytest.raises(TypeError, match=r"complex with holomorphic=True|requires outputs with"):
            jac(jnp.abs, holomorphic=True)(Z)


def complex_parts(z, x):
    """Real and imaginary parts, and a real input beside."""
    return z.real * x, (z * jax.lax.complex(x, x)).imag, jnp.sin(z).imag


@pytest.mark.parametrize("order", ["forward", "reverse", "markowitz"])
@pytest.mark.parametrize(
    "function",
    [
        complex_parts,
        lambda z, x: jnp.abs(z[::-1] * jnp.sum(z)) ** 2 * x,
        lambda z, x: jnp.angle(jnp.sin(z)) + x,
        lambda z, x: jnp.abs(jnp.fft.fft(z)),
        lambda z, x: (jnp.exp(z) @ z).real * x,
        lambda z, x: jnp.where(x > 0, z.real, z.imag),
    ],
)
def test_complex_inputs_of_real_functions(function, order):
    """Without the flag, the J of dy = Re(J dz), as jacrev has it; real inputs may stand beside."""
    ours = jacve(function, (0, 1), order=order)(Z, X)
    assert_same_blocks(ours, jax.jit(jax.jacrev(function, (0, 1)))(Z, X), 1e-5, 1e-6)


@pytest.mark.parametrize("function", [lambda z: (z * z.conj()).real, lambda z: abs(z * abs(z))])
def test_complex_inputs_of_functions_that_are_not_holomorphic(function):
    """Conjugates and magnitudes that become complex again: the J of dy = Re(J dz) as well."""
    ours = jacve(function)(1 + 2j)
    assert_same_blocks(ours, jax.jit(jax.jacrev(function))(1 + 2j), 1e-5, 1e-6)


def test_complex_outputs_are_refused():
    """Of complex inputs and of real ones."""
    for jac in (jacve, jax.jacrev):
        for f, x in ((jnp.sin, Z), (lambda x: x + 1j, 2.0)):
            with pytest.raises(TypeError, match=r"outputs must be real|requires real-valued out"):
                jac(f)(x)


def test_integer_outputs_are_refused():
    """They have no derivative."""
    for jac in (jacve, jax.jacrev):
        with pytest.raises(TypeError, match=r"outputs must be real|requires real-valued outputs"):
            jac(lambda x: (x, jnp.argsort(x)))(X)
