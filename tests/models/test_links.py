"""Records of edges: made, copied and enlarged."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from elimax.models import compiled_game
from elimax.models.links import copy_links, grown_links, make_links
from support.compiled_links import edges_of

NUM_NODES = 9
EDGES = st.dictionaries(
    st.tuples(st.integers(0, NUM_NODES - 1), st.integers(0, NUM_NODES - 1)), st.integers(1, 300)
)


def rows(edges: dict[tuple[int, int], int]) -> np.ndarray:
    """Edges as `make_links` takes them."""
    return np.array([(*pair, number) for pair, number in edges.items()], np.int32).reshape(-1, 3)


@given(edges=EDGES, spare=st.integers(0, 5))
def test_made_links_hold_the_edges(edges, spare):
    """Whether there are records to spare or not."""
    capacity = max(1, len(edges) + spare)
    links = make_links(rows(edges), NUM_NODES, capacity)
    assert edges_of(links) == edges
    assert links.free[compiled_game.NUM_FREE] == capacity - len(edges)
    assert [array.dtype for array in (links.pred, links.structure, links.slots)] == [
        np.int32,
        np.int16,
        np.int32,
    ]


@pytest.mark.parametrize("num_nodes", [0, 4])
def test_no_edges(num_nodes):
    """A graph without edges has nothing but room."""
    links = make_links(rows({}), num_nodes, 3)
    assert edges_of(links) == {}
    assert edges_of(grown_links(links)) == {}


@pytest.mark.parametrize("capacity", [1, 2, 3, 4, 5, 8, 9, 1000])
def test_slots_are_at_most_half_full(capacity):
    """Their number is a power of two, at least twice that of records, less than four times."""
    size = make_links(rows({}), 2, capacity).slots.size
    assert size & (size - 1) == 0
    assert 2 * capacity <= size < 4 * capacity


@given(edges=EDGES)
def test_copies_share_nothing(edges):
    """What is written to a copy is not seen by the graph."""
    links = make_links(rows(edges), NUM_NODES, len(edges) + 1)
    copy = copy_links(links)
    assert edges_of(copy) == edges
    assert not any(np.shares_memory(a, b) for a, b in zip(copy, links, strict=True))
    compiled_game.put_edge(copy, 0, 0, 777)
    assert edges_of(links) == edges
    assert edges_of(copy) == edges | {(0, 0): 777}


@given(edges=EDGES, gone=st.sets(st.integers(0, 30)), more=EDGES)
def test_growth_keeps_edges_and_free_records(edges, gone, more):
    """Records in use keep their numbers, also if some were given back; all others can be used."""
    capacity = max(1, len(edges))
    links = make_links(rows(edges), NUM_NODES, capacity)
    kept = dict(edges)
    for k, pair in enumerate(edges):
        if k in gone:
            compiled_game._drop_edge(links, *pair)
            del kept[pair]
    grown = grown_links(links)
    assert edges_of(grown) == kept == edges_of(links)
    assert np.array_equal(grown.pred[:capacity], links.pred)
    assert grown.pred.size == 2 * capacity
    assert grown.free[compiled_game.NUM_FREE] == 2 * capacity - len(kept)
    room = 2 * capacity - len(kept)
    new = dict([edge for edge in more.items() if edge[0] not in kept][:room])
    compiled_game.put_edges(grown, rows(new))
    assert edges_of(grown) == kept | new
