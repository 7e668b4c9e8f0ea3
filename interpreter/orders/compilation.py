"""Compiles the order search beside everything else, so that nobody waits for it unasked.

numba keeps what it compiled in a cache folder. Then this takes some tenths of a second in every
process that wants a search; the very first time on a machine it takes about ten seconds.
"""

import functools
import threading
import time
import warnings

from interpreter.graph import ComputationalGraph
from interpreter.orders.annealing_state import Schedule
from interpreter.structure import Kind, edge_structure


def is_compiled(patience: float) -> bool:
    """Tells whether the search can start at once; begins to compile it if nobody did.

    Args:
        patience: Seconds to wait for it, counted from when it was begun.

    Returns:
        Whether it is compiled by then. Never, if numba cannot be loaded.
    """
    thread, began = _compilation()
    thread.join(max(0.0, began + patience - time.monotonic()))
    return not thread.is_alive() and not _FAILED


_FAILED: list[ImportError] = []


@functools.cache
def _compilation() -> tuple[threading.Thread, float]:
    """The thread that compiles, and when it was started."""
    thread = threading.Thread(target=_compile, name="elimax-compilation")
    thread.start()
    return thread, time.monotonic()


def _compile() -> None:
    scalar = edge_structure((), (), (), (), Kind.GENERAL)
    edges = {(0, 1): scalar, (1, 2): scalar, (2, 3): scalar}
    graph = ComputationalGraph(1, ((),) * 4, ("sin",) * 3, (3,), edges)
    try:
        # Imports numba. One chain without a pool: at the end of a process no pool can be started.
        from interpreter.orders.chain import Chain

        Chain(graph, (1, 2), weights=(1, 0), seed=0).walk(1, Schedule(1.0, 1.0, 1))
    except ImportError as error:
        _FAILED.append(error)
        warnings.warn(f"orders are not annealed, numba cannot be loaded: {error}", stacklevel=1)
