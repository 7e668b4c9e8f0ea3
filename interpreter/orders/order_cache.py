"""A cache of the orders that "auto" has found, in memory and in files; it never changes an order.

A graph with the same fingerprint and the same wanted blocks gets the same order again at once.
The last `MAX_IN_MEMORY` orders stay in memory. An order that took at least `WORTH_A_FILE` seconds
to find is also written to a file of its own, in the user's cache folder for elimax or in the folder
that the environment variable ELIMAX_CACHE_DIR names. No files are written if ELIMAX_CACHE_DIR is
empty or "off", if the folder cannot be used, or if platformdirs is not installed.

Files of other versions are replaced. Several processes may share a folder: a file is either
complete or absent, and all processes would write the same content.
"""

import collections
import contextlib
import contextvars
import hashlib
import json
import os
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

from elimax.interpreter.atomic_files import write_atomically
from elimax.interpreter.errors import ElimaxError, PlanCacheWarning
from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.order import EliminationOrder, check_order
from elimax.interpreter.json_files import read_json
from elimax.interpreter.orders.auto import auto_order

CACHE_SCHEMA = 2
SEARCH_VERSION = 4
"""Version of the search of "auto": raise it when the search changes, so that stored orders are
searched for again."""
MAX_IN_MEMORY = 512
WORTH_A_FILE = 0.005
"""Seconds that a search must take for its result to get a file."""
FOLDER_VARIABLE = "ELIMAX_CACHE_DIR"

Wanted: TypeAlias = frozenset[tuple[int, int]] | None
Search: TypeAlias = Callable[[ComputationalGraph, Wanted], EliminationOrder]


_Memory: TypeAlias = collections.OrderedDict[tuple[str, Wanted], EliminationOrder]

_memory: _Memory = collections.OrderedDict()
_memory_lock = threading.Lock()
# The memory of the innermost `isolated_cache`.
_isolated: contextvars.ContextVar[_Memory | None] = contextvars.ContextVar("isolated", default=None)


def cached_order(
    graph: ComputationalGraph, wanted: Wanted = None, search: Search = auto_order
) -> EliminationOrder:
    """An order of a graph, searched for only if it is not in the cache.

    Args:
        graph: The graph.
        wanted: Blocks of the Jacobian that are wanted, as (input node, output node); None for all.
        search: Finds an order that is not cached; called with the graph and the wanted blocks.

    Returns:
        The order, checked against the graph.

    Warns:
        PlanCacheWarning: If a file is corrupt; it is replaced.
    """
    key = graph.fingerprint, wanted
    known = _remembered(key) or _read(graph, wanted)
    if known is None:
        start = time.perf_counter()
        known = search(graph, wanted)
        check_order(graph, known)
        if time.perf_counter() - start >= WORTH_A_FILE:
            _write(graph, wanted, known)
    _remember(key, known)
    return known


def forget_orders() -> None:
    """Empties the memory; files stay."""
    with _memory_lock:
        _current_memory().clear()


@contextlib.contextmanager
def isolated_cache() -> Iterator[None]:
    """Isolates the cache from orders found elsewhere, so that results are reproducible.

    Yields:
        Nothing; within the context no files are used, and the memory starts empty.
    """
    token = _isolated.set(collections.OrderedDict())
    try:
        yield
    finally:
        _isolated.reset(token)


def cache_folder() -> Path | None:
    """The folder of the cache's files.

    Returns:
        The folder, which need not exist; None if no files are to be used.
    """
    if _isolated.get() is not None:
        return None
    given = os.environ.get(FOLDER_VARIABLE)
    if given is not None:
        return None if given.strip().lower() in ("", "off") else Path(given).expanduser()
    try:
        # Imported only here, so that Jacobians work without it.
        import platformdirs
    except ImportError:
        return None
    return Path(platformdirs.user_cache_dir("elimax", appauthor=False)) / "orders"


def _current_memory() -> _Memory:
    isolated = _isolated.get()
    return _memory if isolated is None else isolated


def _remembered(key: tuple[str, Wanted]) -> EliminationOrder | None:
    with _memory_lock:
        return _current_memory().get(key)


def _remember(key: tuple[str, Wanted], order: EliminationOrder) -> None:
    memory = _current_memory()
    with _memory_lock:
        memory[key] = order
        memory.move_to_end(key)
        while len(memory) > MAX_IN_MEMORY:
            memory.popitem(last=False)


def _path(folder: Path, graph: ComputationalGraph, wanted: Wanted) -> Path:
    if wanted is None:
        return folder / f"{graph.fingerprint}.json"
    digest = hashlib.sha256(json.dumps(sorted(wanted)).encode()).hexdigest()[:8]
    return folder / f"{graph.fingerprint}-{digest}.json"


def _read(graph: ComputationalGraph, wanted: Wanted) -> EliminationOrder | None:
    """The order in the file of a graph; None if there is no usable one."""
    folder = cache_folder()
    if folder is None:
        return None
    path = _path(folder, graph, wanted)
    try:
        content = read_json(path)
        return _order_from(content, graph, wanted)
    except OSError:
        return None
    except (ElimaxError, KeyError, TypeError, ValueError) as error:
        with contextlib.suppress(OSError):
            path.unlink()
        reason = " ".join(str(error).split())
        warnings.warn(
            f"{path} holds no order of the graph {graph.fingerprint} ({type(error).__name__}: "
            f"{reason:.200}): the file is replaced, and the order is found again",
            PlanCacheWarning,
            stacklevel=2,
        )
        return None


def _order_from(content: Any, graph: ComputationalGraph, wanted: Wanted) -> EliminationOrder | None:
    """Checks the content of a file; None if it is of another version or for other blocks."""
    if (content["schema"], content["search"]) != (CACHE_SCHEMA, SEARCH_VERSION):
        return None
    blocks = content["wanted"]
    if (None if blocks is None else frozenset(map(tuple, blocks))) != wanted:
        return None
    order = EliminationOrder.from_dict(content["order"])
    check_order(graph, order)
    return order


def _write(graph: ComputationalGraph, wanted: Wanted, order: EliminationOrder) -> None:
    """Writes the file of an order, or does nothing if that is impossible."""
    folder = cache_folder()
    if folder is None:
        return
    content = {
        "schema": CACHE_SCHEMA,
        "search": SEARCH_VERSION,
        "wanted": None if wanted is None else sorted(map(list, wanted)),
        "order": order.to_dict(),
    }
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        # Not durable: a file that a power failure truncates is replaced, so there is no need to
        # wait for the disk.
        text = json.dumps(content) + "\n"
        write_atomically(_path(folder, graph, wanted), text.encode(), durable=False)
