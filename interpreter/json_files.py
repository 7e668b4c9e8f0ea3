"""Reading JSON files, with an error that names the file."""

import json
from pathlib import Path
from typing import Any

from elimax.interpreter.errors import GraphFormatError


def read_json(path: Path) -> Any:
    """Reads a JSON file.

    Args:
        path: The file.

    Returns:
        Its content.

    Raises:
        GraphFormatError: If it is not JSON.
        OSError: If it cannot be read.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise GraphFormatError(
            f"{path} is truncated or not JSON ({error}): write the file again"
        ) from error
