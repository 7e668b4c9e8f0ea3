"""Native kernels below JAX's transformations, compared with the same function without a kernel."""

import threading
import types
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from elimax.interpreter.errors import NotScalarError
from elimax.interpreter.native.call import natively


def plain(x: Any, y: Any) -> Any:
    """A function of a vector (3,) and a number, to arrays of several shapes."""
    a = jnp.sin(x[0]) * y + x[1:] ** 2
    b = jnp.where(y > 0, jnp.maximum(x[0], x[1]), y * x[2]) / jnp.sqrt(1 + x @ x)
    return {"a": a * jnp.exp(-x[2]), "b": b, "c": jnp.outer(x, jnp.tanh(x)), "d": a.sum() * x}


def native(x: Any, y: Any) -> Any:
    """The same by a kernel."""
    return natively(plain, [x, y])


def points(number: int, dtype: Any = np.float32) -> tuple[Any, Any]:
    """Some points."""
    generator = np.random.default_rng(0)
    return (
        jnp.asarray(generator.normal(size=(number, 3)), dtype),
        jnp.asarray(generator.normal(size=number), dtype),
    )


def assert_same(found: Any, expected: Any, rtol: float = 2e-5) -> None:
    """Asserts that trees are the same but for rounding."""
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    for x, y in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        assert x.dtype == y.dtype and x.shape == y.shape
        np.testing.assert_allclose(x, y, rtol=rtol, atol=rtol)


@pytest.mark.parametrize("number", [1, 2, 7, 8, 9, 31, 32, 1000, 200_000])
def test_batches_of_all_sizes(number: int):
    """Smaller than a tile, a tile and a bit, and many chunks for several threads."""
    arguments = points(number)
    assert_same(jax.jit(jax.vmap(native))(*arguments), jax.jit(jax.vmap(plain))(*arguments))


@pytest.mark.parametrize("dtype", [pytest.param(np.float32, marks=pytest.mark.slow), np.float64])
def test_rows_of_all_lengths(dtype: Any):
    """Columns are read and written in groups, which overlap where the length asks for it."""
    sizes = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 18, 23, 24, 31, 32, 33, 36, 63, 64, 65, 100]
    with jax.enable_x64(True):
        for size in sizes:
            x = jnp.arange(33.0 * size, dtype=dtype).reshape(33, size)
            found = jax.jit(jax.vmap(lambda row: natively(lambda a: a[::-1] - a[0], [row])))(x)
            np.testing.assert_array_equal(found, x[:, ::-1] - x[:, :1], err_msg=str(size))


@pytest.mark.parametrize("number", [1, 5, 100])
def test_float64(number: int):
    """To almost the last digit."""
    with jax.enable_x64(True):
        arguments = points(number, np.float64)
        expected = jax.jit(jax.vmap(plain))(*arguments)
        assert_same(jax.jit(jax.vmap(native))(*arguments), expected, rtol=1e-13)


def _of_both(transform: Callable[[Any], Any]) -> tuple[Any, Any]:
    x, y = points(5)
    return jax.jit(transform(native))(x, y), jax.jit(transform(plain))(x, y)


def test_eager():
    """Outside of `jit`, where every call compiles."""
    x, y = points(1)
    assert_same(native(x[0], y[0]), jax.jit(plain)(x[0], y[0]))


def _energy(function: Any) -> Any:
    return lambda x, y: sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(function(x, y)))


