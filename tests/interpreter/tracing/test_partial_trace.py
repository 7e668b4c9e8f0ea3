"""What is computed while a function is traced, what is staged, and what of it is shown."""

import functools
import re
import threading
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.sharding import Mesh, PartitionSpec

from elimax import hessve, jacve, plan, trace
from elimax.interpreter.errors import TracingError
from elimax.interpreter.tracing.call import traced_program
from elimax.interpreter.tracing.flat_call import CallArguments
from elimax.interpreter.tracing.partial_trace import partial_jaxpr
from support.compare import assert_same_blocks

X = jnp.arange(1.0, 5.0)
MASK = np.array([True, False, True, True])


def staged(function, *leaves):
    """Primitives that depend on the inputs, in order."""
    return [eqn.primitive.name for eqn in partial_jaxpr(function, leaves).closed.jaxpr.eqns]


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def scaled(x, factors):
    """A function with its own rule, and an array that is not differentiated."""
    return x * jnp.sum(factors)


@scaled.defjvp
def _scaled_jvp(factors, primals, tangents):
    return scaled(primals[0], factors), tangents[0] * jnp.sum(factors)


@functools.partial(jax.custom_vjp, nondiff_argnums=(1,))
def weighted(x, factors):
    """The same for cotangents."""
    return x * jnp.sum(factors)


weighted.defvjp(
    lambda x, factors: (weighted(x, factors), None),
    lambda factors, residual, cotangent: (cotangent * jnp.sum(factors),),
)


def test_what_is_known_is_not_staged():
    """Only what depends on an input becomes an equation."""
    assert staged(lambda x: [x * jnp.sin(jnp.arange(4.0))], X) == ["mul"]
    partial = partial_jaxpr(lambda x: [jnp.sin(2.0), x, 3, jnp.cos(x)], [1.0])
    assert partial.is_known == (True, False, True, False)
    assert partial.results[2] == 3 and partial.results[3] is None
    assert [float(x) for x in partial.evaluate([0.0])] == pytest.approx([np.sin(2.0), 0, 3, 1])


@pytest.mark.parametrize("wrap", [lambda f: f, jax.jit, jax.checkpoint])
def test_calls_are_taken_apart(wrap):
    """In a call that reads an input, what does not is known all the same."""
    function = wrap(lambda x, y: (x * jnp.sin(y), jnp.cos(y) * 2.0))
    partial = partial_jaxpr(lambda x: [*function(x, jnp.arange(3.0))], [jnp.ones(3)])
    assert partial.is_known == (False, True)
    assert [eqn.primitive.name for eqn in partial.closed.jaxpr.eqns] == ["mul"]
    np.testing.assert_allclose(partial.results[1], 2 * np.cos(np.arange(3.0)), rtol=1e-6)


def test_calls_may_be_kept():
    """One equation each, for derivatives that treat them as a whole."""
    partial = partial_jaxpr(lambda x: [jax.jit(jnp.sin)(x)], [1.0], keeps_calls=True)
    assert [eqn.primitive.name for eqn in partial.closed.jaxpr.eqns] in (["jit"], ["pjit"])


def test_weak_types_survive_calls():
    """A number that gives way to other dtypes does so after a call as well."""
    seen = []

    @jax.jit
    def double(x):
        return 2.0 * x

    def function(x):
        y = double(x)
        seen.append(y.weak_type)
        return [y * jnp.ones(2, jnp.float16)]

    partial = partial_jaxpr(function, [jnp.asarray(1.0)])
    assert seen == [True] and partial.avals[0].dtype == jnp.float16


