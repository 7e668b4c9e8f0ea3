"""What an order weighs: numbers, arrays, loops, and what the annealer makes of it."""

import jax.numpy as jnp
import pytest
from hypothesis import given, settings
from jax import lax

from elimax.interpreter.graph.counting import count_multiplications
from elimax.interpreter.graph.pair_structure import ROUND, Direction, opaque_edge
from elimax.interpreter.graph.price import (
    ENTRY,
    KERNEL,
    Work,
    order_cost,
    order_price,
    product_price,
    product_work,
    summable_objective,
)
from elimax.interpreter.graph.structure import UNTIED, Kind, edge_structure
from elimax.interpreter.orders import PORTFOLIO
from elimax.interpreter.orders.annealing.anneal import anneal
from elimax.interpreter.tracing.call import trace
from support.random_programs import array_programs, scalar_programs
from support.traced_tasks import task_graph

DENSE = edge_structure((3,), (4,), [UNTIED], [0, 1], Kind.GENERAL)
COLUMN = edge_structure((4,), (), [], [0], Kind.GENERAL)
PLACEMENT = edge_structure((9,), (4,), [UNTIED], [0, 1], Kind.STRUCTURAL)
NUMBER = edge_structure((), (), [], [], Kind.GENERAL)
SIGN = edge_structure((4,), (4,), [0], [], Kind.TRIVIAL)


def test_products():
    """Multiplications, entries and a kernel; numbers cost what they multiply, constants nothing."""
    assert product_work(DENSE, COLUMN) == Work(12, 3, 1)
    assert product_price(DENSE, COLUMN) == 12 + 3 * ENTRY + KERNEL
    assert product_work(DENSE, SIGN) == Work(0, 12, 1)
    assert product_work(PLACEMENT, COLUMN) == Work(0, 4, 1)
    assert product_work(PLACEMENT, SIGN) == Work(0, 0, 0)
    assert product_work(NUMBER, NUMBER) == Work(1, 0, 0)
    assert product_work(SIGN, SIGN) == Work(0, 0, 0)


def test_rounds_of_loops_weigh_in():
    """As they do where ways are compared."""
    loop = opaque_edge(DENSE, 7, Direction.BOTH, rounds=10)
    assert product_work(loop, COLUMN) == Work(7 + 10 * ROUND, 3, 1)


@given(scalar_programs())
@settings(max_examples=20)
def test_the_price_of_numbers_is_a_count(program):
    """That of multiplications that are not by +1 and -1."""
    graph = trace(program, *program.inputs, argnums=range(len(program.inputs)))
    for name in ("forward", "markowitz"):
        order = PORTFOLIO[name](graph)
        counts = count_multiplications(graph, order)
        assert order_price(graph, order) == (counts.nontrivial, counts.nontrivial, counts.all)
        assert summable_objective(graph, "price") == "nontrivial"


@given(array_programs())
@settings(max_examples=20)
def test_the_price_of_arrays_is_no_less(program):
    """The counts that come with it agree with the counting rule."""
    shapes = [jnp.zeros(shape) for shape in program.shapes]
    graph = trace(program, *shapes, argnums=range(len(shapes)))
    for name in ("reverse", "lmmd"):
        order = PORTFOLIO[name](graph)
        price, counts = order_price(graph, order), count_multiplications(graph, order)
        assert price[1:] == (counts.nontrivial, counts.all) and price.price >= counts.nontrivial
        by_objective = [order_cost(graph, order, x) for x in ("price", "nontrivial", "all")]
        assert by_objective == list(price)


def test_moving_many_entries_is_dear():
    """Two orders with the same multiplications, one of which moves a Jacobian about."""
    graph = task_graph("bratu_stencil")
    slim, wide = (order_price(graph, PORTFOLIO[name](graph)) for name in ("momr", "reverse"))
    assert slim.nontrivial == wide.nontrivial and 10 * slim.price < wide.price


@pytest.mark.parametrize("name", ["mlp", "roe_flux_1d"])
def test_annealing_saves_what_it_is_told_to(name):
    """The price never rises, and it is the annealer's own figure."""
    graph = task_graph(name)
    start = PORTFOLIO["markowitz"](graph)
    order = anneal(graph, [start], "price", evaluations=2000).order
    assert order_price(graph, order) < order_price(graph, start)


def test_loops_are_priced_by_the_way_they_are_run():
    """A short loop pulled from two results weighs more than one pushed from three operands."""

    def walk(x):
        first = jnp.sin(x)
        last = lax.scan(
            lambda c, _: (jnp.sin(c[::-1] * first[:2]) * first[2], None), first[:2], None, 20
        )[0]
        return jnp.sin(last)

    graph = trace(walk, jnp.ones(3))
    prices = [order_price(graph, PORTFOLIO[name](graph)).price for name in ("forward", "reverse")]
    assert all(20 * ROUND <= price < 40 * ROUND for price in prices), prices
