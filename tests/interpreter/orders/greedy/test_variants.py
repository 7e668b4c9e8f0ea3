"""The table of greedy orders."""

import inspect

import pytest

from elimax.interpreter.graph.order import check_order
from elimax.interpreter.orders.greedy.damage import lmmd_order, momr_order
from elimax.interpreter.orders.greedy.lowest_fill_in import lowest_fill_in_order
from elimax.interpreter.orders.greedy.markowitz import markowitz_order
from elimax.interpreter.orders.greedy.relative_markowitz import relative_markowitz_order
from elimax.interpreter.orders.greedy.variants import GREEDY, RULES
from support.traced_tasks import task_graph

FUNCTIONS = {
    "markowitz": markowitz_order,
    "relative_markowitz": relative_markowitz_order,
    "lowest_fill_in": lowest_fill_in_order,
    "lmmd": lmmd_order,
    "momr": momr_order,
}


def test_every_rule_is_there_with_both_tie_breaks_and_by_both_counts():
    """Four variants of each rule stand together, the usual one first."""
    assert [rule.name for rule in RULES] == list(FUNCTIONS)
    endings = ("", "_high", "_nontrivial", "_nontrivial_high")
    assert list(GREEDY) == [rule.name + ending for rule in RULES for ending in endings]


@pytest.mark.parametrize("name", GREEDY)
def test_variants_are_the_functions_of_their_rules(name):
    """The table and the function of a rule give the same order, under the name of the table."""
    graph, variant = task_graph("roe_flux_1d"), GREEDY[name]
    order = variant.order(graph)
    assert order.name == name
    assert check_order(graph, order) == order.vertices
    make = FUNCTIONS[variant.rule.name]
    assert make(graph, variant.ties, variant.count) == order
    late = frozenset(graph.eliminable[:3])
    waiting = variant.order(graph, late=late)
    assert make(graph, ties=variant.ties, count=variant.count, late=late) == waiting
    assert waiting.name == f"{name}_moves_last"
    assert set(waiting.vertices[-3:]) == late


@pytest.mark.parametrize("make", FUNCTIONS.values(), ids=FUNCTIONS)
def test_functions_take_the_same_arguments(make):
    """Whoever knows one of them knows all."""
    assert inspect.signature(make).parameters == inspect.signature(markowitz_order).parameters
