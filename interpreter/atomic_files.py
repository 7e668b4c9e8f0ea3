"""Files that are whole or not there: the one place that writes them."""

import contextlib
import os
import secrets
from pathlib import Path


def write_atomically(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Writes a file whole or not at all: under another name next to it, then renamed.

    Args:
        path: The file; its folder exists. The umask decides who may read it.
        content: Its content.
        durable: Whether the content is on the disk before the name is, so that not even a power
            failure leaves a truncated file. This takes some milliseconds.

    Raises:
        OSError: If the file cannot be written; what was there before stays.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
