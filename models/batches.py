"""Positions of several games as one batch, padded so that only a few sizes are ever compiled.

Letters: G games, T positions of each, M nodes after padding, S rows of a table of structures after
padding.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from elimax.models.features import LOCAL, START, STRUCTURE
from elimax.models.game import Game
from elimax.models.policy import Policy
from elimax.models.positions import Positions, Start

SIZES = (32, 48, 64, 96, 128, 160, 192, 256, 320, 384, 512, 768, 1024)
"""Numbers of nodes that batches are padded to; above these, multiples of 512."""

_TABLES = (64, 512)
_LARGE = 512


class Boards(NamedTuple):
    """First positions, as the arguments of `policy.Encoder`.

    Attributes:
        features: float32[G, M, F].
        structure: int16[G, M, M].
        table: float32[G, S, number of `STRUCTURE`].
        present: bool[G, M].
    """

    features: Any
    structure: Any
    table: Any
    present: Any


def padded_size(num_nodes: int) -> int:
    """Rounds a number of nodes up to one that batches are padded to.

    Args:
        num_nodes: Number of nodes.

    Returns:
        The next of `SIZES`, or the next multiple of 512.
    """
    for size in SIZES:
        if num_nodes <= size:
            return size
    return -(-num_nodes // _LARGE) * _LARGE


def stack_boards(starts: Sequence[Start]) -> Boards:
    """Pads first positions to one size.

    Args:
        starts: The first positions, at least one.

    Returns:
        Numpy arrays.
    """
    size = padded_size(max(len(start.nodes) for start in starts))
    rows = max(len(start.structures) for start in starts)
    rows = next((table for table in _TABLES if rows <= table), -(-rows // _LARGE) * _LARGE)
    num = len(starts)
    boards = Boards(
        np.zeros((num, size, len(START) + len(LOCAL)), np.float32),
        np.zeros((num, size, size), np.int16),
        np.zeros((num, rows, len(STRUCTURE)), np.float32),
        np.zeros((num, size), np.bool_),
    )
    for k, start in enumerate(starts):
        nodes = len(start.nodes)
        boards.features[k, :nodes] = start.nodes
        pred, succ, structure = start.edges.T
        boards.structure[k, succ, pred] = structure
        boards.table[k, : len(start.structures)] = start.structures
        boards.present[k, :nodes] = True
    return boards


def stack_positions(
    games: Sequence[tuple[Game, np.ndarray, Sequence[int]]], size: int
) -> Positions:
    """Computes positions of several games.

    Args:
        games: For each, the game, its int32[V] nodes in the order of their elimination, and the
            numbers of moves before its positions, ascending, T of them for every game.
        size: M.

    Returns:
        Numpy arrays with leading axes [G, T].
    """
    return _stacked([game.positions(nodes, moves, size) for game, nodes, moves in games])


def _stacked(parts: Sequence[Positions]) -> Positions:
    return Positions(*(np.stack(arrays) for arrays in zip(*parts, strict=True)))


def logits(policy: Policy, boards: Boards, positions: Positions) -> jax.Array:
    """Scores all positions of a batch.

    Args:
        policy: The policy.
        boards: G first positions.
        positions: Arrays with leading axes [G, T].

    Returns:
        float32[G, T, M] logits, `policy.FORBIDDEN` for nodes that may not be chosen.
    """
    encoding = jax.vmap(policy.encoder)(*boards)
    of_game = jax.vmap(policy.head, (None, 0, 0, 0, 0))
    return jax.vmap(of_game)(encoding, *positions)
