"""What every elimination of an order costs, and against what."""

import jax
import jax.numpy as jnp
import pytest
from hypothesis import given, settings

from elimax.interpreter.errors import InvalidOrderError
from elimax.interpreter.graph.counting import count_multiplications
from elimax.interpreter.graph.explanation import (
    costs_by_vertex,
    edges_after,
    elimination_steps,
    savings,
)
from elimax.interpreter.orders import (
    PORTFOLIO,
    forward_order,
    portfolio,
    reverse_order,
)
from elimax.interpreter.plan import Plan
from elimax.interpreter.tracing.call import trace
from support.random_programs import array_programs, scalar_programs


def assert_adds_up(graph):
    """Totals, savings and edges of all orders of the portfolio."""
    every = {name: elimination_steps(graph, order) for name, order in portfolio(graph).items()}
    for name, order in portfolio(graph).items():
        steps = every[name]
        assert tuple(step.vertex for step in steps) == order.vertices
        counts = count_multiplications(graph, order)
        if steps:
            assert steps[-1].total == counts
        for count in ("all", "nontrivial"):
            costs = costs_by_vertex(steps, count)
            assert sum(costs.values()) == getattr(counts, count)
            for other in every.values():
                difference = sum(costs_by_vertex(other, count).values()) - sum(costs.values())
                found = savings(steps, other, count)
                assert sum(saving.saved for saving in found) == difference
                assert [s.saved for s in found] == sorted((s.saved for s in found), reverse=True)
    final = edges_after(graph, reverse_order(graph), len(graph.eliminable))
    assert set(final) == set(edges_after(graph, forward_order(graph), len(graph.eliminable)))
    inputs = {pred for pred, _ in final}
    assert all(pred < graph.num_inputs for pred in inputs)
    assert {succ for _, succ in final} <= graph.output_nodes


@given(scalar_programs(max_steps=15))
@settings(max_examples=15)
def test_costs_add_up_on_scalars(program):
    """Steps to totals, totals to counts, savings to differences."""
    assert_adds_up(trace(program, *program.inputs, argnums=range(len(program.inputs))))


@given(array_programs())
@settings(max_examples=15)
def test_costs_add_up_on_arrays(program):
    """The same with shapes."""
    shapes = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in program.shapes]
    assert_adds_up(trace(program, *shapes, argnums=range(len(shapes))))


def test_steps_tell_what_stands_around_a_vertex():
    """A chain with one shared value, backwards: sin(x) y, times x."""
    graph = trace(
        lambda x, y: jnp.exp(jnp.sin(x) * y) * x, jnp.ones(3), jnp.ones(3), argnums=(0, 1)
    )
    steps = elimination_steps(graph, reverse_order(graph))
    shown = [(s.vertex, s.primitive, s.shape, s.predecessors, s.successors) for s in steps]
    assert shown == [
        (3, "exp", (3,), 1, 1),
        (2, "mul", (3,), 2, 1),
        (1, "sin", (3,), 1, 1),
    ]
    assert [step.cost.all for step in steps] == [3, 6, 3]
    assert [step.total.all for step in steps] == [3, 9, 12]
    assert [step.cost.additions for step in steps] == [0, 0, 3]


def test_a_plan_is_an_order():
    """Whatever holds an order will do."""
    graph = trace(lambda x: jnp.exp(jnp.sin(x)) * x, 1.0)
    plan = Plan.of_graph(graph, forward_order(graph))
    assert elimination_steps(graph, plan) == elimination_steps(graph, plan.order)
    assert edges_after(graph, plan, 0) == dict(graph.edges)


def test_free_vertices_save_nothing():
    """Only vertices that cost something somewhere are listed."""
    graph = trace(lambda x: (jnp.sin(x).reshape(-1) * 2.0).sum(), jnp.ones((2, 3)))
    forward, reverse = (
        elimination_steps(graph, PORTFOLIO[name](graph)) for name in ("forward", "reverse")
    )
    listed = {saving.vertex for saving in savings(forward, reverse)}
    paid = {step.vertex for step in (*forward, *reverse) if step.cost.all}
    assert listed == paid and len(listed) < len(forward)


def test_faults_are_named():
    """An order of another graph; a state beyond the last elimination."""
    graph = trace(lambda x: jnp.exp(jnp.sin(x)) * x, 1.0)
    with pytest.raises(InvalidOrderError, match="was made for the graph"):
        elimination_steps(graph, forward_order(trace(jnp.sin, 1.0)))
    with pytest.raises(ValueError, match=r"after 9 eliminations .* has 2: give a number from 0 to"):
        edges_after(graph, forward_order(graph), 9)


def test_hidden_vertices_are_told_by_name():
    """A scan with several operands and results: its joined ones come after all public vertices."""
    graph = trace(lambda x: jax.lax.scan(lambda c, y: (jnp.sin(c * y), c), x[0], x), jnp.ones(5))
    steps = elimination_steps(graph, forward_order(graph))
    hidden = [step for step in steps if step.vertex > graph.num_vertices]
    assert {step.primitive for step in hidden} == {"scan:operands", "scan:results"}
