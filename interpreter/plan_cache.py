"""What "auto" has found before, in memory and in files.

A graph with the same fingerprint, and the same wanted blocks, gets the same order again at once.
The last `MAX_IN_MEMORY` orders stay in memory. One that took longer to find than `WORTH_A_FILE`
seconds is also written to a file of its own, in the user's cache folder for elimax, or in the one
that the environment variable ELIMAX_CACHE_DIR names; with ELIMAX_CACHE_DIR empty or "off" there are
no files, and where the folder cannot be used, or platformdirs is missing, there are none either.

An entry never gets worse: it gives way to a cheaper order only, and is searched anew only with a
larger budget than it was found with. Files of other versions are replaced. Several processes may
use one folder: a file is whole or not there, and is compared and replaced under a lock.
"""

import collections
import contextlib
import contextvars
import dataclasses
import hashlib
import json
import math
import os
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

from interpreter.counting import count_multiplications
from interpreter.errors import ElimaxError, PlanCacheWarning
from interpreter.graph import ComputationalGraph
from interpreter.json_files import read_json, write_text
from interpreter.order import EliminationOrder, check_order
from interpreter.orders.auto import auto_order, auto_seconds, full_seconds

CACHE_SCHEMA = 1
SEARCH_VERSION = 1
"""Version of what "auto" looks for: raise it when the search gets better, and all is found anew."""
MAX_IN_MEMORY = 512
WORTH_A_FILE = 0.005
"""Seconds of a search from which on its result gets a file."""
FOLDER_VARIABLE = "ELIMAX_CACHE_DIR"

Wanted: TypeAlias = frozenset[tuple[int, int]] | None
Search: TypeAlias = Callable[[ComputationalGraph, Wanted], EliminationOrder]


@dataclasses.dataclass(frozen=True)
class _Entry:
    """An order, and the seconds that the search was allowed to take."""

    order: EliminationOrder
    budget: float


_Memory: TypeAlias = collections.OrderedDict[tuple[str, Wanted], _Entry]

_memory: _Memory = collections.OrderedDict()
_memory_lock = threading.Lock()
# The memory of the innermost `isolated_cache`.
_isolated: contextvars.ContextVar[_Memory | None] = contextvars.ContextVar("isolated", default=None)


def cached_order(
    graph: ComputationalGraph,
    wanted: Wanted = None,
    search: Search = auto_order,
    budget: float | None = None,
) -> EliminationOrder:
    """An order of a graph, searched only if none is known.

    Args:
        graph: The graph.
        wanted: Blocks of the Jacobian that are wanted, as (input node, output node); None for all.
        search: Finds an order where none is known; called with the graph and the wanted blocks.
        budget: Seconds that `search` may take; None for what `auto_order` may take now. An order
            that was found with less does not stop the search, and stays where the search finds
            nothing cheaper.

    Returns:
        The order, checked against the graph.

    Warns:
        PlanCacheWarning: If a file is corrupt; it is replaced.
    """
    key = graph.fingerprint, wanted
    enough = full_seconds(graph) if budget is None else budget
    known = _remembered(key)
    if known is None or known.budget < enough:
        known = _better(graph, wanted, known, _read(graph, wanted))
    if budget is None and (known is None or known.budget < enough):
        # Only now, because it may load compiled code, which a hit has no need of.
        enough = auto_seconds(graph)
    if known is not None and known.budget >= enough:
        _remember(key, known)
        return known.order
    start = time.perf_counter()
    found = _Entry(search(graph, wanted), enough)
    check_order(graph, found.order)
    seconds = time.perf_counter() - start
    best = _better(graph, wanted, known, found) or found
    if seconds >= WORTH_A_FILE:
        best = _write(graph, wanted, best)
    _remember(key, best)
    return best.order


def forget_orders() -> None:
    """Empties the memory; files stay."""
    with _memory_lock:
        _current_memory().clear()


@contextlib.contextmanager
def isolated_cache() -> Iterator[None]:
    """Neither uses nor keeps what is found elsewhere, so that results can be had again.

    Yields:
        Nothing; in the context there are no files, and the memory is empty at first.
    """
    token = _isolated.set(collections.OrderedDict())
    try:
        yield
    finally:
        _isolated.reset(token)


