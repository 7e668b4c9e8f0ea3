"""Plans with a time of their own, and with bounds; what plans hold is tested in test_plan."""

import math

import jax
import jax.numpy as jnp
import pytest

from elimax.interpreter import planning
from elimax.interpreter.jacobian import jacve
from elimax.interpreter.orders import order_cache
from elimax.interpreter.planning import plan
from elimax.pipeline.tasks import load_task


@pytest.fixture(autouse=True)
def fresh():
    """Nothing is remembered."""
    order_cache.forget_orders()
    yield
    order_cache.forget_orders()


def task_plan(name: str, **options):
    """The plan of a task."""
    task = load_task(name)
    return plan(task.function, *task.example_inputs(), argnums=task.argnums, **options)


def test_a_longer_search_changes_nothing_but_its_plan():
    """Auto means the same as before; who wants what was found passes the plan."""
    short = task_plan("mlp")
    long = task_plan("mlp", seconds=0.5)
    assert long.found_by == "annealing" and long.price < short.price
    assert task_plan("mlp") == short


def test_bounds_and_proofs():
    """A bound below what was found; where it is reached, nothing is better."""
    open_one = task_plan("roe_flux_1d", order="reverse")
    assert 100 < open_one.bound < open_one.nontrivial and open_one.optimal is None
    proven = task_plan("propane_combustion", seconds=0.1)
    assert (proven.bound, proven.nontrivial, proven.optimal) == (24, 24, True)


def test_large_graphs_have_no_bound(monkeypatch):
    """It would take too long."""
    monkeypatch.setattr(planning, "BOUNDED", 1)
    assert task_plan("mlp", order="reverse").bound is None


def test_what_a_plan_says_is_what_runs():
    """The plan of a long search goes into jacve."""

    def function(x):
        return jnp.sin(x * x[::-1]) * jnp.exp(x).sum()

    x = jnp.array([0.5, 1.5, -1.0])
    made = plan(function, x, seconds=0.05)
    assert jnp.allclose(jacve(function, order=made)(x), jacve(function, order="reverse")(x))


@pytest.mark.parametrize("seconds", [0.0, -1.0, math.inf, math.nan])
def test_times_that_make_no_sense(seconds):
    """And a time for an order that needs none."""
    with pytest.raises(ValueError, match=r"seconds must be a finite time above 0, and is for"):
        plan(jnp.sin, 1.0, seconds=seconds)
    with pytest.raises(ValueError, match=r"seconds=1.0 with order='reverse'"):
        plan(jnp.sin, 1.0, order="reverse", seconds=1.0)


def test_counts_of_any_size():
    """A plan for large matrices, where the worst order costs more than 64 bits hold."""

    def network(x, w):
        return jnp.sum(jnp.tanh(w @ jnp.tanh(w @ jnp.tanh(w @ x))))

    for side in (1 << 10, 1 << 14):
        shapes = [jax.ShapeDtypeStruct(s, jnp.float32) for s in ((side, 64), (side, side))]
        found = plan(network, *shapes, argnums=1)
        assert found.nontrivial <= 6 * 64 * side**2
