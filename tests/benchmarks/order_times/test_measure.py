"""Orders between good and bad ones, and what is told of each."""

import numpy as np
import pytest

from benchmarks.order_times.measure import OURS, measure, order_work, varied_orders
from benchmarks.subjects import STORED, Subject
from elimax.interpreter.graph.counting import count_multiplications
from elimax.interpreter.graph.order import check_order
from elimax.interpreter.graph.price import ENTRY, KERNEL, order_cost, order_price
from elimax.interpreter.orders import named_order
from elimax.pipeline.checkout.files import Layout
from support.repository import ROOT
from support.traced_tasks import task_graph


@pytest.fixture(scope="module")
def subject() -> Subject:
    """A small task with the orders that search has found."""
    return Subject.load("human_heart_dipole", Layout(ROOT), STORED)


def test_orders_differ(subject: Subject) -> None:
    """As many as are wanted, all of the graph, from the best to much worse; the same every time."""
    orders = varied_orders(subject, 16, np.random.default_rng(0))
    vertices = {check_order(subject.graph, order) for order in orders.values()}
    assert len(orders) == len(vertices) == 16 and set(orders) & set(OURS)
    counts = [count_multiplications(subject.graph, order).all for order in orders.values()]
    assert min(counts) == 148 and max(counts) > 1.5 * min(counts)
    again = varied_orders(subject, 16, np.random.default_rng(0))
    assert {name: order.vertices for name, order in orders.items()} == {
        name: order.vertices for name, order in again.items()
    }


def test_work_is_what_the_price_is_made_of() -> None:
    """Of a graph with arrays; a graph of numbers moves no entries."""
    graph = task_graph("mlp")
    order = named_order(graph, "markowitz")
    work = order_work(graph, order)
    assert work.arithmetic + ENTRY * work.entries + KERNEL * work.products == order_cost(
        graph, order, "price"
    )
    assert min(work) > 0
    graph = task_graph("kerr_metric")
    order = named_order(graph, "markowitz")
    assert order_work(graph, order) == (order_cost(graph, order, "nontrivial"), 0, 0)


def test_records(subject: Subject) -> None:
    """Both modes of JAX and every order, with what it costs and how long it takes."""
    orders = varied_orders(subject, 2, np.random.default_rng(0))
    records = {x["name"]: x for x in measure(subject, orders, 4, rounds=3, seconds=0.0)}
    assert list(records) == ["jacfwd", "jacrev", *orders]
    for name, record in records.items():
        assert 0.0 < record["quarter"] <= record["seconds"] <= record["three_quarters"]
        assert record["kernels"] > 0
        if name in orders:
            price = order_price(subject.graph, orders[name])
            assert (record["price"], record["nontrivial"], record["all"]) == price
