"""The counting rule by number says what the rule says."""

import concurrent.futures
import itertools
import random
import threading

from hypothesis import given, settings

from elimax.interpreter.graph.pair_structure import product_of, sum_of
from elimax.interpreter.graph.price import product_price
from elimax.interpreter.graph.rule_table import RULE, RuleTable
from elimax.interpreter.graph.structure import Kind, edge_structure
from support.plain_greedy import graphs


@given(graphs())
@settings(max_examples=40)
def test_entries_are_products_sums_and_costs(graph):
    """All pairs of edges of random programs that can be multiplied or added."""
    for later, earlier in itertools.product(set(graph.edges.values()), repeat=2):
        x, y = RULE.number(later), RULE.number(earlier)
        if later.in_shape == earlier.out_shape:
            product = product_of(later, earlier)
            assert RULE.structure(RULE.product[x][y]) == product.structure
            assert RULE.product_by_earlier[y][x] == RULE.product[x][y]
            assert RULE.cost["price"][x][y] == product_price(later, earlier)
            for count in ("all", "nontrivial"):
                assert RULE.cost[count][x][y] == getattr(product, count)
                assert RULE.cost_by_earlier[count][y][x] == getattr(product, count)
        if (later.out_shape, later.in_shape) == (earlier.out_shape, earlier.in_shape):
            assert RULE.structure(RULE.total[x][y]) == sum_of(later, earlier)


def test_numbers_count_up_and_entries_are_computed_once():
    """Equal structures have one number; an entry is kept where it was asked for."""
    numbers = RuleTable()
    one, two = (edge_structure((), (), [], [], kind) for kind in (Kind.TRIVIAL, Kind.GENERAL))
    assert [numbers.number(x) for x in (one, two, one)] == [0, 1, 0]
    assert numbers.structure(1) == two
    assert numbers.product[0][0] == 0 and numbers.product[0][1] == numbers.total[0][0] == 1
    assert dict(numbers.product[0]) == {0: 0, 1: 1}


def test_threads_agree_on_numbers_and_entries():
    """Whichever thread comes first, a structure has one number and an entry one value."""
    table = RuleTable()
    kinds = (Kind.STRUCTURAL, Kind.TRIVIAL, Kind.GENERAL)
    structures = [
        edge_structure((size, size), (size, size), [0, 1], (), kind)
        for size in range(1, 40)
        for kind in kinds
    ]
    barrier = threading.Barrier(4)

    def fill(seed: int) -> dict[tuple[int, int], tuple[int, int, int]]:
        own = random.Random(seed).sample(structures, len(structures))
        barrier.wait()
        numbers = [table.number(x) for x in own]
        return {
            (x, x): (table.product[x][x], table.total[x][x], table.cost["all"][x][x])
            for x in numbers
        }

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        found = list(pool.map(fill, range(4)))
    assert found[0] == found[1] == found[2] == found[3]
    assert [table.number(table.structure(n)) for n in range(len(structures))] == list(
        range(len(structures))
    )
