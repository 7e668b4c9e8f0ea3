"""Symbolic Jacobians: what JAX says, where there are expressions for every step."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks.symbolic import NotSymbolicError, symbolic_jacobian
from elimax.pipeline.stages import batches, rivals
from elimax.pipeline.tasks import load_task

pytest.importorskip("symengine")


@pytest.mark.parametrize("name", ["robot_arm_6dof", "kerr_metric"])
def test_tasks(name):
    """As `jax.jacrev`, in float64."""
    task = load_task(name)
    example = rivals.in_dtype(task.example_inputs(), "float64")
    vectors, others = rivals.pack(batches.jitter_batch(example, task.argnums, 1, 0), task.argnums)
    with jax.enable_x64(True):
        function = rivals.flat_function(task)
        ours = symbolic_jacobian(lambda x: function(x, others), vectors[0])(vectors[0])
        theirs = jax.jacrev(function)(vectors[0], others)
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12 * np.abs(theirs).max())


def test_every_step():
    """Powers, roots, constants and results that depend on nothing."""

    def steps(x):
        a, b = x[0], x[1]
        parts = [a**3 / b, jnp.sqrt(a) - b, jnp.exp(-a) * jnp.log(b), jnp.arctan2(a, b)]
        return jnp.stack([*parts, 1.0 / jnp.sqrt(a), jnp.cos(x[::2][0]), 2.0 * b**-2, b * 0.0])

    point = np.array([0.7, 1.9, 3.0], np.float32)
    np.testing.assert_allclose(
        symbolic_jacobian(steps, point)(point), jax.jacrev(steps)(point), rtol=1e-6, atol=1e-7
    )


def test_other_steps_are_refused():
    """The message names the step."""
    with pytest.raises(NotSymbolicError, match="no expression for tanh"):
        symbolic_jacobian(jnp.tanh, np.ones(2, np.float32))
