"""Writes hashes of the program text that each stage and each task depends on.

This is the stage `fingerprint`. DVC compares files byte by byte, so that a better
docstring would retrain every policy. Stages therefore depend on data/code/STAGE.json and
data/code/tasks/TASK.json, which hold a hash of the syntax tree of every module that counts;
`import_closure` decides which do. With `--check` it tells whether dvc.lock belongs to this tree.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from elimax.pipeline.checkout.files import Layout, write_json
from elimax.pipeline.checkout.import_closure import fingerprint
from elimax.pipeline.errors import PipelineError, StageError

STAGES = ("extract", "pretrain", "finetune", "search", "evaluate", "report")
FINGERPRINT_STAGE = "fingerprint"
ALWAYS_CHANGED = "always changed"
"""What `dvc status` says about a stage that runs every time, next to what differs."""
MISSING = ("deleted", "not in cache")
"""What `dvc status` says about an output that is missing."""


def write_fingerprints(layout: Layout) -> None:
    """Writes data/code/STAGE.json and data/code/tasks/TASK.json for all stages and tasks.

    Args:
        layout: Where the program text is and the files go.

    Raises:
        StageError: If a stage lacks its module.
        FileError: If a file cannot be written.
    """
    folder = layout.root / "data/code"
    for stage in STAGES:
        modules = fingerprint(layout.root, f"elimax.pipeline.stages.{stage}")
        write_json(folder / f"{stage}.json", {"stage": stage, "modules": modules})
    for path in sorted((layout.root / "pipeline/tasks").glob("*.py")):
        if path.stem != "__init__":
            modules = fingerprint(layout.root, f"elimax.pipeline.tasks.{path.stem}")
            write_json(folder / f"tasks/{path.stem}.json", {"task": path.stem, "modules": modules})


def changed_stages(layout: Layout) -> dict[str, list[tuple[str, str]]]:
    """Lists what differs from dvc.lock, after bringing the fingerprints up to date.

    Args:
        layout: The checkout.

    Returns:
        By stage, pairs of a path or a parameter and how it changed ("modified", "deleted", ...).

    Raises:
        StageError: If `dvc status` fails, or a stage lacks its module.
        FileError: If a fingerprint cannot be written.
    """
    write_fingerprints(layout)
    done = subprocess.run(
        [sys.executable, "-m", "dvc", "status", "--json"],
        cwd=layout.root,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise StageError(f"dvc status failed: {done.stderr.strip()}")
    return {
        stage: [change for entry in entries if isinstance(entry, dict) for change in _flat(entry)]
        for stage, entries in json.loads(done.stdout).items()
        # It always counts as changed; what it writes shows up in the stages that depend on it.
        if stage != FINGERPRINT_STAGE and entries != [ALWAYS_CHANGED]
    }


def stale_stages(layout: Layout) -> dict[str, list[str]]:
    """Tells whether dvc.lock belongs to the tree: program text, parameters, outputs kept in git.

    Outputs that only DVC keeps may be missing, as they are in a fresh clone.

    Args:
        layout: The checkout.

    Returns:
        By stage, what differs; empty if dvc.lock belongs to the tree.

    Raises:
        StageError: If `dvc status` fails, or a stage lacks its module.
        FileError: If a fingerprint cannot be written.
    """
    stages = changed_stages(layout)
    missing = {path for changes in stages.values() for path, how in changes if how in MISSING}
    allowed = _ignored_by_git(layout.root, sorted(missing))
    stale = {
        stage: [
            f"{path} {how}" for path, how in changes if how not in MISSING or path not in allowed
        ]
        for stage, changes in stages.items()
    }
    return {stage: changes for stage, changes in stale.items() if changes}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line of this module.

    Args:
        arguments: Command-line arguments, or None for those of the process.

    Returns:
        Exit code: 0, or 1 if the check found something or an error was printed.
    """
    parser = argparse.ArgumentParser(prog="python -m elimax.pipeline.checkout.code_fingerprints")
    parser.add_argument("--check", action="store_true", help="tell whether dvc.lock is stale")
    check = parser.parse_args(arguments).check
    try:
        if not check:
            write_fingerprints(Layout.find())
            return 0
        stale = stale_stages(Layout.find())
    except PipelineError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    if not stale:
        sys.stdout.write("dvc.lock belongs to this tree\n")
        return 0
    sys.stdout.write("dvc.lock is older than this tree:\n")
    for stage, changes in sorted(stale.items()):
        sys.stdout.write(f"  {stage}: {', '.join(changes)}\n")
    sys.stdout.write("run: make, then commit dvc.lock, data/ and results/\n")
    return 1


def _flat(entry: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yields (path or parameter, how it changed) from one entry of `dvc status --json`."""
    for changes in entry.values():
        for path, how in changes.items():
            if isinstance(how, dict):
                yield from ((f"{path}: {key}", change) for key, change in how.items())
            else:
                yield path, how


def _ignored_by_git(root: Path, paths: Sequence[str]) -> set[str]:
    """Returns those of the paths that git ignores."""
    done = subprocess.run(
        ["git", "-C", str(root), "check-ignore", "--stdin"],
        input="\n".join(paths),
        capture_output=True,
        text=True,
        check=False,
    )
    return set(done.stdout.splitlines())


if __name__ == "__main__":
    sys.exit(main())
