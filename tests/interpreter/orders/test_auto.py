"""What "auto" chooses."""

from collections.abc import Callable, Sequence

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings

from interpreter.counting import count_multiplications
from interpreter.order import check_order
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
    assert_never_worse(trace(program, *(jnp.zeros(shape) for shape in program.shapes)))


@given(scalar_programs())
@settings(max_examples=20)
def test_the_best_of_the_portfolio_on_scalars(program):
    """Nothing moves, so there is nothing else to choose from."""
    graph = trace(program, *program.inputs)
    assert_never_worse(graph)
    order = auto_order(graph)
    best = count_multiplications(graph, best_classic(graph, "nontrivial"))
    assert count_multiplications(graph, order)[:2] == best[:2]


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
    """One vector in and one out: cutting it up and stacking it cost nothing."""
    task, graph = load_task(name), task_graph(name)
    inputs = np.stack([np.asarray(x) for x in task.example_inputs()])
    assert set(task.argnums) == set(range(len(inputs)))
    packed = trace(pack(task.function, len(inputs)), jnp.asarray(inputs))
    ours = count_multiplications(packed, auto_order(packed)).nontrivial
    assert ours <= count_multiplications(graph, auto_order(graph)).nontrivial
