"""The policy that comes with elimax as an order of `jacve`."""

import math
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import elimax
from elimax.models import planner
from elimax.models.planner import policy_order


def _function(x: jax.Array) -> jax.Array:
    return jnp.sin(x[0] * x[1]) * jnp.exp(x[1] * x[2]) + x / (1.0 + x @ x)


def test_jacobians_in_the_order_of_the_policy_are_exact() -> None:
    """Also in a plan; the order is not dearer than those of JAX's modes."""
    x = jnp.array([0.3, 0.7, -0.4])
    np.testing.assert_allclose(
        elimax.jacve(_function, order="policy")(x), jax.jacrev(_function)(x), rtol=1e-5
    )
    plan = elimax.plan(_function, x, order="policy")
    assert plan.nontrivial <= min(plan.forward.nontrivial, plan.reverse.nontrivial)
    np.testing.assert_allclose(
        elimax.jacve(_function, order=plan)(x), jax.jacrev(_function)(x), rtol=1e-5
    )


def test_an_order_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """A graph that is traced again gets the same order at once; not more than so many are kept."""
    monkeypatch.setattr(planner, "_kept", type(planner._kept)())
    monkeypatch.setattr(planner, "MAX_KEPT", 1)
    first = policy_order(elimax.trace(_function, jnp.ones(3)))
    assert policy_order(elimax.trace(_function, jnp.ones(3))) is first
    policy_order(elimax.trace(_function, jnp.ones(4)))
    assert policy_order(elimax.trace(_function, jnp.ones(3))) is not first


def test_a_dear_game_is_not_played() -> None:
    """Where forward is cheaper than what the policy plays, its order is taken."""

    def powers(a: jax.Array) -> jax.Array:
        for _ in range(4):
            a = jnp.sin(a @ a)
        return a

    graph = elimax.trace(powers, jnp.ones((20, 20)))
    cost = elimax.count_multiplications(graph, policy_order(graph)).nontrivial
    for order in (elimax.forward_order(graph), elimax.reverse_order(graph)):
        assert cost <= elimax.count_multiplications(graph, order).nontrivial


PROBES = {
    "double precision": "jax.config.update('jax_enable_x64', True)\n"
    "print(elimax.jacve(f, order='policy')(0.5))",
    "compiled": "print(jax.jit(elimax.jacve(f, order='policy'))(0.5))",
}


@pytest.mark.parametrize(
    "probe", [pytest.param("double precision", marks=pytest.mark.slow), "compiled"]
)
def test_the_policy_is_read_wherever_it_is_first_asked_for(probe: str) -> None:
    """In double precision, and while a function is traced."""
    program = f"import jax, elimax; f = lambda x: jax.numpy.sin(x) * x\n{PROBES[probe]}"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) == pytest.approx(math.cos(0.5) * 0.5 + math.sin(0.5), rel=1e-5)
