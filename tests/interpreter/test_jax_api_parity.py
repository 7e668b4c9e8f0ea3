"""What JAX promises of its Jacobians and Hessians, promised of `jacve` as well.

One test for every behaviour: linear functions, trees in and out, auxiliary data, Hessians.
Dtypes, transformations and devices are in the files beside: `test_jax_..._parity`.
"""

import collections
import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from elimax.interpreter.jacobian import jacve, value_and_jacve
from support.compare import assert_same, assert_same_blocks
from support.random_programs import wave

R = jnp.asarray(wave(3, 4), jnp.float32)
X = jnp.asarray(wave(4), jnp.float32)
Z = jax.lax.complex(X, 0.5 + X)
Point = collections.namedtuple("Point", ["x", "y"])


@jax.tree_util.register_dataclass
@dataclasses.dataclass
class State:
    """A dataclass that is a pytree, with a static field."""

    position: jax.Array
    speed: jax.Array
    name: str = dataclasses.field(metadata={"static": True}, default="state")


def test_jacobian_of_a_linear_function_is_its_matrix():
    """Entry by entry, bit by bit: nothing is multiplied."""
    assert jacve(lambda x: R @ x)(X).tolist() == R.tolist()


def test_jacobian_of_the_identity():
    """Ones on the diagonal, of the dtype of the input."""
    assert_same(lambda jac: [jac(lambda x: x)(x) for x in (X, R, X.astype(jnp.float16), 2.0)])


def test_large_jacobian_of_the_identity():
    """A thousand entries are written out, not differentiated one by one."""
    closed = jax.make_jaxpr(jacve(lambda x: x * 1.0))(jnp.ones(1000))
    assert closed.out_avals[0].shape == (1000, 1000)
    assert len(closed.jaxpr.eqns) < 10


def test_jacobian_of_a_scalar_is_the_gradient():
    """Both for a scalar of a vector and for a scalar of a scalar."""
    f = lambda x: jnp.sum(jnp.sin(x) * x)  # noqa: E731
    assert_same_blocks(jacve(f)(X), jax.grad(f)(X), 1e-6)
    assert_same_blocks(jacve(f)(2.0), jax.grad(f)(2.0), 1e-6)


def test_jacobian_on_pytrees():
    """The tree of the outputs with the tree of the inputs at every leaf."""

    def f(x):
        return {"sum": x["a"] + x["b"][0], "pair": (x["a"] * x["b"][1], None)}

    assert_same(lambda jac: jac(f)({"a": X, "b": [X[::-1], 3.0], "none": None}))


def test_jacobian_on_tuples_of_arguments():
    """A tuple where argnums is one, in the order in which it lists."""
    f = lambda x, y, z: (x * y, y @ z)  # noqa: E731
    for argnums in (0, -1, (0,), (2, 0), [1, 2], np.int32(1)):
        assert_same(lambda jac, argnums=argnums: jac(f, argnums)(X, X + 1, X * 2))


def test_one_argument_twice():
    """Its blocks come twice (jax.jacrev fails here)."""
    first, second = jacve(jnp.sin, (0, 0))(X)
    assert first.tolist() == second.tolist() == jax.jacrev(jnp.sin)(X).tolist()


def test_jacobian_on_namedtuples_and_dataclasses():
    """Registered containers come back, static fields included."""

    def f(state, point):
        return State(state.position * point.x, state.speed - point.y, "next")

    args = State(X, X * 2, "now"), Point(X[0], X)
    assert_same(lambda jac: jac(f, (0, 1))(*args))
    assert jacve(f)(*args).position.name == "now"


def test_auxiliary_data():
    """The pair (Jacobian, aux), where aux may be anything, as may the pair."""

    def f(x):
        return [jnp.sin(x), ({"x": x, "n": jnp.arange(3)}, None)]

    assert_same(lambda jac: jac(f, has_aux=True)(X))
    jac, (text, number, count) = jacve(lambda x: (x, ("text", 3, x.size)), has_aux=True)(X)
    assert (text, number, count) == ("text", 3, 4) and jac.shape == (4, 4)


def test_auxiliary_data_is_not_differentiated():
    """Integers and complex numbers may stand there."""
    assert_same(
        lambda jac: jac(lambda x: (x * x, (x.astype(int), jax.lax.complex(x, x))), has_aux=True)(X)
    )


def test_keyword_arguments():
    """Arrays, numbers and text; none of them is differentiated."""

    def f(x, *, scale=1.0, power=2, op="sin"):
        return getattr(jnp, op)(x * scale) ** power

    for kwargs in ({}, {"scale": X}, {"power": 3, "op": "cos"}):
        assert_same(lambda jac, kwargs=kwargs: jac(f)(X, **kwargs))


def test_static_arguments():
    """Sets, objects, functions and integers in other arguments reach the function as they are."""

    def f(x, n, names, op):
        for _ in range(n):
            x = op(x) * len(names)
        return x

    assert_same(lambda jac: jac(f)(X, 2, {"a", "b"}, jnp.sin))


