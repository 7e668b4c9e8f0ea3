"""The published results in the repository are whole, and agree with the code."""

import pytest

from elimax.interpreter.graph.counting import count_multiplications
from elimax.interpreter.orders import PORTFOLIO
from support.published import PUBLISHED_NAMES, published_graph, published_order, published_results
from support.traced_tasks import task_graph

SCALAR_TASKS = ("roe_flux_1d", "robot_arm_6dof", "human_heart_dipole", "propane_combustion")


@pytest.mark.parametrize("name", sorted(PUBLISHED_NAMES.values()))
def test_graphs_are_whole(name: str) -> None:
    """Every argument of an equation stands before it, and every output is a node."""
    graph = published_graph(name)
    inputs, vertices = len(graph["inputs"]), graph["vertices"]
    for position, vertex in enumerate(vertices):
        nodes = [argument for argument in vertex["args"] if not isinstance(argument, dict)]
        assert all(0 <= node < inputs + position for node in nodes)
    assert all(0 <= node < inputs + len(vertices) for node in graph["outputs"])


@pytest.mark.parametrize("task", SCALAR_TASKS)
@pytest.mark.parametrize("name", ["forward", "reverse", "markowitz"])
def test_orders_of_scalar_tasks_cost_what_was_published(task: str, name: str) -> None:
    """On scalar graphs the paper's counter and ours are one."""
    graph = task_graph(task)
    count = count_multiplications(graph, PORTFOLIO[name](graph))
    assert count.all == published_results(task)[name]


@pytest.mark.parametrize("task", SCALAR_TASKS)
def test_published_orders_of_scalar_tasks_cost_what_was_published(task: str) -> None:
    """The best order that the paper's program found has the count that it reports."""
    count = count_multiplications(task_graph(task), published_order(task))
    assert count.all == published_results(task)["published_order_count"]
