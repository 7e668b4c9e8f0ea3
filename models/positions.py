"""Records of what the policy sees: the first position of a game, and positions along it."""

from typing import Any, NamedTuple

import numpy as np


class Start(NamedTuple):
    """The first position as the policy's encoder sees it: N nodes, S structures, E edges.

    Attributes:
        nodes: float32[N, F], start features and then local features.
        edges: int32[E, 3], predecessor, successor and structure (from 1) of every edge, sorted by
            successor, then by predecessor.
        structures: float32[S + 1, number of `features.STRUCTURE`]; row 0 is for "no edge".
    """

    nodes: np.ndarray
    edges: np.ndarray
    structures: np.ndarray


class Positions(NamedTuple):
    """Positions of a game as the policy's head sees them, T of them, padded to M nodes.

    Attributes:
        local: float32[T, M, F].
        adjacency: bool[T, M, M], edges [successor, predecessor] between vertices that remain.
        remains: bool[T, M].
        position: float32[T, P].
    """

    local: Any
    adjacency: Any
    remains: Any
    position: Any
