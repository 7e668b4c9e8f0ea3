"""Makes the next batches while the optimiser works on the present one."""

import collections
import concurrent.futures
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")
Batch = TypeVar("Batch")

AHEAD = 3
"""Number of batches that are made before they are asked for."""


def prefetched(make: Callable[[Item], Batch], items: Iterable[Item]) -> Iterator[Batch]:
    """Maps a function in another thread, a few items ahead of the caller.

    Args:
        make: The function.
        items: Its arguments.

    Yields:
        The results, in the order of the items.
    """
    waiting: collections.deque[concurrent.futures.Future[Batch]] = collections.deque()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        for item in items:
            waiting.append(pool.submit(make, item))
            if len(waiting) > AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
