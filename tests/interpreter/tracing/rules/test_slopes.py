"""Formulas of derivatives against JAX's own, where there is one and where there is none."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from elimax.interpreter.tracing.program import trace_program
from elimax.interpreter.tracing.rules.slopes import EXTREMES, SLOPES, slope
from elimax.interpreter.tracing.rules.use import Use

FUNCTIONS = {name: getattr(lax, name) for name in SLOPES if name != "integer_pow"}
EXPONENTS = (-3, -1, 0, 1, 2, 3, 7)
FUNCTIONS |= {f"power {n}": lambda x, n=n: lax.integer_pow(x, n) for n in EXPONENTS}
ORDINARY = [0.3, -0.7, 0.9, -0.2, 1.7, -2.4, 5.0]
EXTREME = [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 1e-7, 90.0, -90.0]
EPSILON = {"float16": 2e-3, "float32": 1e-6, "float64": 1e-14}


def both(function, operand, *args):
    """The formula's derivative and JAX's own, with a tangent of ones."""
    program = trace_program(function, args)
    (equation,) = program.equations
    found = slope(Use(equation, operand, 0), args, function(*args))
    tangents = [jnp.ones_like(x) if k == operand else jnp.zeros_like(x) for k, x in enumerate(args)]
    return found, jax.jvp(function, args, tuple(tangents))[1]


def assert_alike(found, expected, dtype):
    """The same dtype and numbers up to rounding; NaN and infinities where JAX has them."""
    assert found.dtype == expected.dtype == dtype
    found, expected = (np.asarray(x, np.float64) for x in (found, expected))
    tiny = float(np.finfo(dtype).tiny)
    np.testing.assert_allclose(found, expected, rtol=EPSILON[dtype], atol=tiny)


@pytest.mark.parametrize("dtype", EPSILON)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_of_one_number(name, dtype):
    """Inside and outside of the domain, at zeros of both signs, infinities and NaN."""
    with jax.enable_x64(True):
        x = jnp.asarray(ORDINARY + EXTREME, dtype)
        assert_alike(*both(FUNCTIONS[name], 0, x), dtype)


@pytest.mark.parametrize(
    ("name", "at", "expected"),
    [
        ("abs", 0.0, 1.0),
        ("abs", -0.0, 1.0),
        ("sqrt", 0.0, np.inf),
        ("log", 0.0, np.inf),
        ("rsqrt", 0.0, -np.inf),
        ("asin", 1.0, np.inf),
        ("log", np.nan, np.nan),
        ("power -1", 0.0, -np.inf),
        ("power 0", 0.0, 0.0),
        ("power 1", 0.0, 1.0),
    ],
)
def test_points_without_a_derivative(name, at, expected):
    """What the formulas give there, written down: so does JAX, whose abs has slope 1 at 0."""
    found, theirs = both(FUNCTIONS[name], 0, jnp.float32(at))
    np.testing.assert_array_equal(found, np.float32(expected))
    np.testing.assert_array_equal(theirs, np.float32(expected))


@pytest.mark.parametrize("dtype", EPSILON)
@pytest.mark.parametrize("name", EXTREMES)
def test_ties_of_extremes_are_split(name, dtype):
    """All pairs of ordinary and extreme values, ties and NaN among them, for both operands."""
    values = np.array([0.0, -0.0, 1.0, -2.0, np.inf, -np.inf, np.nan])
    first, second = (x.ravel() for x in np.meshgrid(values, values))
    with jax.enable_x64(True):
        args = jnp.asarray(first, dtype), jnp.asarray(second, dtype)
        for operand in (0, 1):
            found, expected = both(getattr(lax, name), operand, *args)
            assert_alike(found, expected, dtype)
            assert found[0] == 0.5


@pytest.mark.parametrize("dtype", EPSILON)
def test_selections(dtype):
    """A boolean predicate, a number among three, and one predicate for all entries."""
    mask, number = jnp.array([True, False, True]), jnp.array([0, 2, 1], jnp.int32)
    with jax.enable_x64(True):
        cases = [jnp.asarray(np.arange(3.0) + k, dtype) for k in range(3)]
        for predicate, count in ((mask, 2), (number, 3), (mask[0], 2), (number[1], 3)):
            chosen = cases[:count]
            program = trace_program(lax.select_n, (predicate, *chosen))
            (equation,) = program.equations
            for k in range(count):
                found = slope(Use(equation, k + 1, 0), (predicate, *chosen), chosen[0])

                def function(x, k=k, p=predicate, c=chosen):
                    return lax.select_n(p, *c[:k], x, *c[k + 1 :])

                expected = jax.jvp(function, (chosen[k],), (jnp.ones_like(chosen[k]),))[1]
                assert found.dtype == dtype
                np.testing.assert_array_equal(jnp.broadcast_to(found, (3,)), expected)


def test_what_has_no_formula():
    """Complex numbers, and primitives that are not listed."""
    z = jnp.array([1.0 + 2.0j])
    for function, args in (
        (lax.sin, (z,)),
        (lax.abs, (z,)),
        (lax.pow, (jnp.ones(2), jnp.ones(2))),
        (lax.atan2, (jnp.ones(2), jnp.ones(2))),
    ):
        (equation,) = trace_program(function, args).equations
        assert slope(Use(equation, 0, 0), args, function(*args)) is None


def test_numbers_without_axes():
    """Rank-0 operands beside arrays give something that broadcasts."""
    x, y = jnp.float32(2.0), jnp.array([1.0, 2.0, 3.0])
    (equation,) = trace_program(lambda x, y: lax.max(x, y), (x, y)).equations
    found = slope(Use(equation, 0, 0), (x, y), lax.max(x, y))
    assert found.tolist() == [1, 0.5, 0]


def test_formulas_call_nothing():
    """One or a few primitives, no call: tracing is what the formulas save."""
    for name in ("sin", "exp", "log", "sqrt", "tanh", "square", "logistic"):
        (equation,) = trace_program(FUNCTIONS[name], (jnp.ones(3),)).equations
        closed = jax.make_jaxpr(lambda x, y, e=equation: slope(Use(e, 0, 0), (x,), y))(
            jnp.ones(3), jnp.ones(3)
        )
        names = [eqn.primitive.name for eqn in closed.jaxpr.eqns]
        assert len(names) <= 3 and "jit" not in names
