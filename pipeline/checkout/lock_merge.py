"""Merges dvc.lock for git: what each of two machines has run stays.

Git merges line by line. Where both machines have added stages, that ends in a conflict, or in text
that is not YAML. Here stages are merged one by one. Git calls

    python -m elimax.pipeline.checkout.lock_merge BASE OURS THEIRS

and takes the result from OURS, once it is told to (docs/howto/cluster.md).
"""

import io
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from elimax.interpreter.errors import ElimaxError
from elimax.pipeline.checkout.files import write_text
from elimax.pipeline.checkout.yaml_text import parse_yaml
from elimax.pipeline.errors import FileError


class MergedLock(NamedTuple):
    """What two machines have run.

    Attributes:
        content: The content of the merged dvc.lock.
        clashes: Stages that both have run, with different results; those of ours are kept.
    """

    content: dict[str, Any]
    clashes: list[str]


def merge_locks(
    base: Mapping[str, Any], ours: Mapping[str, Any], theirs: Mapping[str, Any]
) -> MergedLock:
    """Merges two descendants of a dvc.lock.

    Args:
        base: Content of the common ancestor; empty if there is none.
        ours: Content on the branch that is merged into.
        theirs: Content on the other branch.

    Returns:
        Of each stage what the side has that has changed it; ours come first. A stage that one side
        has removed, and the other left as it was, is gone.
    """
    old, our, their = (dict(lock.get("stages", {})) for lock in (base, ours, theirs))
    stages, clashes = {}, []
    for name in dict.fromkeys((*our, *their)):
        before, mine, other = (entries.get(name) for entries in (old, our, their))
        if mine == before:
            entry = other
        elif other in (before, mine):
            entry = mine
        else:
            entry = other if mine is None else mine
            clashes.append(name)
        if entry is not None:
            stages[name] = entry
    return MergedLock({**theirs, **ours, "stages": stages}, clashes)


def main(arguments: Sequence[str] | None = None) -> int:
    """Merges three files for git.

    Args:
        arguments: Paths of the ancestor, of ours, which is overwritten, and of theirs; those of the
            process if None.

    Returns:
        0; 1 if a file cannot be read or written, which git takes for a conflict.
    """
    paths = [Path(word) for word in (sys.argv[1:] if arguments is None else arguments)]
    if len(paths) != 3:
        sys.stderr.write(f"{len(paths)} files given; must be three: BASE OURS THEIRS\n")
        return 1
    try:
        merged = merge_locks(*map(_read, paths))
        write_text(paths[1], _as_yaml(merged.content))
    except ElimaxError as error:
        sys.stderr.write(f"dvc.lock: {error}\n")
        return 1
    if merged.clashes:
        stages = ", ".join(merged.clashes)
        sys.stderr.write(
            f"dvc.lock: both sides have run {stages}; ours is kept, and the next elimax run "
            "repeats what does not belong to the files that are there\n"
        )
    return 0


def _read(path: Path) -> dict[str, Any]:
    try:
        content = parse_yaml(path.read_text(encoding="utf-8"), str(path)) or {}
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(f"{path} cannot be read: {error}") from None
    if not isinstance(content, dict) or not isinstance(content.get("stages", {}), dict):
        raise FileError(f"{path} is not a dvc.lock: a mapping with the key 'stages' is expected")
    return content


def _as_yaml(content: Mapping[str, Any]) -> str:
    """Writes it as DVC does, so that the difference in git is the stages that have changed."""
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.default_flow_style = False
    yaml.width = 4096
    buffer = io.StringIO()
    yaml.dump(dict(content), buffer)
    return buffer.getvalue()


if __name__ == "__main__":
    sys.exit(main())