@pytest.mark.parametrize(
    ("function", "others"),
    [
        (lambda x, m: jnp.sum(x[m] ** 2), (MASK,)),
        (lambda x, m: jnp.sum(x[m] ** 2), (jnp.asarray(MASK),)),
        (lambda x, n: x[:n] ** 2, (jnp.int32(2),)),
        (lambda x, n: x.reshape(n, -1) @ jnp.ones(2), (np.array(2),)),
        (lambda x, n: x[0] * jnp.zeros((n,)) + x[1], (np.int32(3),)),
        (lambda x, n: x @ jnp.eye(n), (np.int32(4),)),
        (lambda x, m: x[jnp.nonzero(m)] ** 2, (jnp.asarray(MASK),)),
        (lambda x, m: x[jnp.unique(m)] ** 2, (jnp.array([1, 1, 2]),)),
        (lambda x, m: x**2 if jnp.any(m) else x, (jnp.asarray(MASK),)),
        (lambda x, s: x * len(f"{s}"), (np.array([1.0, 2.5]),)),
        (lambda x, s: x * (2.0 if isinstance(s, np.ndarray) else 1.0), (np.ones(2),)),
        (lambda x, n: x**n if isinstance(n, int) else x, (3,)),
        (scaled, (np.array([1.0, 2.0]),)),
        (scaled, (jnp.array([1.0, 2.0]),)),
        (weighted, (np.array([1.0, 2.0]),)),
        (lambda x, key: x * jax.random.normal(key, (4,)), (jax.random.key(0),)),
        (lambda x, data: x * jnp.bincount(data).astype(x.dtype), (jnp.array([0, 1, 1, 3]),)),
    ],
)
def test_arguments_that_are_not_differentiated_keep_their_values(function, others):
    """Their types too, so that the function does what it does under jacrev."""
    expected = jax.jacrev(function)(X, *others)
    assert_same_blocks(jacve(function)(X, *others), expected, 1e-6)
    assert plan(function, X, *others).fingerprint == trace(function, X, *others).fingerprint
    if jnp.ndim(expected) < 2:
        assert_same_blocks(hessve(function)(X, *others), jax.hessian(function)(X, *others), 1e-5)


def test_the_function_is_called_once():
    """By everything that takes one, on every way through it."""
    calls = []

    def function(x, n):
        calls.append(n)
        return jnp.sum(jnp.sin(x[:n]) * x[0])

    def several(x, n):
        return function(x, n), x[:n] * x[0]

    for call in (
        lambda: jacve(function)(X, np.int32(2)),
        lambda: jax.jit(lambda x: jacve(function)(x, 2))(X),
        lambda: hessve(function)(X, np.int32(2)),
        lambda: hessve(several)(X, np.int32(2)),
        lambda: plan(function, X, np.int32(2)),
        lambda: plan(function, jax.ShapeDtypeStruct((4,), jnp.float32), np.int32(2)),
        lambda: trace(function, X, np.int32(2)),
    ):
        calls.clear()
        call()
        assert len(calls) == 1


def test_constants_are_left_to_the_compiler():
    """Under jit they are staged, and nothing is computed while tracing."""

    def function(x):
        return sum(jnp.sum(jnp.cos(jnp.arange(float(n)) / n)) for n in range(2, 6)) * x

    assert str(jax.make_jaxpr(jacve(function))(1.0)).count(" cos ") == 4
    assert_same_blocks(jax.jit(jacve(function))(1.0), jax.jacrev(function)(1.0), 1e-6)
    assert_same_blocks(jacve(jax.jit(function))(1.0), jax.jacrev(function)(1.0), 1e-6)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x if x[0] > 0 else -x,
        lambda x: x * float(x[0]),
        lambda x: np.sin(x),
        lambda x: x * [1.0, 2.0][x[0].astype(int)],
        lambda x: jnp.arange(x[0]),
    ],
)
def test_values_of_differentiated_arguments_are_not_there(function):
    """One message, which names the user's own line and what to write instead."""
    expected = r"differentiated argument.*test_partial_trace\.py, line \d+.*jnp\.where or jax\.lax"
    for transform in (jacve, hessve):
        with pytest.raises((TypeError, jax.errors.JAXTypeError), match=expected):
            transform(function)(X)


