"""Rows play like whole tables, position by position."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from model_graphs import array_graph, fork_graph, program

from models.boards import make_board, stack_boards
from models.game import eliminate
from models.row_play import play_rows


@pytest.mark.parametrize("count", ["all", pytest.param("nontrivial", marks=pytest.mark.slow)])
def test_every_position_is_that_of_the_tables(count):
    """Episode k plays the first k moves of an order of its graph: their ends are all positions."""
    graphs = (array_graph(), fork_graph(), program(2, 20))
    boards = stack_boards([make_board(graph, count) for graph in graphs])
    moves = int(boards.start.remaining.sum(axis=1).max())
    rng = np.random.default_rng(0)
    for index in range(len(graphs)):
        board = jax.tree.map(lambda array, index=index: jnp.asarray(array[index]), boards)
        order = rng.permutation(np.flatnonzero(board.start.remaining))
        order = np.pad(order, (0, moves - len(order))).astype(np.int32)
        is_legal = np.arange(moves) < int(board.start.remaining.sum())
        is_played = np.tri(moves + 1, moves, -1, dtype=bool) & is_legal
        edges, cost = jax.jit(play_rows)(
            boards.rules,
            boards.nodes.is_output,
            jnp.full(moves + 1, index),
            jnp.broadcast_to(board.start.edges, (moves + 1, *board.start.edges.shape)),
            jnp.broadcast_to(order, (moves + 1, moves)),
            is_played,
        )
        state = board.start
        for move in range(moves):
            assert np.array_equal(state.edges, edges[move])
            step = jax.jit(eliminate)(board.rules, board.nodes, state, order[move], is_legal[move])
            state = step[0]
            assert (np.asarray(cost[move + 1 :, move]) == step[1]).all()
            assert not cost[: move + 1, move].any()
        assert np.array_equal(state.edges, edges[moves])
