"""JAX's own derivative of one equation between elementwise edges."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from elimax.interpreter.graph.structure import UNTIED
from elimax.interpreter.tracing.program import trace_program
from elimax.interpreter.tracing.rules.fallback import apply_linear, tied_jacobian
from elimax.interpreter.tracing.rules.use import Use
from support.random_programs import wave


def test_linear_maps_between_real_and_complex_numbers():
    """apply_linear recovers J where JAX's map gives its real part only."""
    j = np.array([[1 + 2j, 3 - 1j]])
    x = jnp.array([1.0 + 0j, 0.0])
    full = apply_linear(lambda z: (j @ z).real, x)
    np.testing.assert_allclose(full, [1 + 2j])
    assert apply_linear(lambda z: 2.0 * z, jnp.ones(2)).dtype == jnp.float32


@pytest.mark.parametrize("ties", [(UNTIED, UNTIED), (0, UNTIED), (UNTIED, 1), (0, 1)])
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_tied_jacobians(ties, order):
    """One derivative for all indices of the tied axes, in either mode and with axes exchanged."""

    def function(x):
        summed = tuple(axis for axis, tie in enumerate(ties) if tie == UNTIED)
        return (jnp.sin(x) * jnp.cos(x).sum(axis=summed, keepdims=True)).transpose(order)

    *_, equation = trace_program(
        lambda x: [lax.cond(True, function, function, x)], [jnp.ones((2, 3))]
    ).equations
    x = jnp.asarray(wave(2, 3), jnp.float32)
    inputs = [jnp.int32(1), x]
    exchanged = [tie if tie == UNTIED else order.index(tie) for tie in ties]
    full = jax.jacrev(function)(x)
    value = tied_jacobian(Use(equation, 1, 0), inputs, exchanged)
    # Axes of x are a and b where they are tied, else i and j; of the result a and b, or m and n.
    letters = "".join("ij"[k] if tie == UNTIED else "ab"[k] for k, tie in enumerate(ties))
    rows = "".join("mn"[k] if tie == UNTIED else "ab"[k] for k, tie in enumerate(ties))
    rows = "".join(rows[axis] for axis in order)
    kept = rows + "".join(letter for letter in letters if letter in "ij")
    expected = np.einsum(f"{rows}{letters}->{kept}", full)
    np.testing.assert_allclose(value, expected, rtol=1e-5)
