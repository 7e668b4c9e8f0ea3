"""The counting rule by number says what the rule says."""

import itertools

from hypothesis import given, settings

from elimax.interpreter.graph.pair_structure import product_of, sum_of
from elimax.interpreter.graph.structure import Kind, edge_structure
from elimax.interpreter.graph.structure_numbers import NUMBERS, StructureNumbers
from support.plain_greedy import graphs


@given(graphs())
@settings(max_examples=40)
def test_entries_are_products_sums_and_costs(graph):
    """All pairs of edges of random programs that can be multiplied or added."""
    for later, earlier in itertools.product(set(graph.edges.values()), repeat=2):
        x, y = NUMBERS.number(later), NUMBERS.number(earlier)
        if later.in_shape == earlier.out_shape:
            product = product_of(later, earlier)
            assert NUMBERS.structure(NUMBERS.product[x][y]) == product.structure
            assert NUMBERS.product_by_earlier[y][x] == NUMBERS.product[x][y]
            for count in ("all", "nontrivial"):
                assert NUMBERS.cost[count][x][y] == getattr(product, count)
                assert NUMBERS.cost_by_earlier[count][y][x] == getattr(product, count)
        if (later.out_shape, later.in_shape) == (earlier.out_shape, earlier.in_shape):
            assert NUMBERS.structure(NUMBERS.total[x][y]) == sum_of(later, earlier)


def test_numbers_count_up_and_entries_are_computed_once():
    """Equal structures have one number; an entry is kept where it was asked for."""
    numbers = StructureNumbers()
    one, two = (edge_structure((), (), [], [], kind) for kind in (Kind.TRIVIAL, Kind.GENERAL))
    assert [numbers.number(x) for x in (one, two, one)] == [0, 1, 0]
    assert numbers.structure(1) == two
    assert numbers.product[0][0] == 0 and numbers.product[0][1] == numbers.total[0][0] == 1
    assert dict(numbers.product[0]) == {0: 0, 1: 1}
