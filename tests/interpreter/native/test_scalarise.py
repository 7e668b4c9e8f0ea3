"""Jaxprs as programs of single numbers, evaluated by a plain loop and compared with JAX."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import hypothesis
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from elimax.interpreter.errors import NotScalarError
from elimax.interpreter.native.scalar_program import (
    BINARY,
    COMPARISONS,
    CONSTANT,
    INPUT,
    LOGIC,
    SELECT,
    UNARY,
    ScalarProgram,
)
from elimax.interpreter.native.scalarise import MOST, needed, scalar_program, variables_of
from support.random_programs import scalar_programs

TABLES = {**UNARY, **BINARY, **COMPARISONS, **LOGIC}


def program_of(function: Callable[..., Any], *arguments: Any) -> ScalarProgram:
    """The program of a function of arrays."""
    closed = jax.make_jaxpr(function)(*arguments)
    return scalar_program(closed.jaxpr, [*closed.consts, *[None] * len(closed.in_avals)])


def run(program: ScalarProgram, arrays: Sequence[Any]) -> list[np.ndarray]:
    """Evaluates a program statement by statement, in float64."""
    flat = [np.ravel(x) for x in arrays]
    values: list[Any] = []
    for x in program.statements:
        if x.operation == CONSTANT:
            values.append(x.value)
        elif x.operation == INPUT:
            values.append(float(flat[x.operands[0]][x.operands[1]]))
        elif x.operation == SELECT:
            which, then, otherwise = (values[k] for k in x.operands)
            values.append(then if which else otherwise)
        else:
            with np.errstate(all="ignore"):
                values.append(TABLES[x.operation](*(values[k] for k in x.operands)))
    return [np.array([float(values[k]) for k in entries]) for entries in program.outputs]


def assert_same(function: Callable[..., Any], *arguments: Any) -> None:
    """Asserts that the program computes what the function does."""
    with jax.enable_x64(True):
        given = [jnp.asarray(x, jnp.float64) for x in arguments]
        expected = jax.tree.leaves(function(*given))
        found = run(program_of(function, *given), given)
    for x, y in zip(found, expected, strict=True):
        np.testing.assert_allclose(x, np.ravel(y), rtol=1e-12, atol=1e-14)


X = np.linspace(0.3, 1.4, 6)
M = np.sin(np.arange(12.0)).reshape(3, 4)

ELEMENTWISE = {
    "abs": lambda x: jnp.abs(x - 1),
    "atan2": lambda x: jnp.arctan2(x, 2 - x),
    "cbrt": jnp.cbrt,
    "clip": lambda x: jnp.clip(x, 0.5, 1.0),
    "erf": jax.scipy.special.erf,
    "erfc": jax.scipy.special.erfc,
    "exp2": jnp.exp2,
    "expm1": jnp.expm1,
    "floor": lambda x: jnp.floor(3 * x) + jnp.ceil(x),
    "inverse hyperbolic": lambda x: jnp.arcsinh(x) + jnp.arctanh(x / 2) + jnp.arccosh(x + 1),
    "inverse trigonometric": lambda x: jnp.arcsin(x / 2) * jnp.arccos(x / 3) + jnp.arctan(x),
    "is_finite": lambda x: jnp.where(jnp.isfinite(1 / (x - x[0])), x, 7.0),
    "logic": lambda x: jnp.where(~((x > 0.5) & (x < 1)) | (x == 1.4), x, -x),
    "log1p": jnp.log1p,
    "logistic": jax.nn.sigmoid,
    "maximum": lambda x: jnp.maximum(x, 1.0) * jnp.minimum(x, 0.7),
    "pow": lambda x: x**2.5 + x**-3 + x**7,
    "round": lambda x: jnp.round(5 * x),
    "rsqrt": jax.lax.rsqrt,
    "sign": lambda x: jnp.sign(x - x[1]) * x,
    "truth as number": lambda x: (x > 0.9).astype(x.dtype) * x,
    "equal truth values": lambda x: jnp.where(
        (x > 0.5) == (x < 1), x, jnp.where(jnp.max(x > 1), 2 * x, x)
    ),
    "xor": lambda x: jnp.where(jnp.logical_xor(x > 0.5, x > 1), x, 0.0),
}


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_elementwise(name: str):
    """Every function of single numbers."""
    assert_same(ELEMENTWISE[name], X)


ARRAYS = {
    "concatenate": lambda m: jnp.concatenate([m, 2 * m[::-1]], axis=1),
    "cumulative": lambda m: (
        jnp.cumsum(m, 1),
        jnp.cumprod(m, 0),
        jax.lax.cummax(m, 1, reverse=True),
    ),
    "diagonal": lambda m: jnp.diag(m[0]) @ m.T,
    "dynamic_slice": lambda m: jax.lax.dynamic_slice(m, (1, 1), (2, 2)),
    "dynamic_update_slice": lambda m: m.at[1:, 2].set(5 * m[0, :2]),
    "einsum": lambda m: jnp.einsum("ij,kj->jik", m, m),
    "gather": lambda m: m[jnp.array([2, 0]), jnp.array([1, 3])],
    "identity": lambda m: jnp.eye(3) @ m,
    "pad": lambda m: jnp.pad(m, ((0, 1), (2, 0))),
    "pad between": lambda m: jax.lax.pad(m, jnp.zeros((), m.dtype), ((1, -1, 1), (0, 2, 2))),
    "products": lambda m: (m @ m.T, jnp.tensordot(m, m, 2), jnp.outer(m[0], m[1])),
    "reductions": lambda m: (m.sum(0), m.max(1), m.min(), m.prod(0)),
    "reductions of truth values": lambda m: jnp.where(
        jnp.all(m > 0, 0) | jnp.any(m < 0, 0), m[0], 9.0
    ),
    "scatter-add": lambda m: m.at[jnp.array([0, 0, 1]), 1].add(m[:, 0]),
    "split": lambda m: jnp.split(m, 2, axis=1)[1] * 2,
    "stack": lambda m: jnp.stack([m, -m], axis=1).transpose(2, 0, 1),
    "tile": lambda m: jnp.tile(m, (2, 1)) * jnp.sum(jnp.stack(jnp.unstack(m, axis=1))),
    "where": lambda m: jnp.where(jnp.arange(4) > 1, m, 0.0),
    "stop_gradient": lambda m: jax.lax.stop_gradient(m) * jax.lax.optimization_barrier(m),
    "checkpoint": jax.checkpoint(lambda m: jnp.sin(m) * m),
    "jit": lambda m: jax.jit(lambda x: jnp.where(x > 0, x, 2 * x))(m),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays(name: str):
    """What moves entries, and sums of products."""
    assert_same(ARRAYS[name], M)


@hypothesis.given(scalar_programs())
@hypothesis.settings(max_examples=25)
def test_random_programs(drawn: Any):
    """Values and, through JAX's own Jacobian, derivatives."""
    assert_same(lambda *x: drawn(*x), *drawn.inputs)
    argnums = tuple(range(len(drawn.inputs)))
    assert_same(jax.jacfwd(lambda *x: drawn(*x), argnums), *drawn.inputs)


