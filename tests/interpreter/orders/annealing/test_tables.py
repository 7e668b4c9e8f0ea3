"""Tables that grow: their entries are those of the closed ones, and of the rule."""

import jax.numpy as jnp
import numpy as np
import pytest

from elimax.interpreter.errors import StructureLimitError
from elimax.interpreter.graph.price import product_price
from elimax.interpreter.graph.structure import multiply
from elimax.interpreter.graph.structure_tables import tabulate_structures
from elimax.interpreter.orders.annealing import tables
from elimax.interpreter.orders.annealing.compiled import PRODUCT, SUM, UNKNOWN
from elimax.interpreter.orders.annealing.state import Weights
from elimax.interpreter.orders.annealing.tables import MAX_COST, GrowingTables, cost_scale
from elimax.interpreter.tracing.call import trace

GRAPH = trace(lambda x: jnp.tanh(jnp.outer(x, jnp.sin(x)).sum(0)) + x[::-1], jnp.ones(3))


def test_entries_are_those_of_the_closure():
    """Every product, sum and cost, with all weights; nothing is known before it is asked for."""
    closed = tabulate_structures([GRAPH])
    growing = GrowingTables(Weights(1000, 1, 10**7))
    numbers = np.array([0, *map(growing.number, closed.structures)])
    assert (growing.tables.product == UNKNOWN).all()
    for i, j in np.argwhere(closed.product):
        growing.fill_in(PRODUCT, numbers[i], numbers[j])
    for i, j in np.argwhere(closed.sum[1:, 1:]) + 1:
        growing.fill_in(SUM, numbers[i], numbers[j])
    for i, j in np.argwhere(closed.product):
        at = numbers[i], numbers[j]
        assert growing.tables.product[at] == numbers[closed.product[i, j]]
        cost = 1000 * closed.cost_all[i, j] + closed.cost_nontrivial[i, j]
        cost += 10**7 * product_price(closed.structures[i - 1], closed.structures[j - 1])
        assert growing.tables.cost[at] == cost
    for i, j in np.argwhere(closed.sum[1:, 1:]) + 1:
        assert growing.tables.sum[numbers[i], numbers[j]] == numbers[closed.sum[i, j]]


def test_growing_keeps_entries_and_numbers(monkeypatch):
    """More structures than the first tables have room for."""
    structures = tabulate_structures([GRAPH]).structures
    monkeypatch.setattr(tables, "FIRST_SIZE", 4)
    growing = GrowingTables(Weights(1))
    first = growing.number(GRAPH.edges[min(GRAPH.edges)])
    growing.fill_in(SUM, first, first)
    known = growing.tables.sum[first, first]
    numbers = [growing.number(structure) for structure in structures]
    assert sorted(numbers) == list(range(1, len(structures) + 1))
    assert len(growing.tables.cost) > 4
    assert growing.tables.sum[first, first] == known


def test_one_structure_too_many(monkeypatch):
    """The error says what to do instead."""
    monkeypatch.setattr(tables, "FIRST_SIZE", 2)
    monkeypatch.setattr(tables, "MAX_STRUCTURES", 2)
    growing = GrowingTables(Weights(1))
    with pytest.raises(StructureLimitError, match="more than 2 edge structures: use an order"):
        for structure in tabulate_structures([GRAPH]).structures:
            growing.number(structure)


def test_costs_are_exact_as_long_as_they_fit():
    """Nothing is shifted for costs that 64 bits hold many times over."""
    assert cost_scale(1000, 10**12).shift == 0
    assert cost_scale(2, MAX_COST // 8).shift == 0


@pytest.mark.parametrize("cost", [10**20, 1 << 62, 10**40])
def test_larger_costs_are_shifted(cost):
    """What the search begins with stays far below the limit, and keeps most of its digits."""
    scale = cost_scale(100, cost)
    assert scale.limit // 8 < cost >> scale.shift <= scale.limit // 2
    growing = GrowingTables(Weights(cost), scale)
    numbers = {edge: growing.number(edge) for edge in GRAPH.edges.values()}
    later, earlier = next(
        (first, second)
        for first in numbers
        for second in numbers
        if first.in_shape == second.out_shape and multiply(first, second).all
    )
    growing.fill_in(PRODUCT, numbers[later], numbers[earlier])
    found = int(growing.tables.cost[numbers[later], numbers[earlier]])
    assert found == min(cost * multiply(later, earlier).all >> scale.shift, scale.limit)
