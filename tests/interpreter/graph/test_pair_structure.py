"""The counting rule of opaque edges: what a product costs, how it is taken, what is kept apart."""

import pytest

from elimax.interpreter.graph.pair_structure import (
    MAX_PARTS,
    ROUND,
    Direction,
    OpaqueStructure,
    PairStructure,
    Way,
    array_structure,
    columns_through,
    of_parts,
    opaque_edge,
    parts_of,
    product_of,
    product_of_parts,
    rows_through,
    sum_of,
    written_structure,
)
from elimax.interpreter.graph.structure import (
    UNTIED,
    Kind,
    Product,
    add,
    edge_structure,
    multiply,
)

STRUCTURAL, TRIVIAL, GENERAL = Kind
FORWARD, REVERSE, BOTH = Direction.FORWARD, Direction.REVERSE, Direction.BOTH
B, N, K = 5, 3, 4

DENSE = edge_structure((N,), (N,), [UNTIED], [0, 1], GENERAL)
DIAGONAL = edge_structure((N,), (N,), [0], [0], GENERAL)
PLACEMENT = edge_structure((N,), (K,), [UNTIED], [0, 1], STRUCTURAL)
SIGN = edge_structure((N,), (N,), [0], [], TRIVIAL)


def opaque(array=DENSE, cost=10, direction=BOTH, is_joint=False, rounds=0):
    """One opaque part."""
    return OpaqueStructure(array, cost, direction, is_joint, rounds)


def test_writing_takes_the_side_with_fewer_applications():
    """Columns are entries of the operand, rows of the result; on a tie it is done forward."""
    wide = opaque(edge_structure((2,), (7,), [UNTIED], [0, 1], GENERAL))
    assert (wide.columns, wide.rows, wide.is_written_forward, wide.writing_cost) == (
        7,
        2,
        False,
        20,
    )
    tall = opaque(edge_structure((7,), (2,), [UNTIED], [0, 1], GENERAL))
    assert (tall.is_written_forward, tall.writing_cost) == (True, 20)
    assert opaque().is_written_forward


@pytest.mark.parametrize(("direction", "cost"), [(FORWARD, 70), (REVERSE, 20), (BOTH, 20)])
def test_a_one_way_edge_is_written_the_way_it_goes(direction, cost):
    """However many applications that takes."""
    array = edge_structure((2,), (7,), [UNTIED], [0, 1], GENERAL)
    assert opaque(array, direction=direction).writing_cost == cost


def test_rounds_of_a_loop_decide_the_way_and_are_in_no_count():
    """Seven columns at once run the loop once, two rows twice; with much to multiply rows win."""
    array = edge_structure((2,), (7,), [UNTIED], [0, 1], GENERAL)
    short, busy = opaque(array, rounds=50), opaque(array, cost=50 * ROUND, rounds=50)
    assert (short.is_written_forward, short.writing_cost) == (True, 70)
    assert short.writing_price == 70 + 50 * ROUND
    assert (busy.is_written_forward, busy.writing_cost) == (False, 100 * ROUND)
    assert busy.writing_price == 200 * ROUND
    row = edge_structure((1,), (2,), [UNTIED], [0, 1], GENERAL)
    assert product_of_parts(row, short).nontrivial == 70 + multiply(row, array).nontrivial
    assert product_of_parts(row, busy).nontrivial == 50 * ROUND


def test_tied_axes_take_one_application():
    """A batch of B: writing it costs what writing one element costs."""
    batch = edge_structure((B, N), (B, N), [0, UNTIED], [0, 1, 3], GENERAL)
    assert (opaque(batch).columns, opaque(batch).rows) == (N, N)


@pytest.mark.parametrize("other", [PLACEMENT, edge_structure((N,), (), [], [], STRUCTURAL), SIGN])
def test_what_only_moves_entries_is_composed_for_free(other):
    """From either side; the product costs what the function costs, and goes the same ways."""
    for direction in (FORWARD, REVERSE, BOTH):
        product = product_of_parts(opaque(direction=direction), other)
        assert (product.all, product.nontrivial, product.way) == (0, 0, Way.COMPOSE)
        assert product.structure == opaque(multiply(DENSE, other).structure, 10, direction)
    back = edge_structure(
        other.in_shape, (N,), [UNTIED], range(len(other.in_shape) + 1), STRUCTURAL
    )
    assert product_of_parts(back, opaque()).way == Way.COMPOSE


