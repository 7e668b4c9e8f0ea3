"""The portfolio, its names and its best order."""

import jax.numpy as jnp
import pytest

from elimax.interpreter.errors import InvalidOrderError
from elimax.interpreter.graph.counting import count_multiplications
from elimax.interpreter.graph.order import check_order
from elimax.interpreter.orders.portfolio import (
    CLASSIC,
    PORTFOLIO,
    best_classic,
    named_order,
    portfolio,
)
from elimax.interpreter.tracing.call import trace
from support.traced_tasks import task_graph

SIX = (
    "forward",
    "reverse",
    "markowitz",
    "markowitz_high",
    "markowitz_nontrivial",
    "markowitz_nontrivial_high",
)
RULES = ("relative_markowitz", "lowest_fill_in", "lmmd", "momr")
VARIANTS = ("", "_high", "_nontrivial", "_nontrivial_high")
NAMES = (
    *SIX,
    *(rule + variant for rule in RULES for variant in VARIANTS),
    "single_use_forward",
    "single_use_reverse",
)


def test_all_orders_under_their_names():
    """Every order fits the graph and is called as it is listed."""
    graph = task_graph("propane_combustion")
    found = portfolio(graph)
    assert tuple(found) == tuple(PORTFOLIO) == NAMES
    for name, order in found.items():
        assert order.name == name
        assert named_order(graph, name) == order
        assert check_order(graph, order) == order.vertices


def test_classic_is_the_first_six():
    """What training is measured by does not grow with the portfolio."""
    graph = task_graph("roe_flux_1d")
    assert CLASSIC == SIX
    assert tuple(portfolio(graph, CLASSIC)) == SIX
    best = best_classic(graph, names=CLASSIC)
    assert (best.name, count_multiplications(graph, best).all) == ("markowitz_high", 344)
    assert count_multiplications(graph, best_classic(graph)).all < 320


@pytest.mark.parametrize("count", ["all", "nontrivial"])
@pytest.mark.parametrize("task", ["roe_flux_1d", "human_heart_dipole", "mlp"])
def test_best_classic_is_the_minimum(task, count):
    """No order of the portfolio is cheaper by the count that decides; the other breaks ties."""
    graph = task_graph(task)
    other = "nontrivial" if count == "all" else "all"
    costs = {
        name: (getattr(counts, count), getattr(counts, other))
        for name, order in portfolio(graph).items()
        for counts in [count_multiplications(graph, order)]
    }
    best = best_classic(graph, count)
    assert costs[best.name] == min(costs.values())
    assert best.name == min(costs, key=costs.__getitem__)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("revers", "did you mean 'reverse'?"),
        ("zzz", "no order 'zzz'. Choose"),
        ("plan.json", "no order 'plan.json': to read a plan, pass Plan.load of that file. Choose"),
    ],
)
def test_unknown_name_is_refused(name, hint):
    """The message names the nearest order, if one is near, and lists them all."""
    with pytest.raises(InvalidOrderError) as caught:
        named_order(trace(lambda x: jnp.sin(x), 1.0), name)
    message = str(caught.value)
    assert hint in message
    assert all(name in message for name in NAMES)