TRANSFORMS: dict[str, Callable[[Any], Any]] = {
    "one point": lambda f: lambda x, y: jax.jit(f)(x[0], y[0]),
    "vmap": jax.vmap,
    "vmap of one": lambda f: lambda x, y: jax.vmap(f, (0, None))(x, y[0]),
    "vmap along the last axis": lambda f: lambda x, y: jax.vmap(f, (1, 0))(x.T, y),
    "vmap of both": lambda f: jax.vmap(jax.vmap(f, (0, None)), (None, 0)),
    "vmap of the same twice": lambda f: (
        lambda x, y: jax.vmap(jax.vmap(f, (None, 0)), (0, None))(x[:2], y[:3])
    ),
    "jit in vmap": lambda f: jax.vmap(jax.jit(f)),
    "grad": lambda f: lambda x, y: jax.grad(_energy(f), (0, 1))(x[0], y[0]),
    "vmap of grad": lambda f: jax.vmap(jax.grad(_energy(f), (0, 1))),
    "grad of vmap": lambda f: jax.grad(_energy(jax.vmap(f)), (0, 1)),
    "jacfwd": lambda f: lambda x, y: jax.jacfwd(f, (0, 1))(x[0], y[0]),
    "hessian": lambda f: lambda x, y: jax.hessian(f)(x[0], y[0]),
    "map": lambda f: lambda x, y: jax.lax.map(lambda point: f(*point), (x, y)),
    "map in batches": lambda f: lambda x, y: jax.lax.map(lambda p: f(*p), (x, y), batch_size=2),
    "scan": lambda f: lambda x, y: jax.lax.scan(lambda c, p: (c, f(*p)), 0, (x, y))[1],
    "cond": lambda f: lambda x, y: jax.lax.cond(y[0] > 0, f, lambda a, b: f(2 * a, b), x[0], y[0]),
    "checkpoint": lambda f: lambda x, y: jax.checkpoint(f)(x[0], y[0]),
}


@pytest.mark.parametrize("name", TRANSFORMS)
def test_transformed(name: str):
    """Every transformation gives what it gives for the plain function."""
    assert_same(*_of_both(TRANSFORMS[name]))


def test_closed_over_values_of_a_trace_around():
    """They are inputs of the kernel, with a batch axis or without."""

    def by(evaluate: Any) -> Any:
        return lambda x, y: evaluate(lambda v: jnp.sin(v) * y + v[0], [x])

    x, y = points(6)
    plainly = by(lambda function, arguments: function(*arguments))
    assert_same(jax.jit(jax.vmap(by(natively)))(x, y), jax.vmap(plainly)(x, y))
    assert_same(
        jax.jit(jax.vmap(by(natively), (0, None)))(x, y[0]),
        jax.vmap(plainly, (0, None))(x, y[0]),
    )


def test_what_depends_on_no_argument_is_returned_as_it_is():
    """It need not even be an array."""
    x = jnp.ones(2)
    found = natively(lambda v: {"number": 3, "text": "x", "value": v * 2}, [x])
    assert found["number"] == 3 and found["text"] == "x"
    np.testing.assert_array_equal(found["value"], [2.0, 2.0])
    assert natively(lambda v: "nothing", [x]) == "nothing"


def test_constants_are_no_results_of_a_kernel():
    """XLA writes them. A function whose results are all constant gets no kernel."""
    x = jnp.ones((5, 2))
    function = jax.vmap(lambda v: natively(lambda w: (jnp.zeros(3), w * 2, w > w), [v]))
    zeros, doubled, never = jax.jit(function)(x)
    np.testing.assert_array_equal(zeros, np.zeros((5, 3)))
    np.testing.assert_array_equal(doubled, 2 * x)
    assert never.dtype == bool and not never.any()
    text = str(jax.make_jaxpr(function)(x))
    (line,) = (line for line in text.splitlines() if "= kernel_call[" in line)
    assert line.split("=")[0].count(":f32") == 2
    chosen = natively(lambda w: jnp.where(jnp.array([True, True]), 1.0, w), [x[0]])
    np.testing.assert_array_equal(chosen, [1.0, 1.0])
    with pytest.raises(NotScalarError, match="kernel reads no number"):
        natively(lambda w: jnp.zeros(3), [x[0]])


