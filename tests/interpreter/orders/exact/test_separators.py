"""Lightest separators against trying every set of nodes."""

import itertools

import hypothesis.strategies as st
from hypothesis import given, settings

from elimax.interpreter.orders.exact.separators import smallest_separator


def lightest_by_trial(neighbours, first, ends, weights) -> int:
    """The least weight of a set of nodes without which no end is found."""

    def separates(taken: set[int]) -> bool:
        found, waiting = set(), [u for u in first if u not in taken]
        while waiting:
            u = waiting.pop()
            if u not in found:
                found.add(u)
                waiting += [w for w in neighbours[u] if w not in taken]
        return found.isdisjoint(ends)

    nodes = range(len(neighbours))
    sets = itertools.chain.from_iterable(
        itertools.combinations(nodes, size) for size in range(len(nodes) + 1)
    )
    return min(sum(weights[u] for u in taken) for taken in map(set, sets) if separates(taken))


@given(st.data())
@settings(max_examples=120)
def test_all_sets_of_nodes(data):
    """Any graph of seven nodes, first nodes that are ends, and weights that may be zero."""
    nodes = st.integers(0, 6)
    neighbours = [data.draw(st.sets(nodes, max_size=3)) for _ in range(7)]
    first, ends = data.draw(st.sets(nodes, max_size=4)), data.draw(st.sets(nodes, max_size=4))
    weights = data.draw(st.lists(st.integers(0, 3), min_size=7, max_size=7))
    expected = lightest_by_trial(neighbours, first, ends, weights)
    assert smallest_separator(neighbours, first, ends, weights.__getitem__) == expected


def test_flow_is_sent_back():
    """The shortest way 0 -> 2 -> 4 blocks the second one unless it is taken apart again."""
    neighbours = [{2}, {2, 3}, {4, 5}, {4}, set(), set()]
    assert smallest_separator(neighbours, [0, 1], {4, 5}, lambda node: 1) == 2


def test_no_way():
    """Nothing needs to be separated."""
    assert smallest_separator([set(), set()], [0], {1}, lambda node: 1) == 0
    assert smallest_separator([set(), set()], [], {1}, lambda node: 1) == 0
