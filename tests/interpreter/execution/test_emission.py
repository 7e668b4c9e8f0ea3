"""`jacve(f)` is right by JAX's modes and by elimination, and takes whichever is cheaper."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from elimax.interpreter.execution import emission
from elimax.interpreter.execution.emission import eliminated, quickest
from elimax.interpreter.execution.program_price import ProgramPrice
from elimax.interpreter.graph.order import check_order
from elimax.interpreter.hessian import hessve
from elimax.interpreter.jacobian import jacve
from elimax.interpreter.orders.portfolio import named_order
from elimax.interpreter.tracing.call import trace_call
from elimax.interpreter.tracing.flat_call import CallArguments
from support.compare import QUICK, assert_same_blocks

W = jnp.asarray(np.random.default_rng(0).normal(size=(4, 3)))
X = jnp.asarray([0.3, -0.8, 1.1])

FUNCTIONS = {
    "array": (lambda x: jnp.tanh(W @ x), (X,)),
    "two inputs": (lambda x, y: {"a": jnp.outer(x, y), "b": jnp.dot(x, y)}, (X, 2 * X)),
    "unused input": (lambda x, y: jnp.sin(x) * W, (X, X)),
    "output is input": (lambda x: (x, jnp.cos(W @ x)), (X,)),
    "complex between": (lambda x: jnp.abs(jnp.fft.fft(jax.lax.complex(jnp.cos(x), x))) ** 2, (X,)),
    "loop": (
        lambda x: jax.lax.scan(lambda c, w: (jnp.sin(c * w @ c) + c, c), x, W)[1],
        (X,),
    ),
}


@pytest.fixture(params=["elimination", "modes"])
def prices(request, monkeypatch):
    """Makes elimination, or a mode of JAX, the cheaper one wherever there is a choice."""
    is_below = lambda mine, other, points: request.param == "modes"  # noqa: E731
    monkeypatch.setattr(ProgramPrice, "is_below", is_below)


@pytest.mark.usefixtures("prices")
@pytest.mark.parametrize("name", FUNCTIONS)
def test_either_way_is_the_jacobian(name):
    """Blocks, trees, dtypes and constants, eagerly, under jit and under vmap."""
    function, inputs = FUNCTIONS[name]
    argnums = tuple(range(len(inputs)))
    quick = functools.partial(jax.jit, compiler_options=QUICK)
    expected = quick(jax.jacrev(function, argnums))(*inputs)
    assert_same_blocks(jacve(function, argnums)(*inputs), expected, 1e-5)
    assert_same_blocks(quick(jacve(function, argnums))(*inputs), expected, 1e-5)
    batch = [jnp.stack([x, x + 0.1]) for x in inputs]
    expected = quick(jax.vmap(jax.jacrev(function, argnums)))(*batch)
    assert_same_blocks(quick(jax.vmap(jacve(function, argnums)))(*batch), expected, 1e-5)


@pytest.mark.usefixtures("prices")
def test_either_way_is_the_hessian():
    """Half of whose blocks may be left to symmetry."""
    function = lambda x, y: jnp.sum(jnp.tanh(W @ x) ** 2) * jnp.dot(x, y)  # noqa: E731
    expected = jax.hessian(function, (0, 1))(X, 2 * X)
    assert_same_blocks(hessve(function, (0, 1))(X, 2 * X), expected, 1e-5)


def modes_of(function, *inputs, monkeypatch):
    """Which of JAX's modes `quickest` looks at."""
    seen = []
    monkeypatch.setattr(emission, "in_mode", lambda mode, *_: seen.append(mode) or 1 / 0)
    arguments = CallArguments.of(inputs, {}, 0)
    call = trace_call(function, arguments)
    order = check_order(call.active.graph, named_order(call.active.graph, "reverse"))
    given = (call.program, call.active, arguments.leaves, order)
    outputs, blocks = quickest(*given)
    expected, same_blocks = eliminated(*given)
    assert blocks.keys() == same_blocks.keys()
    np.testing.assert_allclose(outputs[0], expected[0], 1e-6)
    return seen


@pytest.mark.parametrize(
    ("function", "modes"),
    [
        (lambda x: jnp.tanh(W @ x), ["jacfwd", "jacrev"]),
        (lambda x: jnp.sum(jnp.tanh(W @ jnp.tile(x, 2)[:3])), ["jacfwd", "jacrev"]),
        (lambda x: jnp.outer(jnp.sin(W @ x), jnp.ones(9)), ["jacfwd"]),
        (lambda x: x[0] * jnp.sin(x[1]), []),
        (lambda x: jnp.maximum(W @ x, 0.0), ["jacfwd", "jacrev"]),
    ],
    ids=["array", "sum", "many outputs", "numbers", "rectified"],
)
def test_modes_that_are_looked_at(function, modes, monkeypatch):
    """None where numbers are eliminated; and one that fails is passed over."""
    assert modes_of(function, X, monkeypatch=monkeypatch) == modes


def test_reverse_is_not_tried_where_forward_is_far(monkeypatch):
    """Long vectors, elementwise: one mode shows what the other would cost; a constant has none."""
    tried = []
    in_mode = emission.in_mode
    monkeypatch.setattr(
        emission, "in_mode", lambda mode, *given: tried.append(mode) or in_mode(mode, *given)
    )
    x = jnp.linspace(0.1, 0.9, 300)
    np.testing.assert_allclose(
        jacve(lambda x: jnp.sin(x) * x)(x), jnp.diag(jnp.sin(x) + x * jnp.cos(x))
    )
    assert tried == ["jacfwd"]
    assert not jacve(lambda x: jnp.ones(3))(x).any()


def test_excluded_infinities_stay_out():
    """The slope of a square root at 0 where a select excludes it."""
    function = lambda x: jnp.where(x > 0, jnp.sqrt(x), 0.0) @ W.T  # noqa: E731
    jacobian = jacve(function)(jnp.asarray([0.0, 1.0, 4.0]))
    assert np.isfinite(jacobian).all()


def test_effects_are_shown_once(capfd):
    """What shows values is not left to a mode, which might show it for every direction."""

    def function(x):
        jax.debug.print("here {}", x[0])
        return jnp.tanh(W @ x)

    jacve(function)(X)
    jax.effects_barrier()
    assert capfd.readouterr().out.count("here") == 1


def test_explicit_orders_are_eliminated(monkeypatch):
    """Whoever names an order, or asks for structure, gets an elimination."""

    def refuse(*args):
        raise AssertionError("a mode of JAX was looked at")

    monkeypatch.setattr(emission, "in_mode", refuse)
    monkeypatch.setattr(emission, "has_modes", refuse)
    jacve(FUNCTIONS["array"][0], order="reverse")(X)
    jacve(FUNCTIONS["array"][0], output="structured")(X)
