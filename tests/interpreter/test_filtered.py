"""`filter_jacve` in the place of `equinox.filter_jacrev`."""

import subprocess
import sys
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental.sparse import BCOO

from elimax.interpreter.errors import InvalidOrderError
from elimax.interpreter.filtered import filter_jacve
from elimax.interpreter.tracing.call import trace
from support.compare import assert_same_blocks
from support.random_programs import wave
from support.repository import ROOT

X = jnp.asarray(wave(3), jnp.float32)


class Layer(eqx.Module):
    """A module with every sort of leaf."""

    weight: jax.Array
    bias: jax.Array | None
    counter: jax.Array
    table: np.ndarray
    activation: Callable[[jax.Array], jax.Array]
    gain: float
    width: int = eqx.field(static=True)

    def __call__(self, x: jax.Array) -> jax.Array:
        """One layer."""
        out = self.activation(self.weight @ x + self.table) * self.gain
        return out if self.bias is None else out + self.bias[: self.width]


def layer(bias=True):
    """A layer with or without a bias."""
    weight = jnp.asarray(wave(2, 3), jnp.float32)
    table = np.ones(2, np.float32)
    return Layer(weight, X if bias else None, jnp.arange(2), table, jnp.tanh, 0.5, 2)


def assert_same_as_equinox(fun, *args, **kwargs):
    """Asserts equal modules with equal blocks."""
    ours, theirs = (make(fun)(*args, **kwargs) for make in (filter_jacve, eqx.filter_jacrev))
    assert_same_blocks(ours, theirs, 1e-5, 1e-6)


@pytest.mark.parametrize("bias", [True, False])
def test_blocks_stand_where_the_arrays_were(bias):
    """A module of blocks, None for functions, integers and numbers; static fields stay."""
    jac = filter_jacve(lambda module, x: module(x))(layer(bias), X)
    assert isinstance(jac, Layer)
    assert jac.weight.shape == (2, 2, 3) and jac.width == 2
    assert (jac.counter, jac.activation, jac.gain) == (None, None, None)
    assert_same_as_equinox(lambda module, x: module(x), layer(bias), X)


@pytest.mark.slow
def test_networks():
    """An MLP of Equinox, whose activation is a leaf, and a tree of outputs."""
    mlp = eqx.nn.MLP(3, 2, 4, 2, key=jax.random.key(0))
    assert_same_as_equinox(lambda mlp, x: {"out": mlp(x), "sum": mlp(x).sum()}, mlp, X)


def test_other_arguments_are_arbitrary():
    """Arrays, modules, text and functions, by position or keyword; numpy arrays among them."""

    def f(module, x, other, op, *, power, name):
        assert name == "name"
        return op(module(x) * other(x)) ** power

    args = (layer(), np.asarray(X), layer(False), jnp.sin)
    assert_same_as_equinox(f, *args, power=2, name="name")


def test_first_arguments_need_not_be_modules():
    """Any tree, or one array."""
    assert_same_as_equinox(lambda tree: tree["x"] * tree["n"], {"x": X, "n": 3, "op": jnp.sin})
    assert_same_as_equinox(jnp.sin, X)


def test_auxiliary_data():
    """The pair (Jacobian, aux), where aux may be a module or text."""
    jac, (module, text) = filter_jacve(lambda m, x: (m(x), (m, "text")), has_aux=True)(layer(), X)
    assert jac.weight.shape == (2, 2, 3)
    assert text == "text" and module.weight.tolist() == layer().weight.tolist()


@pytest.mark.parametrize("order", ["forward", "reverse", "numbers"])
def test_orders(order):
    """Names, and vertex numbers of the graph of the arrays alone."""
    arrays, rest = eqx.partition(layer(), eqx.is_inexact_array)
    f = lambda arrays, x: eqx.combine(arrays, rest)(x)  # noqa: E731
    graph = trace(f, arrays, X, argnums=0)
    order = list(graph.eliminable) if order == "numbers" else order
    ours = filter_jacve(lambda module, x: module(x), order=order)(layer(), X)
    assert_same_blocks(ours, eqx.filter_jacrev(lambda module, x: module(x))(layer(), X), 1e-5)
    with pytest.raises(InvalidOrderError, match="it misses"):
        filter_jacve(lambda module, x: module(x), order=[])(layer(), X)


def test_transformations():
    """Compiled with Equinox, batched, and differentiated once more."""
    norm = lambda jac: lambda m, x: sum(jnp.sum(b**2) for b in jax.tree.leaves(jac(m, x)))  # noqa: E731
    results = []
    for make in (filter_jacve, eqx.filter_jacrev):
        jac = make(lambda module, x: module(x))
        batched = eqx.filter_vmap(jac, in_axes=(None, 0))
        gradient = eqx.filter_grad(norm(jac))
        points = (X, jnp.stack([X, 2 * X]), X)
        used = (jac, batched, gradient)
        results.append(
            tuple(eqx.filter_jit(use)(layer(), x) for use, x in zip(used, points, strict=True))
        )
    assert_same_blocks(*results, 1e-4, 1e-5)


def test_methods_of_modules():
    """The module itself is the first argument of its methods."""
    assert_same_as_equinox(Layer.__call__, layer(), X)


@pytest.mark.parametrize(
    ("use", "error", "message"),
    [
        (lambda: filter_jacve(3), TypeError, "the first argument must be a function, but is 3"),
        (lambda: filter_jacve(jnp.sin)(x=X), TypeError, "first one is .*pass it by position"),
        (lambda: filter_jacve(jnp.sin)(3), ValueError, "no array at all, so there is nothing to"),
        (lambda: filter_jacve(lambda m: m)(layer()), TypeError, r"output\.activation of the func"),
    ],
)
def test_what_is_refused(use, error, message):
    """No module, no arrays, outputs that are none."""
    with pytest.raises(error, match=message):
        use()


def test_equinox_is_not_loaded_for_plain_functions():
    """Importing the interpreter stays light."""
    code = "import sys, elimax.api; sys.exit('equinox' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_sparse_arrays_are_refused():
    """A sparse array cannot hold blocks; its entries can be differentiated, as the message says."""
    matrix = BCOO.fromdense(jnp.array([[1.0, 0.0], [2.0, 3.0]]))
    vector = jnp.ones(2)
    with pytest.raises(TypeError, match=r"holds a BCOO, .*with respect to its entries, as in"):
        filter_jacve(lambda m, v: m["w"] @ v)({"w": matrix}, vector)

    def of_entries(data, v):
        return BCOO((data, matrix.indices), shape=matrix.shape) @ v

    block = filter_jacve(of_entries)(matrix.data, vector)
    np.testing.assert_array_equal(block, [[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]])