def test_masks_of_differentiated_arguments_pick_nothing():
    """The error of JAX gets a note that says what to write instead."""
    for transform in (jacve, hessve):
        with pytest.raises(jax.errors.NonConcreteBooleanIndexError) as caught:
            transform(lambda x: jnp.sum(x[x > 0] ** 2))(X)
        # JAX may add notes of its own.
        (note,) = (note for note in caught.value.__notes__ if "mask" in note)
        assert "depends on a differentiated argument" in note
        assert "write jnp.where(mask, x, 0) instead of x[mask]" in note


@pytest.mark.parametrize(
    "file", ["<stdin>", str(Path(functools.__file__).parent / "site-packages/theirs/module.py")]
)
def test_whose_line_it_is(file):
    """Of a prompt, or of a package that is installed next to the standard library."""
    scope = {}
    exec(compile("def function(x):\n    return x if x[0] > 0 else -x\n", file, "exec"), scope)
    with pytest.raises(jax.errors.JAXTypeError, match=f"{re.escape(file)}, line 2, needs it"):
        jacve(scope["function"])(X)


def test_rules_do_not_close_over_differentiated_values():
    """JAX refuses it as well, with a message about a leaked tracer."""

    def function(x):
        @jax.custom_jvp
        def product(y):
            return y * x

        product.defjvp(lambda primals, tangents: (primals[0] * x, tangents[0] * x))
        return product(2.0 * x)

    with pytest.raises(TracingError, match=r"closes over.*pass that value as an argument"):
        jacve(function)(3.0)


def test_leaked_values_are_refused():
    """A value that was kept from a trace that has ended."""
    kept = []
    jacve(lambda x: kept.append(x) or x * x)(1.0)
    with pytest.raises(jax.errors.UnexpectedTracerError):
        kept[0] + 1.0


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize(
    ("function", "lines"),
    [
        (lambda x: (jax.debug.print("{}", x), x)[1], ["1.0"]),
        (
            lambda x: (jax.debug.print("a"), jax.debug.print("{}", 2 * x), jax.debug.print("b"), x)[
                3
            ],
            ["a", "2.0", "b"],
        ),
        (
            lambda x: lax.scan(
                lambda c, i: ((jax.debug.print("{}", i), c * x)[1], None), x, jnp.arange(3)
            )[0],
            ["0", "1", "2"],
        ),
        (
            lambda x: lax.while_loop(
                lambda c: c < 3, lambda c: (jax.debug.print("{}", c), 2 * c)[1], x
            ),
            ["1.0", "2.0"],
        ),
        (
            lambda x: lax.cond(
                x > 0, lambda y: (jax.debug.print("{}", y), jnp.sin(y))[1], jnp.cos, x
            ),
            ["1.0"],
        ),
        (lambda x: jax.jit(lambda y: (jax.debug.print("{}", y), y * x)[1])(3.0), ["3.0"]),
    ],
)
def test_what_is_printed(capfd, function, lines, jit):
    """Once and in order, known or not, also in loops."""
    jacobian = jacve(function)
    (jax.jit(jacobian) if jit else jacobian)(1.0)
    jax.effects_barrier()
    printed = capfd.readouterr().out.split()
    # Compiled, only loops and jax.debug.print(ordered=True) have an order.
    assert (sorted(printed) if jit else printed) == (sorted(lines) if jit else lines)


def test_what_is_printed_in_order_under_jit(capfd):
    """Ordered prints keep their order."""

    @jax.jit
    def function(x):
        for k in range(3):
            jax.debug.print(f"{k}" + " {}", x * k, ordered=True)
        return x * x

    jax.jit(jacve(function))(1.0)
    jax.effects_barrier()
    assert capfd.readouterr().out.splitlines() == ["0 0.0", "1 1.0", "2 2.0"]


def test_inside_of_shard_map():
    """With respect to a replicated input, eagerly and under jit."""
    mesh = Mesh(np.array(jax.devices()[:1]), ("i",))
    spec = PartitionSpec()
    function = lambda x: jnp.sin(x) * jnp.sum(x**2)  # noqa: E731
    mapped = jax.shard_map(jacve(function), mesh=mesh, in_specs=spec, out_specs=spec)
    expected = jax.jit(jax.jacrev(function))(X)
    assert_same_blocks(mapped(X), expected, 1e-5)
    assert_same_blocks(jax.jit(mapped)(X), expected, 1e-5)


