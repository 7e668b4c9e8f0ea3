"""Elimination with values: equal to JAX in any order, and no more products than are counted."""

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings

from elimax.interpreter.execution.evaluation import edge_jacobians, eliminate, evaluate_nodes
from elimax.interpreter.graph.counting import count_multiplications
from elimax.interpreter.jacobian import jacve
from elimax.interpreter.orders import PORTFOLIO, portfolio
from elimax.interpreter.tracing.active_graph import active_graph
from elimax.interpreter.tracing.call import trace
from elimax.interpreter.tracing.program import trace_program
from elimax.pipeline.tasks import load_task
from support.compare import (
    assert_equals_jacrev,
    count_folded,
    emitted_multiplications,
    executed_multiplications,
)
from support.random_programs import array_programs, orders, scalar_programs
from support.traced_tasks import task_graph


@given(st.data())
@settings(max_examples=25)
def test_random_scalar_programs_equal_jacrev(data):
    """Programs of up to forty equations, random orders, float64."""
    program = data.draw(scalar_programs(max_steps=40))
    inputs = [np.float64(x) for x in program.inputs]
    order = data.draw(orders(trace(program, *inputs, argnums=range(len(inputs)))))
    argnums = tuple(range(len(inputs)))
    # Entries may cancel to nearly nothing, so errors are compared with one as well.
    assert_equals_jacrev(program, *inputs, order=order, argnums=argnums, atol=1e-10)


@given(st.data())
@settings(max_examples=20)
def test_random_array_programs_equal_jacrev(data):
    """Broadcasting, reductions, products, moves, reads and writes in random orders, float64."""
    program = data.draw(array_programs(max_steps=12))
    inputs = program.example_inputs()
    with jax.enable_x64(True):  # indices are normalised by other equations there
        order = data.draw(orders(trace(program, *inputs, argnums=range(len(inputs)))))
    argnums = tuple(range(len(inputs)))
    assert_equals_jacrev(program, *inputs, order=order, argnums=argnums, atol=1e-10)


@given(st.data())
@settings(max_examples=40)
def test_scalar_programs_emit_what_is_counted(data):
    """Multiplications emitted and folded are the nontrivial count of the order."""
    program = data.draw(scalar_programs(max_steps=40))
    inputs = [jnp.float32(x) for x in program.inputs]
    graph = trace(program, *inputs, argnums=range(len(inputs)))
    order = data.draw(orders(graph))
    executed = executed_multiplications(program, inputs, tuple(range(len(inputs))), order)
    assert executed == count_multiplications(graph, order).nontrivial


@given(st.data())
@settings(max_examples=40)
def test_array_programs_emit_what_is_counted(data):
    """The same for arrays, where one product is as many multiplications as it has labels for."""
    program = data.draw(array_programs(max_steps=12))
    inputs = [jnp.asarray(x, jnp.float32) for x in program.example_inputs()]
    graph = trace(program, *inputs, argnums=range(len(inputs)))
    order = data.draw(orders(graph))
    executed = executed_multiplications(program, inputs, tuple(range(len(inputs))), order)
    assert executed == count_multiplications(graph, order).nontrivial


@pytest.mark.parametrize(
    "name",
    [
        "roe_flux_1d",
        "robot_arm_6dof",
        "propane_combustion",
        pytest.param("black_scholes_hessian", marks=pytest.mark.slow),
        "mlp",
        pytest.param("transformer_encoder", marks=pytest.mark.slow),
    ],
)
def test_tasks_emit_what_is_counted(name):
    """The tasks of the pipeline in every order of the portfolio."""
    task, graph = load_task(name), task_graph(name)
    for order in portfolio(graph).values():
        executed = executed_multiplications(
            task.function, task.example_inputs(), task.argnums, order
        )
        assert executed == count_multiplications(graph, order).nontrivial


def test_folded_products_are_not_emitted():
    """(2 x) 3 4: a product of two constants is folded, and emitted + folded is what counts."""

    def function(x):
        return jnp.sin(x) * 2.0 * 3.0 * 4.0

    graph = trace(function, 1.0)
    with count_folded() as folded:
        closed = jax.make_jaxpr(jacve(function, order="reverse"))(1.0)
    assert sum(folded) == 2
    assert emitted_multiplications(closed) == 1
    assert count_multiplications(graph, PORTFOLIO["reverse"](graph)).nontrivial == 3


@pytest.mark.parametrize(
    "name",
    [pytest.param("roe_flux_1d", marks=pytest.mark.slow), "human_heart_dipole", "mlp"],
)
def test_tasks_equal_jacrev(name):
    """A scalar and an array task, forward and by the greedy order, in float64."""
    task = load_task(name)
    for order in ("forward", "markowitz_nontrivial_high"):
        assert_equals_jacrev(
            task.function, *task.example_inputs(), argnums=task.argnums, order=order, atol=1e-12
        )


def run(function, *inputs, order=()):
    """The blocks that an elimination leaves."""
    program = trace_program(function, inputs)
    active = active_graph(program, [True] * len(inputs))
    jacobians = edge_jacobians(active, evaluate_nodes(program, inputs, active))
    return active.graph, eliminate(active.graph, jacobians, order)


def test_blocks_are_keyed_by_input_and_output():
    """What is left leads from inputs to outputs, and missing blocks are zero."""
    graph, blocks = run(
        lambda x, y: [jnp.sin(jnp.cos(x)), y * y], jnp.float32(1.0), jnp.float32(2.0), order=[1]
    )
    assert set(blocks) == {(0, graph.outputs[0]), (1, graph.outputs[1])}
    np.testing.assert_allclose(blocks[1, graph.outputs[1]].value, 4.0)
