"""`jacve` in the place of `jax.jacrev`: arguments, trees, dtypes, transformations, orders."""

import functools
import gc
import weakref

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental import io_callback

from elimax.interpreter.errors import TracingError
from elimax.interpreter.jacobian import jacve, value_and_jacve
from support.compare import assert_equals_jacrev, assert_same_blocks
from support.random_programs import wave


def energy(x, y):
    """Two inputs and a tree of outputs, with shared intermediates."""
    z = jnp.sin(x) * y
    return {"a": z.sum(), "b": [z * z, x]}


X, Y = jnp.asarray(wave(3), jnp.float32), jnp.asarray(wave(3, phase=5), jnp.float32)


@pytest.mark.parametrize("argnums", [0, 1, -1, (0,), (0, 1), (1, 0), [0, 1], np.int64(1)])
def test_argnums(argnums):
    """Integers, negative ones, tuples and lists, as jacrev reads them."""
    ours, theirs = (jac(energy, argnums)(X, Y) for jac in (jacve, jax.jacrev))
    assert_same_blocks(ours, theirs, rtol=1e-6)


@pytest.mark.parametrize("argnums", [2, -3, (0, 2)])
def test_argnums_out_of_range(argnums):
    """A ValueError, as from jacrev, with the number of arguments."""
    with pytest.raises(ValueError, match=r"argnums=.* asks for argument .* 2 positional"):
        jacve(energy, argnums)(X, Y)


def test_pytrees_in_and_out():
    """Dictionaries, tuples, lists and None on both sides."""

    def function(tree, scale):
        left, right = tree["pair"]
        return {"u": left * right[0] * scale, "none": None}, [tree["single"] ** 2]

    tree = {"pair": (X, [Y, None]), "single": X[0]}
    for argnums in (0, (0, 1), (1,)):
        ours, theirs = (jac(function, argnums)(tree, X[1]) for jac in (jacve, jax.jacrev))
        assert_same_blocks(ours, theirs, rtol=1e-6)


def test_auxiliary_data():
    """has_aux returns the pair (Jacobian, aux); aux may be of any dtype and any tree."""

    def function(x):
        return jnp.sin(x) * x, {"n": jnp.arange(3), "x": x, "loss": jnp.sum(x**2)}

    ours, theirs = (jac(function, has_aux=True)(X) for jac in (jacve, jax.jacrev))
    assert_same_blocks(ours, theirs, rtol=1e-6)


def test_auxiliary_data_wants_a_pair():
    """A function that returns no pair is told so."""
    with pytest.raises(TypeError, match="with has_aux=True the function must return a pair"):
        jacve(jnp.sin, has_aux=True)(X)


def test_value_beside_the_jacobian():
    """value_and_jacve shares one evaluation; with auxiliary data the value is the pair."""
    value, jac = value_and_jacve(energy)(X, Y)
    assert_same_blocks(value, energy(X, Y), rtol=1e-6)
    assert_same_blocks(jac, jax.jacrev(energy)(X, Y), rtol=1e-6)
    value, jac = value_and_jacve(lambda x: (x**2, x), has_aux=True)(X)
    assert_same_blocks(value, (X**2, X), rtol=1e-6)
    assert jac.shape == (3, 3)


def test_keyword_arguments():
    """They are not differentiated and may be arrays or steer the program."""

    def function(x, scale=1.0, power=1, mode="sin"):
        for _ in range(power):
            x = getattr(jnp, mode)(x)
        return x * scale

    for kwargs in ({}, {"scale": Y}, {"power": 3, "mode": "cos"}, {"scale": 2.5}):
        ours, theirs = (jac(function)(X, **kwargs) for jac in (jacve, jax.jacrev))
        assert_same_blocks(ours, theirs, rtol=1e-6)


def test_python_values_in_other_arguments():
    """Integers for loops and strings, as under jacrev."""

    def function(x, n, mode):
        for _ in range(n):
            x = jnp.sin(x) if mode == "sin" else jnp.cos(x)
        return x

    ours, theirs = (jac(function)(X, 3, "sin") for jac in (jacve, jax.jacrev))
    assert_same_blocks(ours, theirs, rtol=1e-6)


def test_integer_arrays_in_other_arguments():
    """Indices and counts beside the differentiated input."""

    def function(x, i):
        return x[i] * i.astype(x.dtype)

    assert_equals_jacrev(function, wave(4), np.array([2, 0, 2]))


def test_integer_inputs_are_refused():
    """The message offers three ways out."""
    with pytest.raises(
        TypeError, match=r"argument 0 is int32: convert it, choose other argnums, or"
    ):
        jacve(lambda i: i * 2.0)(jnp.arange(3))


def test_allowed_integer_inputs():
    """allow_int gives zeros of the integer dtype, as jacrev does."""

    def function(i, x):
        return x * i.astype(x.dtype)

    ours, theirs = (
        jac(function, argnums=(0, 1), allow_int=True)(jnp.arange(3), X)
        for jac in (jacve, jax.jacrev)
    )
    assert_same_blocks(ours, theirs, rtol=1e-6)


