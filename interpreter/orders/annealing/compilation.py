"""Whether the search over orders can run, and a word to the user when it must be compiled first.

numba keeps what it compiled in a cache folder, so that this happens once on a machine; where no
folder can be written, once in every process.
"""

import functools
import logging
import warnings
from pathlib import Path
from typing import Any

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.structure import Kind, edge_structure
from elimax.interpreter.orders.annealing.state import Schedule, Weights

_LOGGER = logging.getLogger("elimax")


@functools.cache
def can_anneal() -> bool:
    """Loads the compiled search, so that what is timed afterwards has no compilation in it.

    Returns:
        Whether it is there. It is part of every complete installation.

    Warns:
        UserWarning: If numba is missing or cannot be loaded.
    """
    try:
        from elimax.interpreter.orders.annealing.chain import Chain
        from elimax.interpreter.orders.annealing.compiled import walk_on
    except ImportError as error:
        warnings.warn(
            f"orders are not annealed, numba cannot be loaded: {error}. Install elimax with its "
            "dependencies",
            stacklevel=2,
        )
        return False
    if not _was_compiled(walk_on):
        _LOGGER.warning(
            "compiling the search over elimination orders, about 5 s: once on a machine with a "
            "cache folder that numba can write to, else in every process"
        )
    scalar = edge_structure((), (), (), (), Kind.GENERAL)
    edges = {(0, 1): scalar, (1, 2): scalar, (2, 3): scalar}
    graph = ComputationalGraph(1, ((),) * 4, ("sin",) * 3, (3,), edges)
    Chain(graph, (1, 2), Weights(1), seed=0).walk(1, Schedule(1.0, 1.0, 1))
    return True


def _was_compiled(function: Any) -> bool:
    """Whether numba has kept the code of a function; it looks again itself, and more closely."""
    folder = Path(function.stats.cache_path or "")
    return function.stats.cache_path is not None and any(
        folder.glob(f"*{function.py_func.__name__}*.nbi")
    )
