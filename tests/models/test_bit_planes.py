"""Bits play like tables, position by position."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from model_graphs import fork_graph, program

from models.bit_planes import eliminate_in_planes, pack_planes, unpack_planes
from models.boards import make_board, pad_board, stack_boards
from models.game import eliminate
from models.structure_classes import merge_boards


@given(seed=st.integers(0, 1000), nodes=st.integers(1, 70), count=st.integers(1, 3))
def test_packing_is_undone(seed, nodes, count):
    """Any number of nodes, any number of classes."""
    classes = np.random.default_rng(seed).integers(0, count + 1, (2, nodes, nodes))
    planes = pack_planes(classes, count)
    assert len(planes) == count and planes[0].shape == (2, -(-nodes // 32), nodes)
    assert np.array_equal(unpack_planes(planes), classes)


def test_bit_of_an_edge():
    """The edge from node 33 to node 2 is bit 1 of word 1 of column 2."""
    classes = np.zeros((40, 40), np.int32)
    classes[2, 33] = 1
    (plane,) = pack_planes(classes, 1)
    assert plane[1, 2] == 2 and plane.sum() == 2


_eliminate = jax.jit(eliminate)
_eliminate_in_planes = partial(jax.jit, static_argnames="rule")(eliminate_in_planes)


@pytest.mark.parametrize("count", ["all", "nontrivial"])
@pytest.mark.parametrize("graph", [fork_graph(), *(program(seed, 40) for seed in range(4))])
def test_every_position_is_that_of_the_tables(graph, count):
    """After every move of a random order, one illegal move among them, classes and costs agree."""
    board = pad_board(make_board(graph, count), 64, 4)
    merged = merge_boards(stack_boards([board]))
    assert merged is not None
    (classes,), rule = merged
    state = jax.tree.map(jnp.asarray, board.start)
    planes = tuple(map(jnp.asarray, pack_planes(classes[board.start.edges], len(rule.cost) - 1)))
    rng = np.random.default_rng(0)
    for move, node in enumerate(rng.permutation(np.flatnonzero(board.start.remaining))):
        is_played = move != 3
        state, cost = _eliminate(board.rules, board.nodes, state, node, is_played)
        planes, again = _eliminate_in_planes(rule, planes, node, is_played, board.nodes.is_output)
        assert cost == again
        assert np.array_equal(classes[np.asarray(state.edges)], unpack_planes(planes))
