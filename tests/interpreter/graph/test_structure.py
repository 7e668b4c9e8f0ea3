"""The counting rule: canonical structures, products, sums, and what they cost."""

import itertools

import numpy as np
import pytest

from elimax.interpreter.graph.structure import (
    UNTIED,
    EdgeStructure,
    Kind,
    add,
    edge_structure,
    multiply,
    unify,
)

GENERAL, TRIVIAL, STRUCTURAL = Kind.GENERAL, Kind.TRIVIAL, Kind.STRUCTURAL


def diagonal(n: int, kind: Kind = GENERAL, carried: bool = True) -> EdgeStructure:
    """Out (a), in (a), value (a) or constant along a."""
    return edge_structure((n,), (n,), [0], [0] if carried else [], kind)


def dense(m: int, n: int, kind: Kind = GENERAL) -> EdgeStructure:
    """Out (a), in (b), value (a, b)."""
    return edge_structure((m,), (n,), [UNTIED], [0, 1], kind)


def pattern(structure: EdgeStructure, rng: np.random.Generator) -> np.ndarray:
    """A random dense Jacobian of a structure: its value, spread, times its deltas."""
    shape = structure.out_shape + structure.in_shape
    rank = len(structure.out_shape)
    carried = [n if k in structure.carried else 1 for k, n in enumerate(shape)]
    array = np.broadcast_to(rng.uniform(1, 2, carried), shape).copy()
    for j, tie in enumerate(structure.ties):
        if tie != UNTIED:
            grid = np.indices(shape)
            array = np.where(grid[tie] == grid[rank + j], array, 0)
    return array


def some_structures() -> list[EdgeStructure]:
    """All structures between the shapes (), (2,) and (2, 2), general ones."""
    found = set()
    for out, into in itertools.product([(), (2,), (2, 2)], repeat=2):
        rank = len(out)
        for ties in itertools.product([UNTIED, *range(rank)], repeat=len(into)):
            bound = [tie for tie in ties if tie != UNTIED]
            if len(set(bound)) < len(bound):
                continue
            labels = [*range(rank), *(rank + j for j, tie in enumerate(ties) if tie == UNTIED)]
            for size in range(len(labels) + 1):
                for carried in itertools.combinations(labels, size):
                    found.add(edge_structure(out, into, ties, carried, GENERAL))
    return sorted(found, key=repr)


def test_axes_of_size_one_are_neither_tied_nor_carried():
    """Structures that differ in axes of size one only are equal and hash equal."""
    first = edge_structure((1, 3), (1, 3), [0, 1], [0, 1], GENERAL)
    second = edge_structure((1, 3), (1, 3), [UNTIED, 1], [1], GENERAL)
    assert first == second and hash(first) == hash(second)
    assert first.ties == (UNTIED, 1) and first.carried == (1,)


def test_carried_label_of_a_tied_in_axis_is_its_out_axis():
    """Naming the in axis of a tie carries the out axis; duplicates are dropped."""
    structure = edge_structure((3, 2), (2,), [1], [2, 1, 0], GENERAL)
    assert structure.carried == (0, 1)


def test_labels_sizes_and_carried_shape():
    """Out (a, b), in (b, c): labels 0, 1 and 3; value (a, c)."""
    structure = edge_structure((2, 3), (3, 4), [1, UNTIED], [3, 0], GENERAL)
    assert structure.in_labels == (1, 3)
    assert structure.labels == (0, 1, 3)
    assert structure.carried == (0, 3)
    assert structure.carried_shape == (2, 4)


@pytest.mark.parametrize(
    ("later", "earlier", "expected_all", "expected_nontrivial"),
    [
        (GENERAL, GENERAL, 5, 5),
        (GENERAL, TRIVIAL, 5, 0),
        (TRIVIAL, GENERAL, 5, 0),
        (TRIVIAL, TRIVIAL, 5, 0),
        (GENERAL, STRUCTURAL, 0, 0),
        (STRUCTURAL, GENERAL, 0, 0),
        (STRUCTURAL, TRIVIAL, 0, 0),
        (STRUCTURAL, STRUCTURAL, 0, 0),
    ],
)
def test_product_of_diagonals_costs_by_kind(later, earlier, expected_all, expected_nontrivial):
    """Structural factors are free in both counts, trivial ones in nontrivial; n per diagonal."""
    product = multiply(diagonal(5, later), diagonal(5, earlier))
    assert (product.all, product.nontrivial) == (expected_all, expected_nontrivial)
    assert product.structure.kind == max(later, earlier)
    assert product.structure.ties == (0,)


def test_label_less_product_costs_one():
    """Two scalars, or two constants along a tied axis, cost one multiplication."""
    scalar = edge_structure((), (), [], [], GENERAL)
    assert multiply(scalar, scalar).all == 1
    assert multiply(diagonal(7, carried=False), diagonal(7, carried=False)).nontrivial == 1


def test_trivial_factor_pays_along_all_its_labels_in_all():
    """x + y of size 7 before a label-less edge: 7 in `all`, nothing in `nontrivial`."""
    product = multiply(diagonal(7, carried=False), diagonal(7, TRIVIAL, carried=False))
    assert (product.all, product.nontrivial) == (7, 0)
    assert product.structure.carried == ()


