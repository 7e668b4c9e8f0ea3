"""Batches that are made ahead: in order, a few at a time, and errors where they belong."""

import itertools
import threading

import pytest

from elimax.models.prefetching import AHEAD, prefetched


def test_results_are_in_order():
    """Whatever a batch takes, also where there are fewer than are made ahead."""
    for number in (0, 1, AHEAD, 20):
        assert list(prefetched(lambda x: 3 * x, range(number))) == [3 * x for x in range(number)]


def test_all_is_made_in_one_other_thread():
    """Random numbers of one batch after the other come from one place."""
    threads = set(prefetched(lambda _: threading.get_ident(), range(10)))
    assert len(threads) == 1 and threading.get_ident() not in threads


def test_a_few_ahead_and_no_more():
    """Items without end can be mapped; so many are taken as are made ahead."""
    asked: list[int] = []

    def items():
        for number in itertools.count():
            asked.append(number)
            yield number

    results = prefetched(str, items())
    assert [next(results) for _ in range(3)] == ["0", "1", "2"]
    assert asked == list(range(3 + AHEAD))


def test_the_next_batch_is_made_while_one_is_used():
    """The maker gets as far as item 2 although nobody asks for it."""
    reached = threading.Event()

    def make(number: int) -> int:
        if number == 2:
            reached.set()
        return number

    results = prefetched(make, range(10))
    assert next(results) == 0
    assert reached.wait(timeout=60)


def test_an_error_comes_with_its_batch():
    """The batches before it are good; after it there are none."""

    def make(number: int) -> int:
        if number == 2:
            raise RuntimeError("no batch 2")
        return number

    results = prefetched(make, range(10))
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(RuntimeError, match="no batch 2"):
        next(results)
    assert list(results) == []