def test_arrays_may_steer_the_program():
    """Arguments that are not differentiated have values, as far as nothing outside hides them."""

    def f(x, n, shape, flag):
        for _ in range(n):
            x = jnp.sin(x)
        return x.reshape(shape) if flag else x

    args = X, np.int64(2), np.array([2, 2]), jnp.asarray(True)
    assert_same(lambda jac: jac(f)(*args))
    with pytest.raises(jax.errors.TracerIntegerConversionError):
        jax.jit(jacve(f))(*args)


def test_not_a_function():
    """Refused when the Jacobian is made, not when it is called."""
    for jac in (jacve, jax.jacrev):
        with pytest.raises(TypeError, match=r"must be a function|Expected a callable"):
            jac(3)


def test_no_such_argument():
    """Out of range on either side, and arguments that are passed by keyword."""
    for jac in (jacve, jax.jacrev):
        for argnums in (1, -2, (0, 5)):
            with pytest.raises(ValueError, match=r"(?i)positional"):
                jac(jnp.sin, argnums)(X)
        with pytest.raises(ValueError, match=r"keyword|len\(args\) == 0"):
            jac(lambda x: x)(x=X)


def test_no_arrays():
    """Nothing to differentiate on either side."""
    for jac in (jacve, jax.jacrev):
        for f, x in ((lambda x: 1.0, {}), (lambda x: None, 1.0), (lambda x: 1.0, None)):
            with pytest.raises(ValueError, match=r"nothing to differ|at least one|Too few leaves"):
                jac(f)(x)


def test_outputs_that_do_not_depend_on_the_input():
    """Zeros, no error."""
    assert_same(lambda jac: jac(lambda x: (jnp.ones(2), 3.0, jnp.floor(x)))(X))


def test_python_control_flow_on_numbers_is_refused():
    """The function is traced as under jit, with JAX's own error."""
    with pytest.raises(jax.errors.TracerBoolConversionError, match="boolean conversion"):
        jacve(lambda x: x if x > 0 else -x)(2.0)


def test_hessian_of_a_quadratic_form():
    """A + A^T, by composition in every way."""
    a = R[:, :3]
    form = lambda x: x @ a @ x  # noqa: E731
    for hessian in (jacve(jacve(form)), jacve(jax.grad(form)), jax.jacfwd(jacve(form))):
        assert_same_blocks(hessian(X[:3]), a + a.T, 1e-5)


def test_hessian_on_pytrees():
    """The tree of the inputs twice."""

    def f(x):
        return {"out": jnp.sum(x["a"] ** 2 * x["b"])}

    x = {"a": X, "b": X[1]}
    assert_same_blocks(jacve(jacve(f))(x), jax.hessian(f)(x), 1e-5)


def test_hessian_with_auxiliary_data():
    """The auxiliary data pass both Jacobians."""
    f = lambda x: (jnp.sum(x**3), {"n": 4})  # noqa: E731
    ours, aux = jacve(jacve(f, has_aux=True), has_aux=True)(X)
    theirs, _ = jax.hessian(f, has_aux=True)(X)
    assert_same_blocks(ours, theirs, 1e-5)
    assert aux == {"n": 4}


def test_holomorphic_hessian():
    """The second derivative of a complex function."""
    f = lambda z: jnp.sum(jnp.sin(z) * z)  # noqa: E731
    ours = jacve(jacve(f, holomorphic=True), holomorphic=True)(Z)
    assert_same_blocks(ours, jax.hessian(f, holomorphic=True)(Z), 1e-5)


def test_value_beside_the_jacobian():
    """As jax.value_and_grad: the value keeps its tree, with auxiliary data it is a pair."""
    value, jac = value_and_jacve(lambda x: jnp.sum(x**2))(X)
    assert_same_blocks((value, jac), jax.value_and_grad(lambda x: jnp.sum(x**2))(X), 1e-6)
    (value, aux), _ = value_and_jacve(lambda x: ({"y": x}, "aux"), has_aux=True)(X)
    assert value["y"].tolist() == X.tolist() and aux == "aux"


def test_numbers_that_are_not_finite():
    """Undefined derivatives are not made up; zeros off the diagonal stay zero (jacrev has NaN)."""
    for f in (jnp.sqrt, jnp.log):
        ours, theirs = (np.asarray(jac(f)(jnp.zeros(2))) for jac in (jacve, jax.jacrev))
        np.testing.assert_array_equal(np.diag(ours), np.diag(theirs))
        assert not np.isfinite(np.diag(ours)).any()
        assert ours[0, 1] == ours[1, 0] == 0.0
    norm = jax.jacrev(jnp.linalg.norm)(jnp.zeros(2))
    np.testing.assert_array_equal(jacve(jnp.linalg.norm)(jnp.zeros(2)), norm)
