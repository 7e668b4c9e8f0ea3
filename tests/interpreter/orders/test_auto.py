"""What "auto" chooses."""

from collections.abc import Callable, Sequence

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings

from interpreter.counting import count_multiplications
from interpreter.order import check_order
from interpreter.orders import auto, compilation, growing_tables
from interpreter.orders.auto import auto_order
from interpreter.orders.portfolio import best_classic, portfolio
from interpreter.tracing import trace
from pipeline.tasks import load_task
from tests.interpreter.random_programs import array_programs, scalar_programs
from tests.interpreter.traced_tasks import task_graph


def assert_never_worse(graph):
    """By nontrivial multiplications, and by all of them among equals."""
    order = auto_order(graph)
    assert check_order(graph, order) == order.vertices
    ours = count_multiplications(graph, order)
    for other in portfolio(graph).values():
        theirs = count_multiplications(graph, other)
        assert (ours.nontrivial, ours.all) <= (theirs.nontrivial, theirs.all)


@given(array_programs())
@settings(max_examples=20)
def test_never_worse_than_the_portfolio_on_arrays(program):
    """Random programs with moves of all sorts."""
    assert_never_worse(
        trace(
            program,
            *(jnp.zeros(shape) for shape in program.shapes),
            argnums=range(len(program.shapes)),
        )
    )


@given(scalar_programs())
@settings(max_examples=20)
def test_never_worse_than_the_portfolio_on_scalars(program):
    """The same where every edge is a number."""
    assert_never_worse(trace(program, *program.inputs, argnums=range(len(program.inputs))))


def test_annealing_goes_below_the_portfolio():
    """roe_flux_1d, where the best of the portfolio has 234 nontrivial multiplications."""
    assert compilation.is_compiled(300.0)
    graph = task_graph("roe_flux_1d")
    order = auto_order(graph)
    assert order.name == "annealing"
    assert count_multiplications(graph, order).nontrivial < 190
    assert auto_order(graph) == order


def test_without_compiled_code_it_is_the_portfolio(monkeypatch):
    """Nobody waits for a compiler."""
    monkeypatch.setattr(auto, "is_compiled", lambda patience: False)
    graph = task_graph("roe_flux_1d")
    order = auto_order(graph)
    assert order.vertices == best_classic(graph, "nontrivial").vertices


def test_more_structures_than_annealing_can_hold(monkeypatch):
    """Then it is the portfolio as well."""
    monkeypatch.setattr(growing_tables, "FIRST_SIZE", 2)
    monkeypatch.setattr(growing_tables, "MAX_STRUCTURES", 2)
    graph = task_graph("mlp")
    assert auto_order(graph).name != "annealing"


def test_large_graphs_are_not_annealed(monkeypatch):
    """Above a number of vertices, and no compiling either."""
    monkeypatch.setattr(auto, "LARGE", 10)
    monkeypatch.setattr(auto, "is_compiled", lambda patience: pytest.fail("not asked"))
    assert auto_order(task_graph("roe_flux_1d")).name != "annealing"


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
