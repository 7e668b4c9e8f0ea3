"""What JAX promises of its Jacobians and Hessians, promised of `jacve` as well.

One test for every behaviour: linear functions, trees in and out, auxiliary data, dtypes, complex
numbers, transformations. Sharding and several devices are in `test_jax_devices_parity`.
"""

import collections
import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from interpreter.errors import TracingError
from interpreter.jacobian import jacve, value_and_jacve
from tests.interpreter.compare import assert_same_blocks
from tests.interpreter.random_programs import wave

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


def assert_same(use, rtol=1e-5, atol=1e-6):
    """Asserts that a use of jacve and of jacrev give the same trees, dtypes and weak types."""
    ours, theirs = use(jacve), use(jax.jacrev)
    assert_same_blocks(ours, theirs, rtol, atol)
    weak = [[x.weak_type for x in jax.tree.leaves(tree)] for tree in (ours, theirs)]
    assert weak[0] == weak[1]


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
        with pytest.raises(TypeError, match=r"holomorphic=True (wants|requires inputs)"):
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
    assert_same_blocks(ours, jax.jacrev(function, (0, 1))(Z, X), 1e-5, 1e-6)


@pytest.mark.parametrize("function", [lambda z: (z * z.conj()).real, lambda z: abs(z * abs(z))])
def test_complex_numbers_that_are_not_holomorphic_are_refused(function):
    """Conjugates and magnitudes that become complex again; jacrev can do these."""
    with pytest.raises(TracingError, match=r"not holomorphic in others.*real and imaginary parts"):
        jacve(function)(1 + 2j)


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


def test_not_a_function():
    """Refused when the Jacobian is made, not when it is called."""
    for jac in (jacve, jax.jacrev):
        with pytest.raises(TypeError, match=r"function is wanted|Expected a callable"):
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


def test_value_beside_the_jacobian():
    """As jax.value_and_grad: the value keeps its tree, with auxiliary data it is a pair."""
    value, jac = value_and_jacve(lambda x: jnp.sum(x**2))(X)
    assert_same_blocks((value, jac), jax.value_and_grad(lambda x: jnp.sum(x**2))(X), 1e-6)
    (value, aux), _ = value_and_jacve(lambda x: ({"y": x}, "aux"), has_aux=True)(X)
    assert value["y"].tolist() == X.tolist() and aux == "aux"


def test_numbers_that_are_not_finite():
    """Undefined derivatives are not made up; zeros off the diagonal stay zero (jacrev has NaN)."""
    for f in (jnp.sqrt, jnp.log, lambda x: jnp.where(x > 0, jnp.sqrt(x), 0.0)):
        ours, theirs = (np.asarray(jac(f)(jnp.zeros(2))) for jac in (jacve, jax.jacrev))
        np.testing.assert_array_equal(np.diag(ours), np.diag(theirs))
        assert not np.isfinite(np.diag(ours)).any()
        assert ours[0, 1] == ours[1, 0] == 0.0
    norm = jax.jacrev(jnp.linalg.norm)(jnp.zeros(2))
    np.testing.assert_array_equal(jacve(jnp.linalg.norm)(jnp.zeros(2)), norm)


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
