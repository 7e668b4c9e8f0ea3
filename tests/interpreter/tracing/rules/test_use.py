"""What a rule is asked about."""

import jax.numpy as jnp
import pytest
from jax import lax

from elimax.interpreter.tracing.program import trace_program
from elimax.interpreter.tracing.rules.use import Use


def equation():
    """A split of three columns into one and two."""
    (found,) = trace_program(lambda x: lax.split(x, (1, 2), 1), [jnp.ones((2, 3))]).equations
    return found


def test_a_use_tells_about_its_operand_and_its_result():
    """Shapes and dtypes of both, the primitive and its parameters."""
    use = Use(equation(), 0, 1)
    assert (use.name, use.params["sizes"]) == ("split", (1, 2))
    assert (use.in_shape, use.out_shape) == ((2, 3), (2, 2))
    assert use.in_aval.dtype == use.out_aval.dtype == jnp.float32
    assert use._replace(result=0).out_shape == (2, 1)


def test_uses_cannot_be_changed():
    """What a rule has read of one stays true."""
    with pytest.raises(AttributeError, match="can't set attribute"):
        Use(equation(), 0, 1).operand = 1


def test_a_result_as_a_function_of_one_operand():
    """The operand is replaced, the others stay, and the other results are left out."""
    x = jnp.arange(6.0).reshape(2, 3)
    assert Use(equation(), 0, 1).apply(2 * x, [x]).tolist() == [[2, 4], [8, 10]]
    (difference,) = trace_program(lambda x, y: [x - y], (1.0, 2.0)).equations
    assert Use(difference, 0, 0).apply(jnp.float32(7), [None, jnp.float32(3)]) == 4
    assert Use(difference, 1, 0).apply(jnp.float32(7), [jnp.float32(3), None]) == -4
