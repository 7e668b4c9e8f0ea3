"""Work that several processes share: each does its part, and all get all results.

The results are the same for any number of processes, so that a training does not depend on where it
runs. With one process there are only its threads.
"""

import concurrent.futures
import os
import pickle
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import jax
import numpy as np

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_threads(function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """Maps a function in as many threads as there are processors.

    Args:
        function: Mostly compiled code without the GIL, so that threads do not wait for each other.
        items: Its arguments.

    Returns:
        The results, in the order of the items.
    """
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(function, items))


def in_processes(function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """Maps a function in the threads of all processes of `jax.distributed`.

    Args:
        function: Mostly compiled code; its results do not depend on the process.
        items: Its arguments, the same in every process.

    Returns:
        The results, in the order of the items, in every process.
    """
    number, index = jax.process_count(), jax.process_index()
    parts = _exchanged(in_threads(function, items[index::number]))
    results: list[Any] = [None] * len(items)
    for k, part in enumerate(parts):
        results[k::number] = part
    return results


def wait_for_all(name: str) -> None:
    """Waits until all processes have reached this call.

    Args:
        name: Name of the barrier, the same in every process.
    """
    if jax.process_count() > 1:
        from jax.experimental import multihost_utils

        multihost_utils.sync_global_devices(name)


def _exchanged(part: list[Any]) -> list[list[Any]]:
    """The parts of all processes."""
    if jax.process_count() == 1:
        return [part]
    from jax.experimental.multihost_utils import process_allgather

    # Pickled parts differ in size, but only arrays of one size can be gathered. Unpickling is safe:
    # the bytes come from processes of the same run.
    ours = np.frombuffer(pickle.dumps(part), np.uint8)
    sizes = np.asarray(process_allgather(np.array([len(ours)], np.int32))).ravel()
    padded = np.zeros(sizes.max(), np.uint8)
    padded[: len(ours)] = ours
    rows = np.asarray(process_allgather(padded)).reshape(len(sizes), -1)
    return [
        pickle.loads(row[:size].tobytes()) for row, size in zip(rows, sizes.tolist(), strict=True)
    ]
