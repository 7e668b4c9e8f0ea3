"""`hessve` in the place of `jax.hessian`: trees, symmetric halves, orders, transformations."""

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import pytest
from hypothesis import given, settings

from elimax.interpreter import hessian
from elimax.interpreter.errors import InvalidOrderError
from elimax.interpreter.graph.counting import count_multiplications
from elimax.interpreter.hessian import hessve, wanted_blocks
from elimax.interpreter.orders import CLASSIC, forward_order, portfolio
from elimax.interpreter.tracing.call import trace
from support.compare import (
    QUICK,
    assert_same_blocks,
    count_folded,
    emitted_multiplications,
    executed_multiplications,
)
from support.random_programs import orders, scalar_programs, wave

X, Y = jnp.asarray(wave(3), jnp.float32), jnp.asarray(wave(3, phase=5), jnp.float32)


def energy(x, y):
    """A scalar of two vectors, each pair of entries coupled."""
    return jnp.sum(jnp.sin(x) * y) * jnp.prod(x + y**2)


def assert_same_hessian(fun, *args, rtol=2e-5, atol=1e-5, by=("auto",), **options):
    """Asserts that hessve and jax.hessian give the same trees, dtypes, weak types and numbers."""

    def both(*args):
        ours = [hessve(fun, order=order, **options)(*args) for order in by]
        return ours, jax.hessian(fun, **options)(*args)

    every, theirs = jax.jit(both, compiler_options=QUICK)(*args)
    for ours in every:
        assert_same_blocks(ours, theirs, rtol, atol)
        weak = [[x.weak_type for x in jax.tree.leaves(tree)] for tree in (ours, theirs)]
        assert weak[0] == weak[1]


@pytest.mark.parametrize("argnums", [0, 1, -1, (0,), (0, 1), (1, 0), [0, 1]])
def test_argnums(argnums):
    """One argument, or a tuple of tuples."""
    assert_same_hessian(energy, X, Y, argnums=argnums)


def test_pytrees():
    """The tree of the outputs with the tree of the inputs twice, of leaves of different shapes."""

    def f(x):
        return {"out": jnp.sum(x["m"] @ x["v"]) * x["s"][0] ** 3, "none": None}

    assert_same_hessian(f, {"m": jnp.asarray(wave(2, 3), jnp.float32), "v": X, "s": [2.0, None]})


def test_arrays_as_outputs():
    """One Hessian for every entry of every output."""

    def f(x, y):
        return jnp.outer(x, jnp.sin(y)) * x[0], [jnp.sum(x[:2] * y) ** 2]

    assert_same_hessian(f, X, Y[:2], argnums=(0,))
    assert_same_hessian(f, X, Y[:2], argnums=(0, 1))


def test_auxiliary_data_and_keywords():
    """The pair (Hessian, aux); keywords are not differentiated."""

    def f(x, power=2, scale=1.0):
        return jnp.sum(x**power) * jnp.prod(x) * scale, {"n": 3, "x": x}

    ours, aux = hessve(f, has_aux=True)(X, power=3, scale=Y[0])
    theirs = jax.jit(jax.hessian(lambda x: f(x, power=3, scale=Y[0])[0]))(X)
    assert_same_blocks(ours, theirs, 1e-5)
    assert aux["n"] == 3 and aux["x"].tolist() == X.tolist()


def test_holomorphic_functions():
    """The complex second derivative, symmetric as well."""
    z = jax.lax.complex(X, Y)
    f = lambda z, w: jnp.sum(jnp.sin(z) * w) * w[0]  # noqa: E731
    assert_same_hessian(f, z, z[::-1], argnums=(0, 1), holomorphic=True)


@pytest.mark.parametrize("dtypes", [("float16", "float32"), ("float32", "bfloat16")])
def test_mixed_dtypes(dtypes):
    """A block has the dtype of its first input, on both sides of the diagonal."""
    x, y = X.astype(dtypes[0]), Y.astype(dtypes[1])
    f = lambda x, y: jnp.sum(jnp.sin(x.astype("float32")) * y.astype("float32") ** 2)  # noqa: E731
    ours = jax.jit(hessve(f, (0, 1)))(x, y)
    with jax.numpy_dtype_promotion("standard"):  # jax.hessian itself needs it
        theirs = jax.jit(jax.hessian(f, (0, 1)))(x, y)
    assert_same_blocks(ours, theirs, 2e-2, 1e-6)


