"""Explains an error in a user's function by the lines of that function."""

import sysconfig
import traceback
from collections.abc import Iterable
from pathlib import Path

import elimax

SHOWN = 3
"""How many lines of the user's code are shown at most, the innermost ones."""


def told_by_user_code(error: BaseException) -> str | None:
    """Describes an error that was raised in or below a user's code.

    Args:
        error: The error, with its traceback.

    Returns:
        A text of several lines; None if no user code is involved, or if elimax itself failed below
        it, which is a bug in elimax.
    """
    frames = traceback.extract_tb(error.__traceback__)
    places = [k for k, frame in enumerate(frames) if not _is_installed(frame.filename)]
    if not places or any(_is_ours(frame.filename) for frame in frames[places[-1] + 1 :]):
        return None
    # JAX adds a long footnote to messages of more than a line.
    message = next(iter(str(error).strip().splitlines()), "")
    lines = [f"error in your function: {type(error).__name__}: {message}".rstrip(": ")]
    for k in places[-SHOWN:]:
        frame = frames[k]
        lines += [
            f"  {_shown(frame.filename)}:{frame.lineno}, in {frame.name}",
            f"    {frame.line}",
        ]
    return "\n".join([*lines, "(ELIMAX_DEBUG=1 shows the whole traceback)"])


def _is_ours(filename: str) -> bool:
    return _is_below(filename, [Path(elimax.__file__).resolve().parent, *_linked()])


def _linked() -> Iterable[Path]:
    """The folders that the package consists of; in a checkout they are links."""
    root = Path(elimax.__file__).resolve().parent
    return [(root / name).resolve() for name in ("interpreter", "models", "pipeline")]


def _is_installed(filename: str) -> bool:
    """Whether a file belongs to elimax, to Python or to an installed package."""
    if filename.startswith("<") or _is_ours(filename):
        return True
    names = ("stdlib", "platstdlib", "purelib", "platlib", "scripts")
    return _is_below(filename, [Path(sysconfig.get_path(name)).resolve() for name in names])


def _is_below(filename: str, folders: Iterable[Path]) -> bool:
    path = Path(filename).resolve()
    return any(path.is_relative_to(folder) for folder in folders)


def _shown(filename: str) -> str:
    path = Path(filename)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else filename
