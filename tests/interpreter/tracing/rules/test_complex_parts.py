"""Real and imaginary parts and complex numbers made of them: structure and value."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from elimax.interpreter.graph.structure import Kind
from elimax.interpreter.tracing.program import trace_program
from elimax.interpreter.tracing.rules import local_jacobian
from elimax.interpreter.tracing.rules.use import Use
from support.compare import assert_equals_jacrev_in_all_orders
from support.random_programs import wave


@pytest.mark.parametrize(
    ("function", "leaves", "operand", "kind", "value"),
    [
        (lax.real, [jnp.ones((2, 3), jnp.complex64)], 0, Kind.STRUCTURAL, 1.0),
        (lax.imag, [jnp.ones((2, 3), jnp.complex64)], 0, Kind.GENERAL, -1j),
        (lax.complex, [jnp.ones((2, 3))] * 2, 0, Kind.STRUCTURAL, 1.0),
        (lax.complex, [jnp.ones((2, 3))] * 2, 1, Kind.GENERAL, 1j),
    ],
)
def test_structure_and_value(function, leaves, operand, kind, value):
    """All axes tied, one constant for all entries."""
    (equation,) = trace_program(lambda *x: [function(*x)], leaves).equations
    local = local_jacobian(Use(equation, operand, 0))
    assert (local.structure.ties, local.structure.carried) == ((0, 1), ())
    assert local.structure.kind == kind
    assert isinstance(local.value(leaves, []), np.ndarray)
    assert local.value(leaves, []) == value


def test_values_equal_jacrev():
    """Between other functions, with shapes () and (2, 3)."""

    def function(x):
        z = jnp.exp(lax.complex(x, jnp.sin(x)))
        return z.real * z.imag

    for x in (wave(2, 3), np.float64(0.4)):
        assert_equals_jacrev_in_all_orders(function, x)


def test_batch_axes_stay_tied():
    """The value has no batch axis though two edges meet at every vertex."""
    closed = jax.make_jaxpr(jax.vmap(lambda x: lax.complex(x, x).imag))(jnp.ones(3))
    assert [eqn.primitive.name for eqn in closed.jaxpr.eqns] == ["complex", "imag"]
    program = trace_program(lambda x: [lax.complex(x, x).imag], [jnp.ones(3)])
    for equation in program.equations:
        assert local_jacobian(Use(equation, 0, 0)).structure.ties == (0,)