@pytest.mark.parametrize(
    "function",
    [
        lambda x, y: jnp.sum(x * y),
        lambda x, y: jnp.sum(x + y),
        lambda x, y: x[0],
        lambda x, y: 1.0,
        lambda x, y: x,
        lambda x, y: jnp.sum(jnp.floor(x) * y),
        lambda x, y: jnp.max(x) ** 2 * y[0],
    ],
)
def test_trivial_functions(function):
    """Gradients that are inputs, constants, or one array twice."""
    assert_same_hessian(function, X, Y, argnums=(0, 1))


def test_one_argument_twice():
    """Its blocks come twice."""
    blocks = hessve(lambda x: jnp.sum(x**3), (0, 0))(X)
    for block in jax.tree.leaves(blocks):
        assert_same_blocks(block, jnp.diag(6 * X), 1e-6)


def dense_scalar(*xs):
    """A scalar function of scalars of which every pair is coupled."""
    total = sum(jnp.sin(x) * k for k, x in enumerate(xs, 1))
    return jnp.exp(total) * total


SCALARS = [jnp.float32(0.1 * k) for k in range(1, 9)]
ALL = tuple(range(8))


@pytest.mark.parametrize(
    "name",
    [
        name if name in ("reverse", "markowitz") else pytest.param(name, marks=pytest.mark.slow)
        for name in CLASSIC
    ],
)
def test_half_of_the_blocks_is_computed(name):
    """What is executed is what is counted for the wanted blocks, and less than for all."""
    graph = trace(jax.grad(dense_scalar, ALL), *SCALARS, argnums=ALL)
    order = portfolio(graph)[name]
    with count_folded() as folded:
        closed = jax.make_jaxpr(hessve(dense_scalar, ALL, order=order))(*SCALARS)
    executed = emitted_multiplications(closed) + sum(folded)
    wanted = wanted_blocks(graph, ALL)
    assert executed == count_multiplications(graph, order, wanted).nontrivial
    of_gradient = executed_multiplications(jax.grad(dense_scalar, ALL), SCALARS, ALL, order)
    # 28 of the 64 blocks are transposes, each of which saves one product at least.
    assert executed <= of_gradient - 28
    assert_same_hessian(dense_scalar, *SCALARS, argnums=ALL, by=[order], atol=1e-4)


def test_auto_is_the_best_for_the_wanted_blocks():
    """By the multiplications that are left when half of the blocks is."""
    graph = trace(jax.grad(dense_scalar, ALL), *SCALARS, argnums=ALL)
    wanted = wanted_blocks(graph, ALL)
    counts = [count_multiplications(graph, o, wanted).nontrivial for o in portfolio(graph).values()]
    with count_folded() as folded:
        closed = jax.make_jaxpr(hessve(dense_scalar, ALL))(*SCALARS)
    assert emitted_multiplications(closed) + sum(folded) == min(counts)


def test_which_blocks_are_wanted():
    """Row by row those up to the diagonal; a gradient that is constant has none."""
    graph = trace(jax.grad(lambda x, y: jnp.sin(x) * jnp.cos(y), (0, 1)), 1.0, 2.0, argnums=(0, 1))
    first, second = graph.outputs
    assert wanted_blocks(graph, [0, 1]) == {(0, first), (0, second), (1, second)}
    constant = trace(lambda x: (1.0, x * x), 1.0)
    assert wanted_blocks(constant, [0]) == {(0, -1), (0, constant.outputs[1])}


def test_numbers_of_small_jitted_functions():
    """`jnp.maximum` is a call that jaxprs do not show, but gradients may."""

    def function(x, y):
        return jnp.maximum(x, y) + (x + y)

    graph = trace(jax.grad(function, (0, 1)), 1.0, 2.0, argnums=(0, 1))
    ours = hessve(function, (0, 1), order=graph.eliminable[::-1])(1.0, 2.0)
    assert_same_blocks(ours, jax.hessian(function, (0, 1))(1.0, 2.0))


@given(st.data())
@settings(max_examples=15)
def test_random_programs(data):
    """Up to twelve equations, several outputs or one, random orders, in float64."""
    program = data.draw(scalar_programs(max_steps=12))
    function = data.draw(st.sampled_from([program, lambda *xs: program(*xs)[0]]))
    argnums = tuple(range(len(program.inputs)))
    with jax.enable_x64(True):
        inputs = [jnp.float64(x) for x in program.inputs]
        order = "auto"
        if function is not program:
            order = data.draw(orders(trace(jax.grad(function, argnums), *inputs, argnums=argnums)))
        pair = hessve(function, argnums, order=order), jax.hessian(function, argnums)
        both = jax.jit(lambda *xs: [make(*xs) for make in pair], compiler_options=QUICK)
        ours, theirs = both(*inputs)
    # Entries may cancel to nearly nothing, so errors are compared with one as well.
    assert_same_blocks(ours, theirs, atol=1e-9)