def test_constants_of_a_trace_around_are_inputs():
    """They come before those of the program."""

    def function(x: Any, y: Any) -> Any:
        closed = jax.make_jaxpr(lambda v: v * y + 1)(x)
        known = [None if isinstance(c, jax.core.Tracer) else c for c in closed.consts]
        program = scalar_program(closed.jaxpr, [*known, None])
        assert program.input_sizes == (2, 2)
        return x

    jax.jit(function)(jnp.ones(2), jnp.ones(2))


@pytest.mark.parametrize(
    ("function", "arguments", "said"),
    [
        (lambda x: x, (jnp.arange(3),), "kernel reads int32: inputs must all be float32"),
        (lambda: jnp.ones(2), (), "kernel reads no number"),
        (lambda x: x + jnp.prod(jnp.zeros((2, 0)) * x[0], axis=0).sum(), (jnp.ones(2),), "nothing"),
        (lambda x: jnp.cumsum(x[:0]), (jnp.ones(2),), "a sum of nothing"),
        (lambda x: x * jax.random.uniform(jax.random.key(0)), (jnp.ones(2),), "array of key"),
        (lambda x, y: (x, y), (jnp.ones(1), jnp.ones(1, jnp.bfloat16)), "must all be float32"),
        (lambda x: x[x.astype(int)], (jnp.ones(3),), "convert_element_type to dtype int32"),
        (lambda x: jnp.sort(x), (jnp.ones(3),), "the primitive sort"),
        (lambda x: jax.lax.fori_loop(0, 3, lambda i, y: y * x, x), (jnp.ones(2),), "scan"),
        (lambda x: jnp.outer(x, x), (jnp.ones(100),), f"more than {MOST}"),
        (lambda x: jnp.cumprod(jnp.tile(x, 100))[-1], (jnp.ones(100),), f"more than {MOST}"),
    ],
)
def test_what_is_no_program_of_numbers(function: Any, arguments: Any, said: str):
    """Is refused with a reason."""
    with pytest.raises(NotScalarError, match=said):
        program_of(function, *arguments)


def test_what_nobody_needs():
    """An equation that is not needed may be anything, and what it alone reads is not needed."""
    closed = jax.make_jaxpr(lambda x, y: (jnp.sort(y), 2 * x)[1])(jnp.ones(2), jnp.ones(3))
    found = needed(closed.jaxpr)
    assert [eqn.primitive.name for eqn in found.equations] == ["mul"]
    assert variables_of(closed.jaxpr)[1] not in found.variables
    assert len(scalar_program(closed.jaxpr, [None, np.ones(3)]).statements) == 5


def test_an_effect_is_refused():
    """What a kernel does, nobody sees."""
    with pytest.raises(NotScalarError, match="the primitive debug_"):
        program_of(lambda x: (jax.debug.print("{}", x), x)[1], jnp.ones(2))


def test_sums_of_nothing_are_left_to_xla():
    """A sum without terms is computed from no entry."""
    with pytest.raises(NotScalarError, match="a sum of nothing"):
        program_of(lambda x: x + jnp.sum(x[:0]), jnp.ones(2))


def test_whole_powers_take_few_products():
    """A power of fifteen takes six, by squares."""
    program = program_of(lambda x: x**15, jnp.ones(()))
    assert sum(s.operation == "mul" for s in program.statements) == 6
    assert math.isclose(run(program, [1.1])[0][0], 1.1**15, rel_tol=1e-12)