def cache_folder() -> Path | None:
    """The folder of the cache's files.

    Returns:
        The folder, which need not exist; None if there are to be no files.
    """
    if _isolated.get() is not None:
        return None
    given = os.environ.get(FOLDER_VARIABLE)
    if given is not None:
        return None if given.strip().lower() in ("", "off") else Path(given).expanduser()
    try:
        # Needed here alone, so that Jacobians do without it.
        import platformdirs
    except ImportError:
        return None
    return Path(platformdirs.user_cache_dir("elimax", appauthor=False)) / "orders"


def _current_memory() -> _Memory:
    isolated = _isolated.get()
    return _memory if isolated is None else isolated


def _remembered(key: tuple[str, Wanted]) -> _Entry | None:
    with _memory_lock:
        return _current_memory().get(key)


def _remember(key: tuple[str, Wanted], entry: _Entry) -> None:
    memory = _current_memory()
    with _memory_lock:
        memory[key] = entry
        memory.move_to_end(key)
        while len(memory) > MAX_IN_MEMORY:
            memory.popitem(last=False)


def _better(
    graph: ComputationalGraph, wanted: Wanted, first: _Entry | None, second: _Entry | None
) -> _Entry | None:
    """The cheaper one of two entries, the first among equals, with the larger budget of both."""
    if first is None or second is None:
        return first or second

    def cost(entry: _Entry) -> tuple[int, int]:
        counts = count_multiplications(graph, entry.order, wanted)
        return counts.nontrivial, counts.all

    order = min(first, second, key=cost).order
    return _Entry(order, max(first.budget, second.budget))


def _path(folder: Path, graph: ComputationalGraph, wanted: Wanted) -> Path:
    if wanted is None:
        return folder / f"{graph.fingerprint}.json"
    digest = hashlib.sha256(json.dumps(sorted(wanted)).encode()).hexdigest()[:8]
    return folder / f"{graph.fingerprint}-{digest}.json"


def _read(graph: ComputationalGraph, wanted: Wanted) -> _Entry | None:
    """The entry of a file; None if there is none that can be used."""
    folder = cache_folder()
    if folder is None:
        return None
    path = _path(folder, graph, wanted)
    try:
        content = read_json(path)
        return _entry_from(content, graph, wanted)
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


def _entry_from(content: Any, graph: ComputationalGraph, wanted: Wanted) -> _Entry | None:
    """Checks the content of a file; None if it is of another version, or for other blocks."""
    if (content["schema"], content["search"]) != (CACHE_SCHEMA, SEARCH_VERSION):
        return None
    blocks = content["wanted"]
    if (None if blocks is None else frozenset(map(tuple, blocks))) != wanted:
        return None
    order = EliminationOrder.from_dict(content["order"])
    check_order(graph, order)
    budget = float(content["budget"])
    if not 0 <= budget < math.inf:
        raise ValueError(f"the budget is {budget} seconds")
    return _Entry(order, budget)


def _write(graph: ComputationalGraph, wanted: Wanted, entry: _Entry) -> _Entry:
    """Writes an entry unless the file holds a better one; returns the better one."""
    folder = cache_folder()
    if folder is None:
        return entry
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder):
            stored = _read(graph, wanted)
            best = _better(graph, wanted, stored, entry) or entry
            if best != stored:
                content = {
                    "schema": CACHE_SCHEMA,
                    "search": SEARCH_VERSION,
                    "wanted": None if wanted is None else sorted(map(list, wanted)),
                    "budget": best.budget,
                    "order": best.order.to_dict(),
                }
                write_text(_path(folder, graph, wanted), json.dumps(content) + "\n")
            return best
    except OSError:
        return entry


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Lets one process at a time compare and replace; where locks are missing, several."""
    try:
        import fcntl
    except ImportError:  # No such locks outside POSIX systems.
        return (yield)
    with (folder / ".lock").open("a", encoding="utf-8") as file:
        # Some network file systems have no locks: a better order may then be lost, no file is torn.
        with contextlib.suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