def test_dense_products():
    """(4 x 3) (3 x 2) costs 24, a row scaling (4 x 3) 12, a column scaling 12."""
    product = multiply(dense(4, 3), dense(3, 2))
    assert (product.all, product.structure) == (24, dense(4, 2))
    assert multiply(diagonal(4), dense(4, 3)).all == 12
    assert multiply(dense(4, 3), diagonal(3)).all == 12


def test_contracted_label_of_one_factor_is_summed_first():
    """out () in (b) with value (b), times out (b) in () without: b is summed, one product left."""
    row = edge_structure((), (5,), [UNTIED], [0], GENERAL)
    column = edge_structure((5,), (), [], [], GENERAL)
    assert multiply(row, column).all == 1
    full_column = edge_structure((5,), (), [], [0], GENERAL)
    assert multiply(row, full_column).all == 5


def test_batch_axis_stays_tied():
    """(b, i) -> (b, j) -> (b, k), all tied along b: b i j k products, no b x b block."""
    later = edge_structure((8, 2), (8, 3), [0, UNTIED], [1, 3], GENERAL)
    earlier = edge_structure((8, 3), (8, 4), [0, UNTIED], [0, 1, 3], GENERAL)
    product = multiply(later, earlier)
    assert product.structure == edge_structure((8, 2), (8, 4), [0, UNTIED], [0, 1, 3], GENERAL)
    assert product.all == 8 * 2 * 3 * 4


def test_mismatching_shapes_are_refused():
    """Both errors name the shapes that were given."""
    with pytest.raises(
        ValueError, match=r"reads shape \(3,\), the earlier one writes shape \(4,\)"
    ):
        multiply(diagonal(3), diagonal(4))
    with pytest.raises(ValueError, match=r"shapes \(3, 3\) and \(4, 4\)"):
        add(diagonal(3), diagonal(4))


def test_sum_is_general_and_keeps_common_ties():
    """Two trivial diagonals make a general diagonal without labels."""
    total = add(diagonal(4, TRIVIAL, carried=False), diagonal(4, TRIVIAL, carried=False))
    assert total == diagonal(4, carried=False)


def test_sum_breaks_a_tie_that_one_side_lacks():
    """Both labels of a broken tie are carried, whatever was carried before."""
    constant = edge_structure((4,), (4,), [UNTIED], [], GENERAL)
    assert add(diagonal(4, STRUCTURAL, carried=False), constant) == dense(4, 4)


def test_sum_of_different_ties_carries_all_their_labels():
    """x + x.T: both ties are broken, everything is carried."""
    same = edge_structure((3, 3), (3, 3), [0, 1], [], STRUCTURAL)
    swapped = edge_structure((3, 3), (3, 3), [1, 0], [], STRUCTURAL)
    total = add(same, swapped)
    assert total.ties == (UNTIED, UNTIED) and total.carried == (0, 1, 2, 3)


def test_sum_does_not_depend_on_the_order_of_its_summands():
    """add(a, b) == add(b, a) for all structures between equal shapes."""
    structures = some_structures()
    for first, second in itertools.product(structures, repeat=2):
        if (first.out_shape, first.in_shape) == (second.out_shape, second.in_shape):
            assert add(first, second) == add(second, first)


def test_products_and_sums_hold_what_dense_arrays_hold():
    """For all small structures the dense product and sum fit the structure that is computed."""
    rng = np.random.default_rng(0)
    structures = some_structures()
    for first, second in itertools.product(structures, repeat=2):
        if first.in_shape == second.out_shape:
            axes = len(first.in_shape)
            exact = np.tensordot(pattern(first, rng), pattern(second, rng), axes)
            assert fits(exact, multiply(first, second).structure)
        if (first.out_shape, first.in_shape) == (second.out_shape, second.in_shape):
            assert fits(pattern(first, rng) + pattern(second, rng), add(first, second))


def fits(array: np.ndarray, structure: EdgeStructure) -> bool:
    """Whether an array is zero off the ties and constant along what is not carried."""
    rank = len(structure.out_shape)
    grid = np.indices(array.shape)
    on = np.ones(array.shape, bool)
    for j, tie in enumerate(structure.ties):
        if tie != UNTIED:
            on &= grid[tie] == grid[rank + j]
    # Entries with the same indices along the carried labels form one group.
    group = np.zeros(array.shape, int)
    for label in structure.carried:
        group = 2 * group + grid[label]
    groups = [array[on & (group == g)] for g in range(2 ** len(structure.carried))]
    return not array[~on].any() and all(np.ptp(x) < 1e-12 for x in groups if x.size)


def test_unify_names_the_middle_axis_once():
    """A middle axis tied on both sides, on one side, on none."""
    names = unify(diagonal(3), dense(3, 2))
    assert names.later[1] == names.earlier[0] == 0
    names = unify(dense(4, 3), diagonal(3))
    assert names.later[1] == names.earlier[0] == 1
    names = unify(dense(4, 3), dense(3, 2))
    assert names.later[1] == names.earlier[0] == names.contracted_offset == 2