def test_around_shard_map():
    """A function that is mapped over devices is one equation, whatever it closes over."""
    mesh = Mesh(np.array(jax.devices()[:1]), ("i",))
    spec = PartitionSpec()

    def function(x):
        mapped = jax.shard_map(
            lambda y: jnp.sin(y) * jnp.sum(y), mesh=mesh, in_specs=spec, out_specs=spec
        )
        return mapped(x * x)

    expected = jax.jit(jax.jacrev(lambda x: jnp.sin(x * x) * jnp.sum(x * x)))(X)
    assert_same_blocks(jacve(function)(X), expected, 1e-5)
    assert_same_blocks(jax.jit(jacve(function))(X), expected, 1e-5)


def test_axis_names():
    """What depends on the place in a mapped axis alone is known."""

    def jacobian(transform):
        return jax.vmap(transform(lambda y: y[lax.axis_index("i")] ** 2 * y[0]), axis_name="i")(
            jnp.arange(9.0).reshape(3, 3)
        )

    assert_same_blocks(jacobian(jacve), jax.jit(lambda: jacobian(jax.jacrev))(), 1e-6)


def test_threads():
    """Traces of several threads do not see each other."""

    def function(k):
        return lambda x: jnp.sin(x) * jnp.sum(x * k) * jnp.arange(4.0)

    found = {}

    def work(k):
        found[k] = jacve(function(k))(X)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for k in range(4):
        assert_same_blocks(found[k], jax.jacrev(function(k))(X), 1e-5)


@pytest.mark.parametrize("wrap", [lambda f: f, jax.jit])
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (lambda f: jax.vmap(jacve(f)), lambda f: jax.vmap(jax.jacrev(f))),
        (
            lambda f: jax.grad(lambda x: jnp.sum(jacve(f)(x))),
            lambda f: jax.grad(lambda x: jnp.sum(jax.jacrev(f)(x))),
        ),
        (lambda f: jacve(jacve(f)), lambda f: jax.jacrev(jax.jacrev(f))),
        (lambda f: jacve(jax.vmap(jacve(f))), lambda f: jax.jacrev(jax.vmap(jax.jacrev(f)))),
        (lambda f: jax.checkpoint(jacve(f)), lambda f: jax.jacrev(f)),
        (
            lambda f: lambda x: lax.scan(lambda c, _: (c * jacve(f)(c)[0], None), x, None, 2)[0],
            lambda f: (
                lambda x: lax.scan(lambda c, _: (c * jax.jacrev(f)(c)[0], None), x, None, 2)[0]
            ),
        ),
    ],
)
def test_composition(ours, theirs, wrap):
    """With JAX's transformations, and with itself."""
    function = lambda v: jnp.sin(v) * jnp.sum(v**2, -1, keepdims=True) * v[jnp.arange(2)[::-1]]  # noqa: E731
    x = jnp.array([[0.3, 0.7], [0.2, -0.4]]) if "vmap" in ours.__code__.co_names else X[:2] / 3
    assert_same_blocks(wrap(ours(function))(x), jax.jit(theirs(function))(x), 1e-5)


def test_numbering_counts_all_leaves():
    """Differentiated or not, Python values too."""
    arguments = CallArguments.of((np.ones((2, 3)), 1.0, "mode"), {}, 1)
    program = traced_program(lambda x: [jnp.sin(x)], arguments)
    assert program.num_inputs == 3
    assert [aval.shape for aval in program.node_avals] == [(2, 3), (), (), ()]
    assert program.equations[0].operands == (1,) and program.outputs == (3,)


def test_tracers_belong_to_jax():
    """Packages that dispatch on the module of a class, as autoray does, take them for JAX's."""
    modules = []

    def function(x):
        modules.append(type(x).__module__.partition(".")[0])
        return jnp.sin(x)

    jacve(function)(1.0)
    assert modules == ["jax"]
