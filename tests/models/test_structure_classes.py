"""Structures that play alike are merged, and nothing else is."""

import itertools

import numpy as np
import pytest
from model_graphs import array_graph, program, scalar_graph

from models import structure_classes
from models.boards import make_board, stack_boards
from models.structure_classes import merge_boards


def test_scalar_edges_are_one_class_or_two():
    """Products by ones cost like others in one count, and are free in the other."""
    for count, size in (("all", 2), ("nontrivial", 3)):
        merged = merge_boards(stack_boards([make_board(program(0), count)]))
        assert merged is not None
        classes, rule = merged
        assert len(rule.cost) == size
        assert set(classes.ravel()) == set(range(size))
        assert rule.cost[-1][-1] == 1 and sum(map(sum, rule.cost)) == 1


@pytest.mark.parametrize("count", ["all", "nontrivial"])
@pytest.mark.parametrize("graph", [program(1), array_graph()])
def test_classes_follow_the_tables(monkeypatch, graph, count):
    """The class of a product and of a sum, and what it costs, are those of the members."""
    monkeypatch.setattr(structure_classes, "MAX_REACHED", 100)
    monkeypatch.setattr(structure_classes, "MAX_CLASSES", 100)
    board = make_board(graph, count)
    merged = merge_boards(stack_boards([board]))
    assert merged is not None
    (classes,), rule = merged
    # Class 0 beside "no edge" is what this board never reaches.
    reached = [0, *np.flatnonzero(classes)]
    assert {int(edge) for edge in board.start.edges.ravel()} <= {int(x) for x in reached}
    for later, earlier in itertools.product(reached, repeat=2):
        pair = classes[later], classes[earlier]
        tables = zip(rule, board.rules[:3], strict=True)
        product, total, cost = [
            (small[pair[0]][pair[1]], large[later, earlier]) for small, large in tables
        ]
        assert product[0] == classes[product[1]] and total[0] == classes[total[1]]
        assert cost[0] == cost[1]


def test_boards_of_one_rule_are_numbered_alike():
    """A graph of general edges alone plays by a part of the rule of one that has ones, too."""
    general = scalar_graph(1, 2, [(0, 1), (1, 2)], (2,))
    boards = [make_board(graph, "nontrivial") for graph in (general, program(0))]
    merged = merge_boards(stack_boards(boards))
    assert merged is not None
    classes, rule = merged
    number = int(classes[0, int(boards[0].start.edges.max())])
    assert len(rule.cost) == 3 and rule.cost[number][number] == 1


def test_boards_without_a_common_rule():
    """An edge that costs 1 and one that costs 5 are not played by one rule of bits."""
    boards = stack_boards([make_board(program(0)), make_board(program(1))])
    dearer = boards.rules.cost.copy()
    dearer[1] *= 5
    assert merge_boards(boards) is not None
    assert merge_boards(boards._replace(rules=boards.rules._replace(cost=dearer))) is None


def test_too_many_structures_or_none():
    """Graphs of arrays keep their tables, and so do boards without an edge."""
    assert merge_boards(stack_boards([make_board(array_graph())])) is None
    assert merge_boards(stack_boards([make_board(scalar_graph(1, 1, [], (1,)))])) is None
