"""What "auto" chooses."""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elimax.interpreter.graph.counting import count_multiplications
from elimax.interpreter.graph.order import check_order
from elimax.interpreter.graph.price import order_price
from elimax.interpreter.orders import auto
from elimax.interpreter.orders.annealing import tables
from elimax.interpreter.orders.auto import auto_order
from elimax.interpreter.orders.portfolio import portfolio
from elimax.interpreter.tracing.call import trace
from elimax.pipeline.tasks import load_task
from support.random_programs import array_programs, scalar_programs
from support.repository import ROOT
from support.traced_tasks import task_graph


def assert_never_worse(graph):
    """By the price, and by multiplications among equals."""
    order = auto_order(graph)
    assert check_order(graph, order) == order.vertices
    ours = order_price(graph, order)
    assert all(ours <= order_price(graph, other) for other in portfolio(graph).values())


@given(st.lists(array_programs(), min_size=8, max_size=8))
@settings(max_examples=4)
def test_arrays_cost_what_they_cost_by_the_portfolio(programs):
    """Up to a few percent, as only a part of it is tried."""
    ratios = []
    for program in programs:
        inputs = [jnp.zeros(shape) for shape in program.shapes]
        graph = trace(program, *inputs, argnums=range(len(inputs)))
        ratios.append((1 + order_price(graph, auto_order(graph)).price) / (1 + best_price(graph)))
    assert max(ratios) < 1.5
    assert np.log(ratios).mean() < 0.05


@given(scalar_programs())
@settings(max_examples=20)
def test_never_worse_than_the_portfolio_on_scalars(program):
    """The same where every edge is a number."""
    assert_never_worse(trace(program, *program.inputs, argnums=range(len(program.inputs))))


def test_annealing_goes_below_the_portfolio():
    """roe_flux_1d, where the best of the portfolio has 226 nontrivial multiplications."""
    graph = task_graph("roe_flux_1d")
    order = auto_order(graph)
    assert order.name == "annealing"
    assert count_multiplications(graph, order).nontrivial < 190
    assert auto_order(graph) == order


def test_arrays_are_annealed_where_that_is_worth_it(monkeypatch):
    """Loading the search takes longer than some thousand calls of a small function."""
    small, large = task_graph("mlp"), task_graph("autoencoder_bottleneck")
    assert auto_order(small).name != "annealing"
    assert auto_order(large).name == "annealing"
    monkeypatch.setattr(auto, "WORTH", 0)
    assert order_price(small, auto_order(small)).price < best_price(small)


def best_price(graph) -> int:
    """The lowest price of the portfolio."""
    return min(order_price(graph, order).price for order in portfolio(graph).values())


EMISSION = """
import re, jax
from elimax import jacve
from elimax.interpreter.orders.auto import auto_order
from elimax.pipeline.tasks import load_task
from support.traced_tasks import task_graph
for name in ("kerr_metric", "autoencoder_bottleneck", "mlp", "roe_flux_1d"):
    print(auto_order(task_graph(name)).vertices)
    task = load_task(name)
    emitted = jax.make_jaxpr(jacve(task.function, task.argnums))(*task.example_inputs())
    print(re.sub("0x[0-9a-f]+", "", str(emitted)))
"""


@pytest.mark.slow
def test_load_and_processors_change_nothing():
    """One processor under load and two without emit the same programs in new processes."""
    command = [sys.executable, "-c", EMISSION]
    environment = {**os.environ, "JAX_PLATFORMS": "cpu", "PYTHONPATH": str(ROOT / "tests")}
    options = {"cwd": ROOT, "env": environment, "text": True}
    quiet = subprocess.run(command, check=True, capture_output=True, timeout=300, **options)
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        loaded = subprocess.run(
            command,
            check=True,
            capture_output=True,
            timeout=300,
            preexec_fn=one_processor,
            **options,
        )
    finally:
        busy.kill()
        busy.wait()
    assert loaded.stdout == quiet.stdout


def one_processor() -> None:
    """What follows runs on one processor, where the system can say so."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def test_more_structures_than_annealing_can_hold(monkeypatch):
    """Then it is the portfolio as well."""
    monkeypatch.setattr(tables, "FIRST_SIZE", 2)
    monkeypatch.setattr(tables, "MAX_STRUCTURES", 2)
    graph = task_graph("autoencoder_bottleneck")
    assert auto_order(graph).name != "annealing"


def test_large_graphs_are_not_annealed(monkeypatch):
    """Above a number of vertices a few orders are looked at, and nothing is compiled."""
    monkeypatch.setattr(auto, "MEDIUM", 10)
    monkeypatch.setattr(auto, "LARGE", 10)
    monkeypatch.setattr(auto, "can_anneal", lambda: pytest.fail("not asked"))
    assert auto_order(task_graph("roe_flux_1d")).name in auto.QUICK


def test_graphs_of_middling_size_get_quick_orders(monkeypatch):
    """They are annealed, but from few orders."""
    monkeypatch.setattr(auto, "MEDIUM", 10)
    monkeypatch.setattr(auto, "moves_last_orders", lambda *_: pytest.fail("all orders"))
    graph = task_graph("human_heart_dipole")
    quick = min(auto.order_price(graph, auto.named_order(graph, name)) for name in auto.QUICK)
    assert auto.order_price(graph, auto_order(graph)) <= quick


def test_nothing_is_searched_where_nothing_can_be_gained(monkeypatch):
    """No vertex to eliminate, one vertex, and multiplications by constants alone."""
    monkeypatch.setattr(auto, "can_anneal", lambda: pytest.fail("not asked"))
    for function in (jnp.sin, lambda x: jnp.sin(x * x), lambda x: 1.0 - (-x + x + 2.0 * x)):
        auto_order(trace(function, 1.0))


@pytest.mark.parametrize("name", ["mlp", "lstm_rollout", "bratu_stencil", "kerr_metric"])
def test_never_worse_on_tasks(name):
    """Array tasks of the pipeline."""
    assert_never_worse(task_graph(name))


def pack(function: Callable[..., Sequence], count: int) -> Callable:
    """A function of scalars as one of a vector, which returns a vector."""

    def packed(x):
        return jnp.stack(list(function(*(x[k] for k in range(count)))))

    return packed


@pytest.mark.parametrize(
    "name", ["propane_combustion", "human_heart_dipole", "roe_flux_1d", "robot_arm_6dof"]
)
def test_packed_functions_cost_what_unpacked_ones_cost(name):
    """One vector in and one out: cutting it up and stacking it cost nothing, up to chance."""
    task, graph = load_task(name), task_graph(name)
    inputs = np.stack([np.asarray(x) for x in task.example_inputs()])
    assert set(task.argnums) == set(range(len(inputs)))
    packed = trace(pack(task.function, len(inputs)), jnp.asarray(inputs))
    ours = count_multiplications(packed, auto_order(packed)).nontrivial
    assert ours <= 1.03 * count_multiplications(graph, auto_order(graph)).nontrivial