def test_special_numbers():
    """Infinities, nan and zeros of both signs are those of XLA."""

    def function(x: Any, y: Any) -> Any:
        return [
            *(jnp.maximum(x, y), jnp.minimum(x, y), x / y, jnp.sqrt(x), jnp.log(x), x * 0),
            *(
                jnp.where(x > y, x, y),
                jnp.sign(x),
                jnp.exp(x),
                jnp.tanh(x),
                jnp.isfinite(x).astype(x.dtype),
            ),
            *(jnp.where(x != y, 1.0, 0.0), jnp.abs(x), jnp.floor(x), jnp.clip(x, -1, 1)),
        ]

    special = np.array([0.0, -0.0, 1.5, -1.5, np.inf, -np.inf, np.nan], np.float32)
    x, y = (jnp.asarray(a.ravel()) for a in np.meshgrid(special, special))
    found = jax.jit(jax.vmap(lambda a, b: natively(function, [a, b])))(x, y)
    expected = jax.jit(jax.vmap(function))(x, y)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)
    # Which zero is the larger one is not defined.
    for a, b in zip(found[2:-1], expected[2:-1], strict=True):
        is_number = ~np.isnan(b)
        np.testing.assert_array_equal(np.signbit(a)[is_number], np.signbit(b)[is_number])


def test_no_points():
    """An empty batch gives empty results, also in another batch."""
    x, y = points(0)
    assert_same(jax.jit(jax.vmap(native))(x, y), jax.jit(jax.vmap(plain))(x, y))
    z = jnp.ones((3, 3))
    nested = [jax.jit(jax.vmap(jax.vmap(f, (0, None)), (None, 0)))(z, y) for f in (native, plain)]
    assert_same(*nested)


def test_threads_of_python():
    """Several of them call one kernel at the same time."""
    x, y = points(50_000)
    function = jax.jit(jax.vmap(native)).lower(x, y).compile()
    expected = jax.tree.map(np.asarray, function(x, y))
    wrong: list[Any] = []

    def call() -> None:
        for _ in range(5):
            found = function(x, y)
            pairs = zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True)
            wrong.extend(a for a, b in pairs if not np.array_equal(a, b))

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_other_devices_run_the_plain_program(monkeypatch):
    """Where there is a GPU, what is lowered for it calls no kernel."""
    x, y = points(4)
    devices = [*jax.devices(), types.SimpleNamespace(platform="gpu")]
    monkeypatch.setattr(jax, "devices", lambda: devices)
    traced = jax.jit(jax.vmap(lambda a, b: natively(plain, [a, b]))).trace(x, y)
    for platform, calls in (("cpu", True), ("cuda", False)):
        text = traced.lower(lowering_platforms=(platform,)).as_text()
        assert ("elimax_" in text) == calls


def test_inputs_that_are_not_read():
    """However many and large they are; kernels of the same program are one kernel."""
    x = jnp.linspace(0, 1, 8).reshape(2, 4)

    def function(v: Any, *_: Any) -> Any:
        return natively(lambda a, *_: jnp.sin(a) * a[0], [v, *_])

    expected = jax.vmap(lambda v: jnp.sin(v) * v[0])(x)
    others = [(), (x,), (jnp.ones((2, 300_000)),), (jnp.arange(2), jnp.ones((2, 3), bool))]
    for more in others:
        assert_same(jax.jit(jax.vmap(function))(x, *more), expected)
    assert_same(jax.jit(jax.vmap(function, (0, None)))(x, x[0]), expected)


def test_types_of_results():
    """Truth values stay what they are, weak types too, and results may be empty."""
    found = natively(lambda a: (a > 1, 2 * a, a[:0], 2.0), [jnp.arange(3.0)])
    np.testing.assert_array_equal(found[0], [False, False, True])
    assert found[0].dtype == bool and found[2].shape == (0,)
    weak = natively(lambda a: a * a, [jnp.asarray(0.5)])
    assert weak.weak_type and weak.dtype == jnp.float32
    slopes = jax.jacfwd(lambda a: natively(lambda v: (v > 1, v * v), [a])[1])(jnp.arange(3.0))
    np.testing.assert_array_equal(slopes, np.diag([0.0, 2.0, 4.0]))


def test_zeros_of_both_signs_are_two_kernels():
    """One over them is not the same."""
    x = jnp.zeros(1)
    for zero in (0.0, -0.0):
        found = natively(lambda a, zero=zero: jnp.where(a > 1, a, zero), [x])
        assert np.signbit(found[0]) == np.signbit(zero)


def test_refused():
    """Whoever asks for a kernel of something else is told why."""
    with pytest.raises(NotScalarError, match="the primitive sort"):
        natively(jnp.sort, [jnp.ones(3)])