def test_joint_edges_are_applied_to_what_is_placed_into_them():
    """One application for each entry of the operand, so that operands share them."""
    joint = opaque(is_joint=True)
    product = product_of_parts(joint, PLACEMENT)
    assert product[:3] == (multiply(DENSE, PLACEMENT).structure, 10 * N, 10 * N)
    narrow = edge_structure((N,), (2,), [UNTIED], [0, 1], STRUCTURAL)
    product = product_of_parts(joint, narrow)
    assert (product.nontrivial, product.way) == (20, Way.APPLY_LATER)
    cut = edge_structure((2,), (N,), [UNTIED], [0, 1], STRUCTURAL)
    product = product_of_parts(cut, joint)
    assert (product.nontrivial, product.way) == (20, Way.APPLY_EARLIER)


def test_joint_edges_of_one_direction_are_composed_on_the_other_side():
    """A loop that only goes forward is not applied to a cut; it stays a function."""
    cut = edge_structure((2,), (N,), [UNTIED], [0, 1], STRUCTURAL)
    product = product_of_parts(cut, opaque(direction=FORWARD, is_joint=True))
    assert product.way == Way.COMPOSE and product.structure.is_joint


def test_general_edges_are_applied_to_column_by_column():
    """k columns cost k applications, in both counts."""
    narrow = edge_structure((N,), (2,), [UNTIED], [0, 1], GENERAL)
    product = product_of_parts(opaque(), narrow)
    assert (product.all, product.nontrivial, product.way) == (20, 20, Way.APPLY_LATER)
    cut = edge_structure((2,), (N,), [UNTIED], [0, 1], GENERAL)
    product = product_of_parts(cut, opaque())
    assert (product.all, product.nontrivial, product.way) == (20, 20, Way.APPLY_EARLIER)


def test_writing_first_is_taken_where_it_is_cheaper():
    """Two rows of a function and a small product, rather than fifty applications."""
    wide = edge_structure((2,), (N,), [UNTIED], [0, 1], GENERAL)
    many = edge_structure((N,), (50,), [UNTIED], [0, 1], GENERAL)
    product = product_of_parts(opaque(wide, cost=1000), many)
    assert (product.nontrivial, product.way) == (2000 + 2 * N * 50, Way.WRITE_LATER)
    column = edge_structure((50,), (N,), [UNTIED], [0, 1], GENERAL)
    tall = edge_structure((N,), (2,), [UNTIED], [0, 1], GENERAL)
    product = product_of_parts(column, opaque(tall, cost=1000))
    assert (product.nontrivial, product.way) == (2000 + 2 * N * 50, Way.WRITE_EARLIER)


@pytest.mark.parametrize("direction", [FORWARD, REVERSE])
def test_a_one_way_edge_that_meets_the_other_way_is_written(direction):
    """A loop without a transpose after which a row stands; a pullback before a column."""
    row = edge_structure((1,), (N,), [UNTIED], [1], GENERAL)
    column = edge_structure((N,), (1,), [UNTIED], [0], GENERAL)
    after, before = (
        product_of_parts(row, opaque(direction=direction)),
        product_of_parts(opaque(direction=direction), column),
    )
    written = 10 * N + N * N
    costs = (written, 10) if direction == FORWARD else (10, written)
    assert (after.nontrivial, before.nontrivial) == costs


def test_a_batch_is_applied_to_at_once():
    """Ties of the function: one application for all b; a diagonal it does not tie: one each."""
    batch = edge_structure((B, N), (B, N), [0, UNTIED], [0, 1, 3], GENERAL)
    elementwise = edge_structure((B, N), (B, N), [0, 1], [0, 1], GENERAL)
    assert columns_through(opaque(batch), elementwise) == N
    assert rows_through(elementwise, opaque(batch)) == N
    assert columns_through(opaque(), DIAGONAL) == rows_through(DIAGONAL, opaque()) == N


def test_what_does_not_vary_is_one_column():
    """An in axis along which the neighbour is constant needs no application of its own."""
    constant = edge_structure((N,), (K,), [UNTIED], [0], GENERAL)
    assert columns_through(opaque(), constant) == 1
    constant = edge_structure((K,), (N,), [UNTIED], [1], GENERAL)
    assert rows_through(constant, opaque()) == 1


def test_opaque_times_opaque_is_written_from_the_cheaper_side():
    """One is written, the other applied to that; both costs are paid."""
    cheap, costly = opaque(cost=1), opaque(cost=100)
    product = product_of_parts(costly, cheap)
    assert product.nontrivial == 1 * N + 100 * N
    narrow = opaque(edge_structure((N,), (1,), [UNTIED], [0], GENERAL), cost=7)
    product = product_of_parts(costly, narrow)
    assert (product.nontrivial, product.way) == (7 + 100, Way.WRITE_EARLIER)


