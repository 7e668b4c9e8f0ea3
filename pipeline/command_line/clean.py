"""Command clean: removes what can be regenerated, and says how much space that frees."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from elimax.pipeline.checkout.files import Layout
from elimax.pipeline.checkout.process import running_stages
from elimax.pipeline.errors import StageError


class Leftover(NamedTuple):
    """Something that may be removed.

    Attributes:
        path: A file or a folder.
        what: What it holds.
        size: Its size in bytes.
    """

    path: Path
    what: str
    size: int


def leftovers(layout: Layout, *, runs: bool = False) -> list[Leftover]:
    """Lists what `clean` removes.

    Results, policies, graphs and the cache of DVC are never among them.

    Args:
        layout: The checkout.
        runs: Whether the runs of W&B count, synced or not.

    Returns:
        What was found, the largest first.
    """
    found = [Leftover(path, what, _size(path)) for path, what in _candidates(layout, runs)]
    return sorted(found, key=lambda one: -one.size)


def remove(layout: Layout, found: list[Leftover]) -> None:
    """Removes leftovers.

    Args:
        layout: The checkout.
        found: What to remove.

    Raises:
        StageError: If a stage is running, whose checkpoint would be lost.
        OSError: If something cannot be removed.
    """
    running = running_stages(layout)
    if running:
        raise StageError(
            f"{', '.join(running)} is running and needs its files in .state: wait until it ends"
        )
    for one in found:
        if one.path.is_dir() and not one.path.is_symlink():
            shutil.rmtree(one.path)
        else:
            one.path.unlink()


def size_text(size: int) -> str:
    """Formats a number of bytes: "1.5 MB"."""
    value, unit = float(size), "B"
    for larger in ("kB", "MB", "GB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"


def _candidates(layout: Layout, runs: bool) -> Iterator[tuple[Path, str]]:
    from elimax.interpreter.orders.order_cache import cache_folder

    names = {"compiled": "functions that JAX compiled", "durations.json": "durations of stages"}
    for path in sorted(layout.state.glob("*")):
        if path.name != "locks":
            yield path, names.get(path.name, "checkpoints and scratch copies")
    folder = cache_folder()
    if folder is not None and folder.is_dir():
        yield folder, "orders that jacve has cached, for all programs"
    wandb = Path(os.environ.get("WANDB_DIR", layout.root)) / "wandb"
    if runs and wandb.is_dir():
        yield wandb, "runs of W&B"


def _size(path: Path) -> int:
    if path.is_symlink() or path.is_file():
        return path.lstat().st_size
    return sum(part.lstat().st_size for part in path.rglob("*") if not part.is_dir())
