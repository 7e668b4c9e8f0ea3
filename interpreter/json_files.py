"""Reading JSON files, with an error that names the file."""

import json
from pathlib import Path
from typing import Any

from elimax.interpreter.errors import GraphFormatError

LARGEST = 100_000_000
"""Bytes of the largest file that is read: a graph of 100 000 vertices takes less."""


def check_size(path: Path) -> None:
    """Refuses a file that is too large to be one of ours, before it fills the memory.

    Args:
        path: The file.

    Raises:
        GraphFormatError: If it is larger than `LARGEST`.
        OSError: If the file does not exist.
    """
    size = path.stat().st_size
    if size > LARGEST:
        raise GraphFormatError(
            f"{path} has {size / 1e6:,.0f} MB, expected at most {LARGEST / 1e6:,.0f} MB"
        )


def read_json(path: Path) -> Any:
    """Reads a JSON file.

    Args:
        path: The file.

    Returns:
        Its content.

    Raises:
        GraphFormatError: If it is not JSON, or too large.
        OSError: If it cannot be read.
    """
    check_size(path)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise GraphFormatError(
            f"{path} is truncated or not JSON ({error}): write the file again"
        ) from error