def test_two_opaque_moves_stay_opaque():
    """A running sum and a loop become one function, if they go the same way."""
    running = opaque(edge_structure((N,), (N,), [UNTIED], [0, 1], STRUCTURAL), cost=0)
    product = product_of_parts(opaque(), running)
    assert (product.nontrivial, product.way) == (0, Way.COMPOSE)
    assert product.structure == opaque(DENSE, 10)
    one_way = product_of_parts(
        opaque(direction=FORWARD), opaque(running.as_array, 0, Direction.REVERSE)
    )
    assert (one_way.nontrivial, one_way.way) == (0, Way.WRITE_EARLIER)
    assert one_way.structure.direction == FORWARD


def test_what_goes_nowhere_is_refused():
    """A function without a direction cannot be multiplied with an edge that carries values."""
    with pytest.raises(ValueError, match="in neither direction"):
        product_of_parts(opaque(direction=Direction.NEITHER), DENSE)


def test_shapes_must_match():
    """As for written edges, the message has both shapes."""
    with pytest.raises(ValueError, match=r"reads shape \(3,\).*writes shape \(4,\)"):
        product_of_parts(opaque(), edge_structure((K,), (N,), [UNTIED], [0, 1], GENERAL))
    with pytest.raises(ValueError, match="cannot add"):
        sum_of(DENSE, edge_structure((K,), (N,), [UNTIED], [0, 1], GENERAL))


def test_written_edges_are_multiplied_and_added_as_ever():
    """The rule of `structure`, number for number."""
    *product, price = product_of(DENSE, DIAGONAL)
    assert tuple(product) == multiply(DENSE, DIAGONAL) and price == product[2]
    assert isinstance(multiply(DENSE, DIAGONAL), Product)
    assert sum_of(DENSE, DIAGONAL) == add(DENSE, DIAGONAL)


def test_opaque_and_written_edges_are_kept_apart():
    """A sum has both as parts, written ones first, whichever comes first."""
    edge = opaque_edge(DENSE, 10, BOTH)
    total = sum_of(edge, DIAGONAL)
    assert total == sum_of(DIAGONAL, edge) == PairStructure((DIAGONAL, opaque()))
    assert written_structure(total) == add(DENSE, DIAGONAL)
    assert sum_of(total, DIAGONAL) == PairStructure((add(DIAGONAL, DIAGONAL), opaque()))
    assert (total.out_shape, total.in_shape, total.kind) == ((N,), (N,), GENERAL)
    assert total.carried == (0, 1)


def test_products_with_sums_are_sums_of_products():
    """Each part is multiplied by itself, and the costs are added."""
    total = sum_of(opaque_edge(DENSE, 10, BOTH), DIAGONAL)
    product = product_of(total, DIAGONAL)
    assert product.nontrivial == 10 * N + N
    assert product.structure == add(DENSE, DIAGONAL)


def test_too_many_functions_become_one():
    """Up to four stand apart; of five, two are one that costs both."""
    parts = [opaque_edge(DENSE, cost, BOTH) for cost in range(1, MAX_PARTS + 2)]
    total = parts[0]
    for part in parts[1:]:
        total = sum_of(total, part)
    assert len(parts_of(total)) == MAX_PARTS
    assert sum(part.cost for part in parts_of(total)) == sum(range(1, MAX_PARTS + 2))


def test_functions_of_opposite_directions_are_not_merged():
    """Of five, two that share a direction are; what is left of it is what both can."""
    total = opaque_edge(DENSE, 1, FORWARD)
    for cost, direction in ((2, REVERSE), (3, REVERSE), (4, FORWARD), (5, BOTH)):
        total = sum_of(total, opaque_edge(DENSE, cost, direction))
    assert len(parts_of(total)) == MAX_PARTS
    assert {part.direction for part in parts_of(total)} == {FORWARD, REVERSE, BOTH}
    assert all(part.direction for part in parts_of(total))


def test_a_sum_that_would_be_far_larger_is_kept_apart():
    """A large diagonal and a constant everywhere: the sum would be n x n."""
    n = 1000
    diagonal = edge_structure((n,), (n,), [0], [0], GENERAL)
    column = edge_structure((n,), (n,), [UNTIED], [0], GENERAL)
    assert sum_of(diagonal, column) == of_parts([column, diagonal])
    assert written_structure(sum_of(diagonal, column)) == add(diagonal, column)
    small = edge_structure((N,), (N,), [UNTIED], [0], GENERAL)
    assert sum_of(DIAGONAL, small) == add(DIAGONAL, small)


def test_one_part_alone():
    """A written part is an edge structure; an opaque one has the kind of its array."""
    assert of_parts([DENSE]) is DENSE
    assert parts_of(DENSE) == (DENSE,)
    placement = opaque_edge(PLACEMENT, 0, BOTH)
    assert (placement.kind, array_structure(placement.parts[0])) == (STRUCTURAL, PLACEMENT)
