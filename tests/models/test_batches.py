"""Boards and positions of several games in one batch."""

import jax
import numpy as np
import pytest

from elimax.models.batches import (
    SIZES,
    logits,
    padded_size,
    stack_boards,
    stack_positions,
)
from elimax.models.features import LOCAL, POSITION, START, STRUCTURE
from elimax.models.game import Game
from elimax.models.policy import FORBIDDEN
from elimax.models.positions import Start
from support.model_graphs import (
    array_graph,
    fork_graph,
    positions_logits,
    program,
    scalar_graph,
    shaken_policy,
)


def moves_of(game: Game) -> np.ndarray:
    """Moves of a game in ascending order."""
    return game.moves(game.graph.eliminable)


def test_padded_sizes():
    """The next size that is compiled; above the largest, multiples of 512."""
    sizes = [0, 1, 32, 33, 48, 49, 1024, 1025, 1536, 1537]
    assert [padded_size(n) for n in sizes] == [32, 32, 32, 48, 48, 64, 1024, 1536, 1536, 2048]
    assert list(SIZES) == sorted(set(SIZES))
    assert all(padded_size(size) == size for size in SIZES)


@pytest.mark.parametrize(("rows", "padded"), [(1, 64), (64, 64), (65, 512), (513, 1024)])
def test_tables_have_few_sizes(rows, padded):
    """64 or 512 rows, then multiples of 512."""
    start = Game(fork_graph()).start
    table = np.ones((rows, len(STRUCTURE)), np.float32)
    found = stack_boards([start, start._replace(structures=table)]).table
    assert found.shape == (2, padded, len(STRUCTURE))
    assert np.all(found[1, :rows] == 1.0) and not found[1, rows:].any()


def test_boards_hold_their_graphs():
    """Graphs of scalars and of arrays in one batch, each behind its own padding."""
    starts = [Game(graph).start for graph in (program(0, 40), array_graph(), fork_graph())]
    boards = stack_boards(starts)
    size = padded_size(max(len(start.nodes) for start in starts))
    assert size > 32
    assert boards.features.shape == (3, size, len(START) + len(LOCAL))
    for k, start in enumerate(starts):
        num = len(start.nodes)
        assert np.array_equal(boards.features[k, :num], start.nodes)
        assert not boards.features[k, num:].any()
        assert np.flatnonzero(boards.present[k]).tolist() == list(range(num))
        written = {
            (int(pred), int(succ), int(boards.structure[k, succ, pred]))
            for succ, pred in np.argwhere(boards.structure[k])
        }
        assert written == set(map(tuple, start.edges.tolist()))


def test_positions_of_several_games():
    """Leading axes are games and positions; each is what its game shows alone."""
    games = [Game(program(1, 14)), Game(array_graph())]
    drawn = [
        (game, moves_of(game), moves) for game, moves in zip(games, ([0, 2], [1, 4]), strict=True)
    ]
    found = stack_positions(drawn, 48)
    assert found.local.shape == (2, 2, 48, len(LOCAL))
    assert found.adjacency.shape == (2, 2, 48, 48)
    assert found.remains.shape == (2, 2, 48)
    assert found.position.shape == (2, 2, len(POSITION))
    for k, (game, nodes, moves) in enumerate(drawn):
        for whole, alone in zip(found, game.positions(nodes, moves, 48), strict=True):
            assert np.array_equal(whole[k], alone)


def test_logits_of_a_batch_are_those_of_every_game():
    """Nobody sees another game, nor its structures."""
    policy = shaken_policy()
    games = [Game(program(1, 14)), Game(array_graph())]
    batch = stack_positions([(game, moves_of(game), [0, 3]) for game in games], 32)
    found = jax.jit(logits)(policy, stack_boards([game.start for game in games]), batch)
    assert found.shape == (2, 2, 32)
    for k, game in enumerate(games):
        num = len(game.start.nodes)
        alone = positions_logits(policy, game, moves_of(game), [0, 3])
        np.testing.assert_allclose(found[k, :, :num], alone, rtol=1e-4, atol=1e-5)
        assert np.all(found[k, :, num:] == FORBIDDEN)


def test_boards_without_edges():
    """Graphs with nothing to see are padding from end to end."""
    empty = Game(scalar_graph(2, 2, [], (3,))).start
    boards = stack_boards([empty])
    assert isinstance(empty, Start) and boards.features.shape[1] == 32
    assert not any(array.any() for array in boards)
