"""Tables that grow: their entries are those of the rule."""

import math

import jax.numpy as jnp
import numpy as np
import pytest

from elimax.interpreter.errors import StructureLimitError
from elimax.interpreter.graph.pair_structure import Structure, product_of, sum_of
from elimax.interpreter.graph.price import product_price
from elimax.interpreter.graph.structure import multiply
from elimax.interpreter.orders.annealing import tables
from elimax.interpreter.orders.annealing.compiled import PRODUCT, SUM, UNKNOWN
from elimax.interpreter.orders.annealing.state import Weights
from elimax.interpreter.orders.annealing.tables import MAX_COST, GrowingTables, cost_scale
from elimax.interpreter.tracing.call import trace

GRAPH = trace(lambda x: jnp.tanh(jnp.outer(x, jnp.sin(x)).sum(0)) + x[::-1], jnp.ones(3))


def _structures() -> list[Structure]:
    """Structures of edges, and of the products of two."""
    edges = list(dict.fromkeys(GRAPH.edges.values()))
    products = [product_of(x, y).structure for x in edges for y in edges if _fit(x, y)]
    return list(dict.fromkeys([*edges, *products]))


def _fit(later: Structure, earlier: Structure) -> bool:
    return later.in_shape == earlier.out_shape


def test_entries_are_those_of_the_rule():
    """Every product, sum and cost, with all weights; nothing is known before it is asked for."""
    growing = GrowingTables(Weights(1000, 1, 10**7))
    number = {structure: growing.number(structure) for structure in _structures()}
    assert (growing.tables.product == UNKNOWN).all()
    for structure, row in number.items():
        assert growing.tables.values[row] == math.prod(structure.carried_shape)
    pairs = [(x, y) for x in number for y in number]
    for later, earlier in pairs:
        if _fit(later, earlier):
            growing.fill_in(PRODUCT, number[later], number[earlier])
        if (later.out_shape, later.in_shape) == (earlier.out_shape, earlier.in_shape):
            growing.fill_in(SUM, number[later], number[earlier])
    for later, earlier in pairs:
        at = number[later], number[earlier]
        if _fit(later, earlier):
            product = product_of(later, earlier)
            assert growing.tables.product[at] == growing.number(product.structure)
            cost = 1000 * product.all + product.nontrivial + 10**7 * product_price(later, earlier)
            assert growing.tables.cost[at] == cost
        if (later.out_shape, later.in_shape) == (earlier.out_shape, earlier.in_shape):
            assert growing.tables.sum[at] == growing.number(sum_of(later, earlier))


class Watched(np.ndarray):
    """An array that says before what is written to it."""

    before = staticmethod(lambda: None)

    def __setitem__(self, place, value) -> None:
        self.before()
        super().__setitem__(place, value)


def test_a_product_is_known_after_its_cost():
    """Threads that read without a lock take the cost of every product that they know."""
    growing = GrowingTables(Weights(1))
    pairs = [(x, y) for x in GRAPH.edges for y in GRAPH.edges if x[0] == y[1]]
    costs = []
    watched = growing.tables.product.view(Watched)
    growing.tables = growing.tables._replace(product=watched)
    for later, earlier in pairs:
        at = growing.number(GRAPH.edges[later]), growing.number(GRAPH.edges[earlier])
        watched.before = lambda at=at: costs.append(growing.tables.cost[at])
        growing.fill_in(PRODUCT, *at)
        assert costs[-1] == growing.tables.cost[at]
        assert costs[-1] == multiply(GRAPH.edges[later], GRAPH.edges[earlier]).all
    assert len(costs) == len(pairs) and any(costs)


def test_growing_keeps_entries_and_numbers(monkeypatch):
    """More structures than the first tables have room for."""
    structures = _structures()
    monkeypatch.setattr(tables, "FIRST_SIZE", 4)
    growing = GrowingTables(Weights(1))
    first = growing.number(GRAPH.edges[min(GRAPH.edges)])
    growing.fill_in(SUM, first, first)
    known = growing.tables.sum[first, first]
    numbers = [growing.number(structure) for structure in structures]
    assert sorted(numbers) == list(range(1, len(structures) + 1))
    assert len(growing.tables.cost) > 4
    assert growing.tables.sum[first, first] == known
    held = [math.prod(structure.carried_shape) for structure in structures]
    assert growing.tables.values[numbers].tolist() == held


def test_one_structure_too_many(monkeypatch):
    """The error says what to do instead."""
    monkeypatch.setattr(tables, "FIRST_SIZE", 2)
    monkeypatch.setattr(tables, "MAX_STRUCTURES", 2)
    growing = GrowingTables(Weights(1))
    with pytest.raises(
        StructureLimitError, match="more than 2 edge structures were met: use an order"
    ):
        for structure in _structures():
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
