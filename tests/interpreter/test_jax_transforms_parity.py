"""`jacve` inside and around JAX's transformations."""

import functools

import jax
import jax.numpy as jnp
import pytest

from elimax.interpreter.jacobian import jacve
from support.compare import assert_same, assert_same_blocks
from support.random_programs import wave

R = jnp.asarray(wave(3, 4), jnp.float32)
X = jnp.asarray(wave(4), jnp.float32)


def tanh_of_matrix(x):
    """A small function with an inner array constant."""
    return jnp.tanh(R @ x) * x[0]


@pytest.mark.parametrize(
    "transform",
    [
        jax.jit,
        lambda jac: jax.grad(lambda x: jnp.sum(jac(x) ** 2)),
        lambda jac: lambda x: jax.jvp(jac, (x,), (x,)),
        lambda jac: lambda x: jax.vjp(jac, x)[1](jnp.ones((3, 4)))[0],
        lambda jac: lambda x: jax.linearize(jac, x)[1](x),
        lambda jac: jax.vmap(jac, in_axes=None, axis_size=2),
        jax.checkpoint,
        lambda jac: jax.grad(jax.checkpoint(lambda x: jnp.sum(jac(x) ** 2))),
        lambda jac: lambda x: jax.lax.scan(lambda c, _: (c + jac(c).sum(), jac(c)), x, None, 2),
        lambda jac: lambda x: jax.lax.cond(x[0] > 0, jac, lambda x: 2 * jac(x), x),
        lambda jac: lambda x: jax.lax.fori_loop(0, 2, lambda _, c: c * jac(c)[0], x),
        lambda jac: lambda x: jax.lax.map(jac, jnp.stack([x, 2 * x])),
    ],
    ids=[
        *("jit", "grad", "jvp", "vjp", "linearize", "vmap", "checkpoint", "grad of checkpoint"),
        *("scan", "cond", "fori_loop", "map"),
    ],
)
def test_jacobian_under_transformations(transform):
    """Whatever JAX does with a function, it does with its Jacobian."""
    assert_same(lambda jac: jax.jit(transform(jac(tanh_of_matrix)))(X), 1e-4, 1e-5)


@pytest.mark.parametrize(
    "wrap",
    [
        jax.jit,
        jax.checkpoint,
        functools.partial(jax.checkpoint, policy=jax.checkpoint_policies.nothing_saveable),
        lambda f: lambda x: jax.vmap(f)(jnp.stack([x, x + 1])),
        lambda f: jax.grad(lambda x: jnp.sum(f(x))),
        lambda f: lambda x: jax.jvp(f, (x,), (x * x,)),
        lambda f: lambda x: jax.lax.cond(x[0] > 0, f, lambda x: 2 * f(x), x),
        lambda f: lambda x: jax.lax.scan(lambda c, y: (c * y, f(c)), x, R)[1],
        lambda f: lambda x: jax.lax.while_loop(lambda c: c[0] < 3.0, lambda c: c * 2 + 1, f(x)),
    ],
    ids=[
        *("jit", "checkpoint", "checkpoint with a policy", "vmap", "grad", "jvp", "cond", "scan"),
        "while_loop",
    ],
)
def test_jacobian_of_transformed_functions(wrap):
    """Functions that JAX has transformed before; jacfwd is the judge, since it can do loops."""
    f = wrap(tanh_of_matrix)
    assert_same_blocks(jacve(f)(X), jax.jacfwd(f)(X), 1e-4, 1e-5)


def test_shapes_without_values():
    """jax.eval_shape runs nothing."""
    assert_same_shapes = [
        jax.eval_shape(jac(lambda x: {"a": R @ x}), jax.ShapeDtypeStruct((4,), jnp.float32))
        for jac in (jacve, jax.jacrev)
    ]
    assert assert_same_shapes[0] == assert_same_shapes[1]


def test_closures_over_tracers():
    """The function may close over what is differentiated, batched or compiled outside."""

    def use(jac, transform):
        return transform(lambda y: jac(lambda x: jnp.sin(x * y) @ R.T)(2.0 * y))(X)

    for transform in (jax.jit, jax.jacfwd, lambda f: jax.vmap(lambda s: f(s * X))):
        assert_same(lambda jac, transform=transform: use(jac, transform), 1e-4, 1e-5)


def test_custom_derivatives_are_followed():
    """Rules of one's own, forward and backward, decide and are not looked into."""

    @jax.custom_jvp
    def forward(x):
        return x * x

    @jax.custom_vjp
    def backward(x):
        return x * x

    forward.defjvp(lambda x, dx: (forward(*x), 5.0 * dx[0]))
    backward.defvjp(lambda x: (x * x, None), lambda _, g: (7.0 * g,))
    for f in (forward, backward):
        assert_same(lambda jac, f=f: jac(lambda x: f(jnp.sin(x)) * x)(X))
