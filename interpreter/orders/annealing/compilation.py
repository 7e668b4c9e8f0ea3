"""Whether annealing can run, and a log line when it must be compiled first.

numba keeps compiled code in a cache folder, so this happens once per machine, or once per process
where no folder can be written.
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
    """Loads the compiled search, so that times measured afterwards include no compilation.

    Returns:
        Whether it could be loaded; every complete installation has it.

    Warns:
        UserWarning: If numba is missing or cannot be loaded.
    """
    try:
        from elimax.interpreter.orders.annealing.chain import Chain
        from elimax.interpreter.orders.annealing.compiled import walk_on
    except ImportError as error:
        warnings.warn(
            f"orders are not annealed because numba cannot be loaded ({error}): install elimax "
            "with its dependencies",
            stacklevel=2,
        )
        return False
    if not _was_compiled(walk_on):
        _LOGGER.warning(
            "compiling the search over elimination orders, about 5 s: once per machine where numba "
            "can write to a cache folder, else once per process"
        )
    # The smallest search: numba compiles a function when it is first called.
    scalar = edge_structure((), (), (), (), Kind.GENERAL)
    edges = {(0, 1): scalar, (1, 2): scalar, (2, 3): scalar}
    graph = ComputationalGraph(1, ((),) * 4, ("sin",) * 3, (3,), edges)
    Chain(graph, (1, 2), Weights(1), seed=0).walk(1, Schedule(1.0, 1.0, 1))
    return True


def _was_compiled(function: Any) -> bool:
    """Whether numba seems to have cached a function; numba itself looks more closely."""
    folder = Path(function.stats.cache_path or "")
    return function.stats.cache_path is not None and any(
        folder.glob(f"*{function.py_func.__name__}*.nbi")
    )
