"""JSON files that are whole or not there: the one module here that reads and writes."""

import contextlib
import json
import os
import secrets
from pathlib import Path
from typing import Any

from elimax.interpreter.errors import GraphFormatError


def write_text(path: Path, text: str) -> None:
    """Writes a text file whole or not at all.

    Args:
        path: The file; its folder exists.
        text: Its content.

    Raises:
        OSError: If the file cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def read_json(path: Path) -> Any:
    """Reads a JSON file.

    Args:
        path: The file.

    Returns:
        Its content.

    Raises:
        GraphFormatError: If it is no JSON.
        OSError: If it cannot be read.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise GraphFormatError(
            f"{path} is torn or no JSON ({error}): write the file again"
        ) from error
