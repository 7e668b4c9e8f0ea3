"""Which program computes a Jacobian, and that `vmap` makes a kernel of it."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from elimax.interpreter import ways
from elimax.interpreter.hessian import hessve
from elimax.interpreter.jacobian import jacve, value_and_jacve
from elimax.interpreter.native.kernel_choice import LEAST_POINTS
from elimax.interpreter.planning import plan

X = jnp.linspace(0.3, 1.0, 3 * LEAST_POINTS).reshape(LEAST_POINTS, 3)


def numbers(x: Any) -> Any:
    """Single numbers."""
    a = jnp.sin(x[0] * x[1]) + x[2]
    return {"b": jnp.stack([a * x[0], jnp.exp(a)]), "c": a / x[2]}


def calls_kernel(function: Any, *arguments: Any) -> bool:
    """Whether a traced program calls one."""
    return "kernel_call" in str(jax.make_jaxpr(function)(*arguments))


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (jacve(numbers), jax.jacrev(numbers)),
        (value_and_jacve(numbers), lambda x: (numbers(x), jax.jacrev(numbers)(x))),
        (hessve(numbers), jax.hessian(numbers)),
        (hessve(lambda x: numbers(x)["c"]), jax.hessian(lambda x: numbers(x)["c"])),
    ],
)
def test_a_batch_is_left_to_a_kernel(ours, theirs):
    """Where nobody asks for an order; one point is not."""
    assert calls_kernel(jax.vmap(ours), X) and not calls_kernel(ours, X[0])
    found, expected = jax.jit(jax.vmap(ours))(X), jax.vmap(theirs)(X)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, 1e-4, 1e-5), found, expected)


def test_structured_output():
    """Has the blocks that it has without a kernel."""
    structured = jacve(lambda x: jnp.sin(x) * x, output="structured")
    assert calls_kernel(jax.vmap(structured), X)
    found = jax.jit(jax.vmap(structured))(X)
    expected = jax.vmap(jax.jacfwd(lambda x: jnp.sin(x) * x))(X)
    assert found.nse == structured(X[0]).nse == 3
    np.testing.assert_allclose(jax.vmap(lambda x: x.todense())(found), expected, rtol=1e-5)


@pytest.mark.parametrize("order", ["best_classic", "reverse"])
def test_an_order_is_what_xla_compiles(order):
    """Whoever gives one gets it; of a plan what the plan says."""
    assert not calls_kernel(jax.vmap(jacve(numbers, order=order)), X)
    assert not calls_kernel(jax.vmap(jacve(numbers, order=plan(numbers, X[0], order=order))), X)


def test_what_cannot_be_taken_apart(monkeypatch):
    """Is compiled by XLA, though it seemed to suit."""
    monkeypatch.setattr(ways, "suits_kernel", lambda *_: True)
    function = lambda x: jnp.sort(x) * x  # noqa: E731
    assert not calls_kernel(jax.vmap(jacve(function)), X)
    found = jax.jit(jax.vmap(jacve(function)))(X)
    np.testing.assert_allclose(found, jax.vmap(jax.jacrev(function))(X), rtol=1e-5)


@pytest.mark.slow
def test_derivatives_of_a_batch():
    """Jacobians of batches are differentiated again, by JAX and by elimination."""

    def energy(jacobian: Any) -> Any:
        return lambda x: sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(jax.vmap(jacobian)(x)))

    expected = jax.grad(energy(jax.jacrev(numbers)))(X)
    np.testing.assert_allclose(jax.grad(energy(jacve(numbers)))(X), expected, rtol=1e-4)
    np.testing.assert_allclose(jacve(energy(jacve(numbers)))(X), expected, rtol=1e-4)
