"""Guarded equations have the derivative of the plain ones, whatever shapes stand side by side."""

import jax
import jax.numpy as jnp
import numpy as np

from elimax.interpreter.execution.evaluation import evaluate_nodes, read
from elimax.interpreter.execution.guarded_program import guarded
from elimax.interpreter.execution.guards import GuardedEquation
from elimax.interpreter.tracing.call import trace_call
from elimax.interpreter.tracing.flat_call import CallArguments
from support.compare import QUICK


def test_a_guard_serves_operands_of_every_shape():
    """Numbers and axes of size one beside arrays, in both modes."""

    def function(x, y):
        guarded = jnp.where(x > 0, x, 1.0)
        return jnp.where(y > 0, jax.lax.pow(guarded[0], y) / guarded, y * x[:, None])

    with jax.enable_x64(True):
        x, y = jnp.asarray([1.5, 0.7, -1.0]), jnp.asarray([[0.4, 2.0, -1.0]])
        expected = jax.jit(jax.jacfwd(function, (0, 1)), compiler_options=QUICK)(x, y)
        active = trace_call(function, CallArguments.of((x, y), {}, (0, 1))).active
        for mode in ("jacfwd", "jacrev"):
            program = guarded(active.program, active, mode)
            assert any(isinstance(x, GuardedEquation) for x in program.equations)

            def evaluate(*inputs, program=program):
                nodes = evaluate_nodes(program, inputs).nodes
                return read(nodes, program.outputs[0])

            jacobian = getattr(jax, mode)(evaluate, (0, 1))
            found = jax.jit(jacobian, compiler_options=QUICK)(x, y)
            for ours, theirs in zip(found, expected, strict=True):
                np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)
