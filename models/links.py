"""Records of a graph's edges: making them, copying them for a game, adding more."""

import numpy as np

from elimax.models import compiled_game
from elimax.models.game_state import Links


def make_links(edges: np.ndarray, num_nodes: int, capacity: int) -> Links:
    """Builds the records of a graph.

    Args:
        edges: int32[E, 3], predecessor, successor and structure of every edge.
        num_nodes: N.
        capacity: Number of records, at least E.

    Returns:
        The graph.
    """
    pred, succ, next_in, prev_in, next_out, prev_out = np.full((6, capacity), -1, np.int32)
    next_out[:-1] = np.arange(1, capacity)
    first_in, first_out = np.full((2, num_nodes), -1, np.int32)
    in_degree, out_degree = np.zeros((2, num_nodes), np.int32)
    links = Links(
        pred,
        succ,
        np.zeros(capacity, np.int16),
        next_in,
        prev_in,
        next_out,
        prev_out,
        first_in,
        first_out,
        in_degree,
        out_degree,
        _slots(capacity),
        np.array([0, capacity], np.int64),
    )
    compiled_game.put_edges(links, edges)
    return links


def copy_links(links: Links) -> Links:
    """Copies a graph, so that a game may change it.

    Args:
        links: The graph.

    Returns:
        The copy.
    """
    return Links(*(array.copy() for array in links))


def grown_links(links: Links) -> Links:
    """Doubles the number of records; those in use keep their numbers.

    Args:
        links: The graph.

    Returns:
        The same graph with room for more edges.
    """
    size = links.pred.size
    named = links._asdict()
    per_record = ("pred", "succ", "structure", "next_in", "prev_in", "next_out", "prev_out")
    for name in per_record:
        named[name] = np.concatenate([named[name], np.full(size, -1, named[name].dtype)])
    named["next_out"][size : 2 * size - 1] = np.arange(size + 1, 2 * size)
    # The list of free records begins with the new ones and goes on with those free before.
    named["next_out"][2 * size - 1] = links.free[0]
    named["free"] = np.array([size, links.free[1] + size], np.int64)
    named["slots"] = _slots(2 * size)
    grown = Links(**named)
    compiled_game.fill_slots(grown)
    return grown


def _slots(capacity: int) -> np.ndarray:
    """Empty slots, at least twice as many as records."""
    return np.full(1 << (2 * capacity - 1).bit_length(), -1, np.int32)
