"""Elementwise primitives: structure, value, rank-0 operands, functions with their own rule."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from elimax.interpreter.graph.structure import Kind, edge_structure
from elimax.interpreter.jacobian import jacve
from elimax.interpreter.tracing.call import trace
from elimax.interpreter.tracing.rules.elementwise import BY_JVP, SIGNS
from elimax.interpreter.tracing.rules.registry import _RULES
from support.compare import assert_equals_jacrev, assert_equals_jacrev_in_all_orders
from support.random_programs import wave

POSITIVE = 0.1 + 0.8 * np.abs(wave(5))
ABOVE_ONE = 1.2 + POSITIVE
PAIR = (POSITIVE, 0.9 - 0.5 * POSITIVE)

# Function and arguments in its domain, by the name of the primitive.
FUNCTIONS = {
    "abs": (jnp.abs, wave(5)),
    "acos": (lax.acos, wave(5)),
    "acosh": (lax.acosh, ABOVE_ONE),
    "asin": (lax.asin, wave(5)),
    "asinh": (lax.asinh, wave(5)),
    "atan": (lax.atan, wave(5)),
    "atan2": (lax.atan2, *PAIR),
    "atanh": (lax.atanh, wave(5) / 2),
    "bessel_i0e": (lax.bessel_i0e, wave(5)),
    "bessel_i1e": (lax.bessel_i1e, wave(5)),
    "cbrt": (lax.cbrt, POSITIVE),
    "clamp": (lambda x: lax.clamp(-0.3, x, 0.4), wave(5)),
    "cos": (lax.cos, wave(5)),
    "cosh": (lax.cosh, wave(5)),
    "digamma": (lax.digamma, POSITIVE),
    "erf": (lax.erf, wave(5)),
    "erf_inv": (lax.erf_inv, wave(5) / 2),
    "erfc": (lax.erfc, wave(5)),
    "exp": (lax.exp, wave(5)),
    "exp2": (lax.exp2, wave(5)),
    "expm1": (lax.expm1, wave(5)),
    "integer_pow": (lambda x: lax.integer_pow(x, 3), wave(5)),
    "lgamma": (lax.lgamma, POSITIVE),
    "log": (lax.log, POSITIVE),
    "log1p": (lax.log1p, POSITIVE),
    "logistic": (lax.logistic, wave(5)),
    "max": (lax.max, *PAIR),
    "min": (lax.min, *PAIR),
    "pow": (lax.pow, *PAIR),
    "rem": (lax.rem, *PAIR),
    "rsqrt": (lax.rsqrt, POSITIVE),
    "select_n": (lambda x, y: lax.select(x > y, x, y), *PAIR),
    "sin": (lax.sin, wave(5)),
    "sinh": (lax.sinh, wave(5)),
    "sqrt": (lax.sqrt, POSITIVE),
    "square": (lax.square, wave(5)),
    "tan": (lax.tan, wave(5)),
    "tanh": (lax.tanh, wave(5)),
    "add": (lax.add, *PAIR),
    "sub": (lax.sub, *PAIR),
    "neg": (lax.neg, wave(5)),
    "mul": (lax.mul, *PAIR),
    "div": (lax.div, *PAIR),
}
DIAGONAL = edge_structure((5,), (5,), [0], [0], Kind.GENERAL)
SIGN = edge_structure((5,), (5,), [0], [], Kind.TRIVIAL)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_edges_are_diagonal(name):
    """Out (a), in (a), value (a), or a trivial edge for sums and signs."""
    function, *args = FUNCTIONS[name]
    graph = trace(function, *(jnp.asarray(x, jnp.float32) for x in args), argnums=range(len(args)))
    assert name in graph.primitives
    last = graph.outputs[0]
    expected = SIGN if name in SIGNS else DIAGONAL
    assert {graph.edges[p, s] for p, s in graph.edges if s == last} == {expected}


def test_values_equal_jacrev():
    """All of them at once, alone and between two other functions, for every argument."""
    args = [x for _, *xs in FUNCTIONS.values() for x in xs]

    def function(*args):
        left, results = list(args), []
        for apply, *xs in FUNCTIONS.values():
            taken, left = left[: len(xs)], left[len(xs) :]
            results.append(apply(*taken))
            results.append(jnp.sin(apply(*(x + x - x for x in taken))))
        return jnp.concatenate([jnp.stack(results).sum(axis=1), results[0]])

    assert_equals_jacrev(function, *args, argnums=tuple(range(len(args))))


def test_incomplete_gamma_functions():
    """igamma and igammac with respect to their second argument."""
    for function in (lax.igamma, lax.igammac):
        assert_equals_jacrev(lambda x, f=function: f(jnp.full_like(x, 1.7), x), POSITIVE)


@pytest.mark.parametrize("sample", [jax.random.gamma, jax.random.loggamma])
def test_samples_of_gamma_are_elementwise(sample):
    """One key or one per row: every axis of the parameter is tied, and the key has no edge."""
    key, concentration = jax.random.key(0), 0.5 + np.abs(wave(4, 3))
    rows = jax.vmap(sample)
    for function, keys in ((sample, key), (rows, jax.random.split(key, 4))):
        graph = trace(lambda a, f=function, k=keys: f(k, a), jnp.asarray(concentration))
        assert graph.primitives == ("random_gamma",)
        (edge,) = graph.edges.values()
        assert edge == edge_structure((4, 3), (4, 3), [0, 1], [0, 1], Kind.GENERAL)


@pytest.mark.slow
@pytest.mark.parametrize("sample", [jax.random.gamma, jax.random.loggamma])
def test_samples_of_gamma_equal_jacrev(sample):
    """Between two other functions; each loop of the sampler takes long to compile."""
    concentration = 0.5 + np.abs(wave(4, 3))
    for function, keys in (
        (sample, jax.random.key(0)),
        (jax.vmap(sample), jax.random.split(jax.random.key(0), 4)),
    ):
        assert_equals_jacrev_in_all_orders(
            lambda a, f=function, k=keys: jnp.sin(f(k, jnp.exp(a))), concentration
        )


def test_signs_are_constants():
    """+1 and -1 are known while tracing: -((x + y) - z) has no data in its Jacobian."""

    def function(x, y, z):
        return -((x + y) - z)

    closed = jax.make_jaxpr(jacve(function, argnums=(0, 1, 2)))(*[jnp.ones(3)] * 3)
    inputs = set(map(id, closed.jaxpr.invars))
    uses = [eqn for eqn in closed.jaxpr.eqns if set(map(id, eqn.invars)) & inputs]
    assert [eqn.primitive.name for eqn in uses] == ["add", "sub"]


@pytest.mark.parametrize(
    ("function", "args"),
    [
        (lambda x, y: jnp.maximum(x, y), (np.ones(3), np.ones(3))),
        (lambda x, y: jnp.minimum(x, y), (np.ones(3), np.ones(3))),
        (lambda x: jnp.abs(x), (np.zeros(3),)),
        (lambda x: lax.clamp(1.0, x, 1.0), (np.ones(3),)),
        (lambda x: jax.nn.relu(x), (np.zeros(3),)),
        (lambda x: x**2.0, (np.zeros(3),)),
    ],
)
def test_kinks_follow_jax(function, args):
    """Ties of max are split, abs has slope 1 at 0."""
    ours = jacve(function, argnums=tuple(range(len(args))))(*args)
    theirs = jax.jit(jax.jacrev(function, argnums=tuple(range(len(args)))))(*args)
    for mine, reference in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(mine, reference)


@pytest.mark.parametrize("name", ["mul", "add", "sub", "div", "rsub", "rdiv", "max", "pow"])
def test_rank_zero_operands(name):
    """A scalar variable beside an array: out (a), in () for it, out (a), in (a) for the array."""
    function = {
        "mul": lambda x, s: x * s,
        "add": lambda x, s: s + x,
        "sub": lambda x, s: x - s,
        "div": lambda x, s: x / s,
        "rsub": lambda x, s: s - x,
        "rdiv": lambda x, s: s / x,
        "max": lambda x, s: jnp.maximum(x, s),
        "pow": lambda x, s: x**s,
    }[name]

    def around(x, s):
        return jnp.sin(function(jnp.exp(x), s * s))

    assert_equals_jacrev_in_all_orders(around, wave(2, 3), np.float64(0.7), argnums=(0, 1))


def test_rank_zero_structures():
    """x s of x with shape (2, 3): both values carry all axes, though s is one number."""
    graph = trace(lax.mul, jnp.ones((2, 3)), jnp.float32(2.0), argnums=(0, 1))
    shape = (2, 3)
    assert graph.edges[0, 2] == edge_structure(shape, shape, [0, 1], [0, 1], Kind.GENERAL)
    assert graph.edges[1, 2] == edge_structure(shape, (), [], [0, 1], Kind.GENERAL)


def test_literals_carry_all_axes():
    """2 x and x / 2 are general edges like any other; the literal's value is a constant."""
    for function in (lambda x: 2.0 * x, lambda x: x / 2.0):
        (edge,) = trace(function, jnp.ones(4)).edges.values()
        assert edge == edge_structure((4,), (4,), [0], [0], Kind.GENERAL)


def test_both_operands_the_same():
    """x * x, x + x, x - x, x / x: two uses make one edge."""
    for function in (lambda x: x * x, lambda x: x + x, lambda x: x - x, lambda x: x / x):
        assert_equals_jacrev(lambda x, f=function: jnp.sin(f(x)) * f(x), POSITIVE, atol=1e-14)


def test_lists_agree():
    """No primitive is elementwise twice, and all of them have a rule."""
    assert len(set(BY_JVP)) == len(BY_JVP)
    assert {*BY_JVP, *SIGNS, "mul", "div"} <= set(_RULES)
