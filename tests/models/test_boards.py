"""Boards hold what the game needs of a graph, and nothing more."""

import pytest
from model_graphs import array_graph, program, scalar_graph

from interpreter.counting import count_multiplications
from interpreter.errors import StructureLimitError
from interpreter.orders import CLASSIC, PORTFOLIO
from models.boards import bucket_size, make_board, normalising_cost, stack_boards


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


def test_too_many_structures():
    """The limit is named, and what to do."""
    with pytest.raises(StructureLimitError, match=r"more than 3 edge structures.*raise the limit"):
        make_board(array_graph(), max_structures=3)


def test_levels():
    """Depth and height are shares of the longest path, here 0 -> 1 -> 2 -> 3 with a shortcut."""
    board = make_board(scalar_graph(1, 3, [(0, 1), (1, 2), (2, 3), (0, 3)], (3,)))
    assert board.nodes.depth[:4] == pytest.approx([0.0, 1 / 3, 2 / 3, 1.0])
    assert board.nodes.height[:4] == pytest.approx([1.0, 2 / 3, 1 / 3, 0.0])