@jax.custom_jvp
def straight(x):
    """A function whose derivative is declared to be one."""
    return jnp.round(x)


straight.defjvp(lambda x, dx: (straight(*x), dx[0]))


@pytest.mark.parametrize(
    "wrap",
    [
        lambda f: f,
        jax.jit,
        lambda f: lambda x: jax.lax.cond(x.sum() > 0, f, f, x),
        lambda f: lambda x: jax.lax.scan(lambda c, _: (f(c), None), x, None, 2)[0],
    ],
    ids=["plain", "jit", "cond", "scan"],
)
def test_own_rules_need_not_be_symmetric(wrap):
    """f = sin(round(x) y): JAX follows the declared rule, so all blocks are computed."""
    f = lambda x, y: jnp.sum(jnp.sin(wrap(straight)(x) * y) * x)  # noqa: E731
    assert_same_hessian(f, 3 * X, Y, argnums=(0, 1))


def test_asymmetric_rules_are_followed():
    """A rule that ignores one factor gives a Hessian that is not symmetric, as in JAX."""

    @jax.custom_jvp
    def odd(x, y):
        return x * y

    odd.defjvp(lambda p, t: (p[0] * p[1], p[0] * p[1] * t[0]))
    ours, theirs = (
        jax.jit(make(lambda x, y: odd(x, y) ** 2, (0, 1)))(2.0, 3.0)
        for make in (hessve, jax.hessian)
    )
    assert_same_blocks(ours, theirs, 1e-6)
    assert ours[0][1] != ours[1][0]


@pytest.mark.parametrize(
    "transform",
    [
        jax.jit,
        lambda h: jax.grad(lambda x, y: jnp.sum(h(x, y)[0][1] ** 2)),
        lambda h: lambda x, y: jax.vmap(h)(jnp.stack([x, y]), jnp.stack([y, x])),
        lambda h: jax.jacfwd(lambda x, y: h(x, y)[1][0]),
        jax.checkpoint,
    ],
    ids=["jit", "grad", "vmap", "jacfwd", "checkpoint"],
)
def test_transformations(transform):
    """Whatever JAX does with a function, it does with its Hessian."""
    ours, theirs = (
        jax.jit(transform(make(energy, (0, 1))))(X, Y) for make in (hessve, jax.hessian)
    )
    assert_same_blocks(ours, theirs, 2e-4, 1e-4)


def test_orders():
    """Names, vertex numbers, and an order that was made for the graph of the gradient."""
    f = lambda x: jnp.sin(x) * jnp.exp(x)  # noqa: E731
    graph = trace(jax.grad(f), 1.0)
    numbers = list(graph.eliminable)[::-1]
    assert_same_hessian(f, 1.0, by=[*CLASSIC, numbers, forward_order(graph)])
    with pytest.raises(InvalidOrderError, match=r"the order does not fit the graph: it misses"):
        hessve(f, order=numbers[1:])(1.0)
    with pytest.raises(InvalidOrderError, match="was made for the graph"):
        hessve(f, order=forward_order(trace(f, 1.0)))(1.0)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: hessve(jnp.sin)(3), TypeError, "argument 0 is int32"),
        (lambda: hessve(jnp.sin)(3j), TypeError, "argument 0 is complex64: pass holomorphic=True"),
        (lambda: hessve(jnp.abs)(3j), TypeError, "must be real, but argument 0 is complex64"),
        (lambda: hessve(jnp.argmax)(X), TypeError, "output is int32: convert it"),
        (lambda: hessve(3), TypeError, "the first argument must be a function, but is 3"),
        (lambda: hessve(jnp.sin, 2)(X), ValueError, "asks for argument 2"),
        (lambda: hessve(jnp.sin, output="csr"), ValueError, "'csr' is not available; choose"),
    ],
)
def test_what_is_refused(make, error, message):
    """With errors of the types that jax.hessian raises."""
    with pytest.raises(error, match=message):
        make()


def test_halves_are_only_computed_once(monkeypatch):
    """The other half are transposes: dense blocks are assembled from wanted pairs alone."""
    asked, graphs = [], []
    written_block, active_part = hessian.written_block, hessian.active_part

    def watched(graph, blocks, in_node, leaf, output, *rest):
        asked.append((output, in_node))
        return written_block(graph, blocks, in_node, leaf, output, *rest)

    def noted(*args):
        graphs.append(active_part(*args))
        return graphs[-1]

    monkeypatch.setattr(hessian, "written_block", watched)
    monkeypatch.setattr(hessian, "active_part", noted)
    hessve(energy, (0, 1))(X, Y)
    (active,) = graphs
    assert {(x, out) for out, x in asked} == wanted_blocks(active.graph, [0, 1])
