"""What orders cost: published figures, a second way to count, and all orders of small graphs."""

import itertools

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import pytest
from hypothesis import given, settings

from elimax.interpreter.errors import InvalidOrderError
from elimax.interpreter.graph.counting import count_multiplications
from elimax.interpreter.graph.elimination import MultiplicationCount
from elimax.interpreter.orders import PORTFOLIO, portfolio
from elimax.interpreter.tracing.call import trace
from support.random_programs import ScalarProgram, orders, scalar_programs
from support.scalar_counter import cheapest_orders, count_scalar, scalar_graph
from support.traced_tasks import task_graph

# Multiplications in `all`: forward, reverse, Markowitz with the lowest and the highest number.
SCALAR_TASKS = {
    "roe_flux_1d": (620, 364, 407, 344),
    "robot_arm_6dof": (397, 301, 288, 221),
    "human_heart_dipole": (240, 172, 194, 148),
    "propane_combustion": (151, 90, 111, 88),
}
# Forward and reverse, each (all, nontrivial).
ARRAY_TASKS = {
    "roe_flux_3d": ((1542, 784), (934, 578)),
    "black_scholes_hessian": ((513, 360), (453, 358)),
    "mlp": ((6566, 4684), (284, 199)),
    "transformer_encoder": ((120018, 88064), (4408, 3632)),
}


def counts(task: str, name: str) -> tuple[int, int]:
    """Both counts of an order of the portfolio."""
    graph = task_graph(task)
    count = count_multiplications(graph, PORTFOLIO[name](graph))
    return count.all, count.nontrivial


@pytest.mark.parametrize(("task", "expected"), SCALAR_TASKS.items())
def test_scalar_tasks_cost_what_was_published(task, expected):
    """Forward, reverse and Markowitz on the exact graphs; ties to the highest number beside."""
    names = ("forward", "reverse", "markowitz", "markowitz_high")
    assert tuple(counts(task, name)[0] for name in names) == expected


def test_nontrivial_counts_of_a_scalar_task():
    """Without products by +1 and -1 the Roe flux costs 362 forward and 234 in reverse."""
    assert counts("roe_flux_1d", "forward")[1] == 362
    assert counts("roe_flux_1d", "reverse")[1] == 234


@pytest.mark.parametrize(("task", "expected"), ARRAY_TASKS.items())
def test_array_tasks_cost_what_the_rule_says(task, expected):
    """Forward and reverse of the tasks with arrays, in both counts."""
    assert (counts(task, "forward"), counts(task, "reverse")) == expected


@pytest.mark.parametrize("task", SCALAR_TASKS)
def test_scalar_tasks_cost_the_same_counted_on_sets(task):
    """A counter that shares no code with the package agrees for the whole portfolio."""
    from elimax.pipeline.tasks import load_task

    graph = task_graph(task)
    loaded = load_task(task)
    plain = scalar_graph(loaded.function, *loaded.example_inputs())
    assert plain.eliminable == tuple(graph.node(vertex) for vertex in graph.eliminable)
    for order in portfolio(graph).values():
        count = count_multiplications(graph, order)
        nodes = [graph.node(vertex) for vertex in order.vertices]
        assert (count.all, count.nontrivial) == count_scalar(plain, nodes)


@given(st.data())
@settings(max_examples=40)
def test_random_scalar_programs_cost_the_same_counted_on_sets(data):
    """Random programs and random orders, both counts."""
    program: ScalarProgram = data.draw(scalar_programs())
    inputs = [jnp.float32(x) for x in program.inputs]
    graph, plain = (
        trace(program, *inputs, argnums=range(len(inputs))),
        scalar_graph(program, *inputs),
    )
    order = data.draw(orders(graph))
    count = count_multiplications(graph, order)
    assert (count.all, count.nontrivial) == count_scalar(plain, [graph.node(v) for v in order])


@given(scalar_programs(max_steps=5, max_inputs=2, max_outputs=1))
@settings(max_examples=25)
def test_cheapest_of_all_orders_is_the_same_counted_on_sets(program):
    """Brute force over all orders of graphs with up to six vertices, on both routes."""
    inputs = [jnp.float32(x) for x in program.inputs]
    graph, plain = (
        trace(program, *inputs, argnums=range(len(inputs))),
        scalar_graph(program, *inputs),
    )
    if len(graph.eliminable) > 6:
        return
    all_counts = [
        count_multiplications(graph, order) for order in itertools.permutations(graph.eliminable)
    ]
    assert cheapest_orders(plain) == (
        min(count.all for count in all_counts),
        min(count.nontrivial for count in all_counts),
    )
    for order in portfolio(graph).values():
        assert count_multiplications(graph, order).all >= cheapest_orders(plain)[0]


def test_small_example_by_hand():
    """z = (a b) c: vertex 1 has two predecessors and one successor, so it costs 2."""
    graph = trace(lambda a, b, c: a * b * c, 1.0, 2.0, 3.0, argnums=(0, 1, 2))
    assert count_multiplications(graph, [1]) == MultiplicationCount(2, 2, 0)


def test_trivial_edges_count_only_in_all():
    """y = a + b, z = sin(y): two products, both with +1."""
    graph = trace(lambda a, b: jnp.sin(a + b), 1.0, 2.0, argnums=(0, 1))
    assert count_multiplications(graph, [1]) == MultiplicationCount(2, 0, 0)


def test_square_by_product_is_one_edge():
    """x * x is the sum of two uses: one general edge, one product with what follows."""
    graph = trace(lambda x: jnp.sin(x * x), 1.0)
    assert len(graph.edges) == 2
    assert count_multiplications(graph, [1]) == MultiplicationCount(1, 1, 0)


def test_sum_of_equal_uses_is_general():
    """x + x has derivative 2, not 1: it costs in both counts."""
    graph = trace(lambda x: jnp.sin(x + x), 1.0)
    assert count_multiplications(graph, [1]) == MultiplicationCount(1, 1, 0)


def test_batch_axis_multiplies_the_count_once():
    """A batch of B costs B times a single call, because its axis stays tied."""
    single = trace(lambda x: jnp.sin(x) * jnp.cos(x) * x, 1.0)
    batched = trace(jax.vmap(lambda x: jnp.sin(x) * jnp.cos(x) * x), jnp.ones(7))
    for order in itertools.permutations(single.eliminable):
        once = count_multiplications(single, order)
        assert count_multiplications(batched, order) == MultiplicationCount(*(7 * n for n in once))


def test_faulty_orders_are_refused():
    """Counting checks the order first."""
    graph = trace(lambda x: jnp.sin(jnp.cos(x)), 1.0)
    with pytest.raises(InvalidOrderError, match="repeats 1"):
        count_multiplications(graph, [1, 1])
