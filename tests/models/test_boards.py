"""Boards hold what the game needs of a graph, and nothing more."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elimax.interpreter.errors import StructureLimitError
from elimax.interpreter.graph.counting import count_multiplications
from elimax.interpreter.orders import CLASSIC, PORTFOLIO
from elimax.models.boards import (
    bucket_size,
    make_board,
    merge_costs,
    normalising_cost,
    pad_board,
    stack_boards,
)
from support.model_graphs import array_graph, program, scalar_graph


def test_nodes_without_edges_are_not_on_the_board():
    """They cost nothing; only vertices that others use may be chosen."""
    graph = scalar_graph(2, 4, [(1, 4), (4, 5)], (5, 3))
    board = make_board(graph)
    assert board.nodes.vertex[:3].tolist() == [0, 3, 4]
    assert board.start.remaining[:3].tolist() == [False, True, False]
    assert not board.start.edges[3:].any()


def test_classic_cost_and_unit():
    """A board knows what its costs are divided by; scalar products cost one each."""
    graph = program(7)
    scale = make_board(graph).scale
    assert scale.classic == normalising_cost(graph, "all")
    assert scale.unit == pytest.approx(1.0)
    assert scale.moves == make_board(graph).start.remaining.sum()


@pytest.mark.parametrize("count", ["all", "nontrivial"])
def test_costs_are_divided_by_the_best_of_six_orders(count):
    """Rules that are added to the portfolio change no training."""
    for seed in range(4):
        graph = program(seed)
        costs = [
            getattr(count_multiplications(graph, PORTFOLIO[name](graph)), count) for name in CLASSIC
        ]
        assert len(costs) == 6 and normalising_cost(graph, count) == max(1, min(costs))
    assert normalising_cost(scalar_graph(1, 1, [(0, 1)], (1,)), count) == 1


def test_bucket_sizes():
    """Multiples of 16 up to 128, of 32 above."""
    sizes = [1, 16, 17, 128, 129, 161]
    assert [bucket_size(size) for size in sizes] == [16, 16, 32, 128, 160, 192]


def test_stacked_boards_have_one_size():
    """Graphs of scalars and of arrays can be played together."""
    boards = stack_boards([make_board(program(0)), make_board(array_graph())])
    assert boards.start.edges.shape[0] == 2
    assert boards.start.edges.shape[1] == boards.start.edges.shape[2]
    assert boards.rules.cost.shape == boards.rules.product.shape


def test_stacked_boards_keep_their_rules():
    """Every graph still has its own tables and classes, behind them there are zeros."""
    boards = [make_board(program(0)), make_board(array_graph())]
    stacked = stack_boards(boards)
    for index, board in enumerate(boards):
        rules = stacked.rules
        for whole, part in (
            (rules.product, board.rules.product),
            (rules.cost, board.rules.cost),
            (rules.classes.later, board.rules.classes.later),
            (rules.classes.earlier, board.rules.classes.earlier),
            (rules.classes.cost, board.rules.classes.cost),
        ):
            own = tuple(map(slice, part.shape))
            assert whole.dtype == part.dtype and np.array_equal(whole[index][own], part)
            assert np.count_nonzero(whole[index]) == np.count_nonzero(part)


@given(seed=st.integers(0, 2**20), size=st.integers(1, 30), distinct=st.integers(1, 12))
def test_classes_have_the_costs_of_their_members(seed, size, distinct):
    """Tables with repeated rows and columns shrink to the distinct ones, "no edge" first."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 4, (distinct, distinct))
    small[0] = small[:, 0] = 0
    cost = small[np.ix_(*rng.integers(0, distinct, (2, size)))]
    cost[0] = cost[:, 0] = 0
    classes = merge_costs(cost)
    assert np.array_equal(classes.cost[np.ix_(classes.later, classes.earlier)], cost)
    assert classes.later[0] == classes.earlier[0] == 0
    assert not classes.cost[0].any() and not classes.cost[:, 0].any()
    assert classes.later.max() + 1 == len(np.unique(cost, axis=0))
    assert classes.earlier.max() + 1 == len(np.unique(cost, axis=1).T)


def test_class_tables_have_few_sizes():
    """Powers of two up to 8, then multiples of 8; scalars need two classes, free graphs one."""

    def table_size(size):
        return merge_costs(np.diag(np.arange(size))).cost.shape

    sizes = [1, 2, 3, 5, 8, 9, 16, 17]
    assert [table_size(size) for size in sizes] == [(n, n) for n in (2, 2, 4, 8, 8, 16, 16, 24)]
    assert make_board(program(0)).rules.classes.cost.tolist() == [[0.0, 0.0], [0.0, 1.0]]
    free = make_board(scalar_graph(1, 1, [], (1,)))
    assert free.rules.classes.cost.shape == (2, 2) and not free.rules.classes.cost.any()


def test_padded_boards_keep_their_classes():
    """Structures that do not occur are in the class of "no edge"."""
    board = make_board(array_graph())
    size = len(board.rules.cost)
    classes = pad_board(board, len(board.start.remaining), size + 5).rules.classes
    assert np.array_equal(classes.cost, board.rules.classes.cost)
    for padded, own in zip(classes[:2], board.rules.classes[:2], strict=True):
        assert np.array_equal(padded, np.pad(own, (0, 5)))


def test_too_many_structures():
    """The limit is named, and what to do."""
    with pytest.raises(StructureLimitError, match=r"more than 3 edge structures.*raise the limit"):
        make_board(array_graph(), max_structures=3)


def test_levels():
    """Depth and height are shares of the longest path, here 0 -> 1 -> 2 -> 3 with a shortcut."""
    board = make_board(scalar_graph(1, 3, [(0, 1), (1, 2), (2, 3), (0, 3)], (3,)))
    assert board.nodes.depth[:4] == pytest.approx([0.0, 1 / 3, 2 / 3, 1.0])
    assert board.nodes.height[:4] == pytest.approx([1.0, 2 / 3, 1 / 3, 0.0])
