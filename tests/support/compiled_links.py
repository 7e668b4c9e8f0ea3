"""The records of a graph's edges as plain dictionaries, checked on the way."""

import numpy as np

from elimax.models import compiled_game
from elimax.models.game_state import Links

Edges = dict[tuple[int, int], int]


def edges_of(links: Links) -> Edges:
    """Structures by (predecessor, successor); asserts that lists, degrees and hash table agree."""
    by_pred = _walk(links, links.first_out, links.next_out, links.prev_out)
    by_succ = _walk(links, links.first_in, links.next_in, links.prev_in)
    assert sorted(by_pred) == sorted(by_succ)
    assert sorted(links.slots[links.slots >= 0].tolist()) == sorted(by_pred)
    edges: Edges = {}
    for record in by_pred:
        pred, succ = int(links.pred[record]), int(links.succ[record])
        assert links.slots[compiled_game._slot_of(links, pred, succ)] == record
        edges[pred, succ] = int(links.structure[record])
    assert len(edges) == len(by_pred)
    for end, degrees in enumerate((links.out_degree, links.in_degree)):
        found = np.bincount([edge[end] for edge in edges], minlength=len(degrees))
        assert degrees.tolist() == found.astype(int).tolist()
    assert sorted(by_pred + _free_records(links)) == list(range(links.pred.size))
    return edges


def _walk(links: Links, first: np.ndarray, after: np.ndarray, before: np.ndarray) -> list[int]:
    """All records of the lists of one kind; asserts that each points back to the one before."""
    found = []
    for start in first.tolist():
        previous, record = -1, start
        while record >= 0:
            assert before[record] == previous
            assert links.succ[record] >= 0
            found.append(record)
            previous, record = record, int(after[record])
    return found


def _free_records(links: Links) -> list[int]:
    """The records that are not in use, from the first one on."""
    found, record = [], int(links.free[compiled_game.FIRST_FREE])
    for _ in range(int(links.free[compiled_game.NUM_FREE])):
        found.append(record)
        record = int(links.next_out[record])
    return found