def test_integer_outputs_are_refused():
    """The message names auxiliary data as the way out."""
    with pytest.raises(TypeError, match="output is int32: convert it, or return it as auxiliary"):
        jacve(lambda x: x.astype(jnp.int32))(X)


def test_holomorphic_functions():
    """Complex in, complex out."""
    z = jax.lax.complex(X, Y)
    for function in (jnp.sin, lambda z: z @ z * jnp.exp(z), lambda z: jnp.fft.fft(z) / (2 + z)):
        ours, theirs = (jax.jit(jac(function, holomorphic=True))(z) for jac in (jacve, jax.jacrev))
        assert_same_blocks(ours, theirs, rtol=1e-5)


def test_complex_numbers_want_the_flag():
    """Without holomorphic=True complex outputs are refused, with it real ones."""
    with pytest.raises(TypeError, match=r"outputs must be real.*pass holomorphic=True"):
        jacve(jnp.sin)(jax.lax.complex(X, Y))
    with pytest.raises(TypeError, match="outputs must be real floating point"):
        jacve(lambda x: jax.lax.complex(x, x))(X)
    with pytest.raises(TypeError, match="with holomorphic=True inputs must be complex"):
        jacve(jnp.sin, holomorphic=True)(X)
    with pytest.raises(TypeError, match="outputs must be complex"):
        jacve(jnp.abs, holomorphic=True)(jax.lax.complex(X, Y))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_mixed_dtypes(dtype):
    """Narrow and wide floats under strict promotion: blocks have the dtype of their input."""

    def function(x, y):
        wide = (2 * x / 3).astype(jnp.float32) * y + 1 / (2 * y)
        return wide, jnp.sin(x) * x, (x @ x).astype(jnp.float32), x.sum() + x.max()

    args = jnp.asarray(X, dtype), Y
    ours = jax.jit(jacve(function, argnums=(0, 1)))(*args)
    with jax.numpy_dtype_promotion("standard"):  # jacrev itself needs it for mixed outputs
        theirs = jax.jit(jax.jacrev(function, argnums=(0, 1)))(*args)
    assert_same_blocks(ours, theirs, rtol=3e-2)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x,
        lambda x: (x, x, jnp.sin(x)),
        lambda x: 1.0,
        lambda x: (jnp.ones(2), x, 3.0),
        lambda x: jnp.floor(x),
        lambda x: x[:0],
        lambda x: jax.lax.stop_gradient(x),
    ],
)
def test_trivial_functions(function):
    """Inputs and constants as outputs, no derivative, no entries."""
    ours, theirs = (jac(function)(X) for jac in (jacve, jax.jacrev))
    assert_same_blocks(ours, theirs)


def test_no_outputs():
    """A function that returns nothing has no Jacobian; jacrev raises the same type of error."""
    for jac in (jacve, jax.jacrev):
        with pytest.raises(ValueError, match=r"nothing to differentiate|at least one array"):
            jac(lambda x: ())(X)


def test_python_numbers_as_arguments():
    """Weakly typed scalars give what jacrev gives."""
    ours, theirs = (jac(lambda x: jnp.sin(x) * x)(2.0) for jac in (jacve, jax.jacrev))
    assert_same_blocks(ours, theirs, rtol=1e-6)


def test_jitted_and_partial_functions():
    """Whatever is callable: jit, partial, bound methods, ufuncs."""

    class Model:
        def __call__(self, x):
            return jnp.sin(x) * 2.0

    for function in (jax.jit(jnp.sin), functools.partial(jnp.arctan2, X), Model(), jnp.exp):
        ours, theirs = (jac(function)(Y) for jac in (jacve, jax.jacrev))
        assert_same_blocks(ours, theirs, rtol=1e-6)


def test_name_and_docstring_are_kept():
    """The Jacobian looks like the function, as with JAX's own transformations."""
    assert jacve(energy).__name__ == "energy"
    assert value_and_jacve(energy).__doc__ == energy.__doc__


def test_side_effects_are_refused():
    """Elimination would run them at odd times or not at all."""

    def function(x):
        return io_callback(lambda x: x, x, x)

    with pytest.raises(TracingError, match="side effects"):
        jacve(function)(X)


def test_unknown_output_is_refused():
    """When the Jacobian is made, not when it is called."""
    with pytest.raises(ValueError, match="output='sparse' is not available; choose one of dense,"):
        jacve(energy, output="sparse")


def test_calls_are_not_kept_alive():
    """Nothing caches the arguments of a call, whatever JAX caches of its trace."""

    class Data:
        """Something that is passed on as it is."""

    passed = []
    for _ in range(3):
        data = Data()
        passed.append(weakref.ref(data))
        jacve(lambda x, data: jnp.sin(x) * x)(X, data)
        del data
    gc.collect()
    assert [data() for data in passed] == [None, None, None]


def test_value_is_not_computed_twice():
    """value_and_jacve evaluates every equation of the function once."""
    closed = jax.make_jaxpr(value_and_jacve(lambda x: jnp.tan(jnp.sinh(x))))(X)
    names = [eqn.primitive.name for eqn in closed.jaxpr.eqns]
    # A derivative by jvp may evaluate its own function again, which XLA removes.
    assert names.count("sinh") <= 2
    assert len(closed.jaxpr.outvars) == 2
