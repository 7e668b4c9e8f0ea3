"""Keeps outputs that git has: a stage that fails leaves them as they were.

DVC deletes the outputs of a stage before it starts it, so that a training that fails would take the
policy with it that is shipped. A stage that ends well therefore leaves a copy of its outputs in
.state/, and one that fails puts them back: from there, or else from the last commit. Of the two it
takes the one that dvc.lock names, which is what DVC has deleted. Nothing helps against kill -9.
"""

import contextlib
import hashlib
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from elimax.pipeline.checkout.files import Layout, write_bytes
from elimax.pipeline.checkout.yaml_text import parse_yaml
from elimax.pipeline.errors import ParamsError


@contextlib.contextmanager
def kept_outputs(layout: Layout, stage: str, paths: Sequence[Path]) -> Iterator[None]:
    """Restores the outputs of a stage if the context is left with an exception.

    Args:
        layout: The checkout.
        stage: Name of the stage in dvc.yaml.
        paths: Its outputs.

    Yields:
        Nothing.

    Raises:
        FileError: If a copy cannot be written.
    """
    before = {path: path.read_bytes() for path in paths if path.is_file()}
    try:
        yield
    except BaseException:
        for path in paths:
            content = before.get(path) or _last_good(layout, stage, path)
            if content is not None:
                write_bytes(path, content)
        raise
    for path in paths:
        write_bytes(_copy_of(layout, stage, path), path.read_bytes())


def _copy_of(layout: Layout, stage: str, path: Path) -> Path:
    return layout.state / "outputs" / stage / path.name


def _last_good(layout: Layout, stage: str, path: Path) -> bytes | None:
    """Returns what DVC has deleted, as far as it can be told, or None."""
    copy = _copy_of(layout, stage, path)
    found = [copy.read_bytes()] if copy.is_file() else []
    committed = _committed(layout, path)
    if committed is not None:
        found.append(committed)
    locked = _locked_md5(layout, stage, path)
    for content in found:
        if hashlib.md5(content, usedforsecurity=False).hexdigest() == locked:
            return content
    return found[-1] if found else None


def _committed(layout: Layout, path: Path) -> bytes | None:
    """Returns a file as it is in the last commit, or None."""
    try:
        done = subprocess.run(
            # With ./ the path is relative to the folder, which may lie inside another checkout.
            ["git", "-C", str(layout.root), "show", f"HEAD:./{layout.shown(path)}"],
            capture_output=True,
            check=False,
        )
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None


def _locked_md5(layout: Layout, stage: str, path: Path) -> str | None:
    """Returns the hash of an output in dvc.lock, or None."""
    try:
        text = (layout.root / "dvc.lock").read_text(encoding="utf-8")
        outputs: list[dict[str, Any]] = parse_yaml(text, "dvc.lock")["stages"][stage]["outs"]
    except (OSError, ParamsError, KeyError, TypeError):
        return None
    hashes = {entry.get("path"): entry.get("md5") for entry in outputs}
    return hashes.get(layout.shown(path))
