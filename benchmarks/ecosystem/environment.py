"""The virtual environment with the packages, created on demand and kept in a cache."""

import hashlib
import importlib.metadata
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import platformdirs

PACKAGES = Path(__file__).with_name("packages.txt")

EXTRA = "learn"
"""The extra that `filter_jacve` needs."""


def cache_folder() -> Path:
    """Where environments are kept.

    Returns:
        A folder of the user's cache; deleting it is safe.
    """
    return Path(platformdirs.user_cache_dir("elimax", appauthor=False)) / "ecosystem"


def pinned_dependencies() -> list[str]:
    """What elimax imports to compute Jacobians, in the versions of this process.

    Returns:
        Requirements such as "jax==0.10.2".

    Raises:
        PackageNotFoundError: If elimax is not installed.
    """
    names = set()
    for entry in importlib.metadata.requires("elimax") or []:
        requirement, _, marker = entry.partition(";")
        extra = re.search(r"extra == [\"'](.*?)[\"']", marker)
        if extra is None or extra[1] == EXTRA:
            names.add(re.split(r"[<>=!~\[ ]", requirement)[0])
    return [f"{name}=={importlib.metadata.version(name)}" for name in sorted(names)]


def requirements() -> list[str]:
    """The requirements to install.

    Returns:
        Elimax's own dependencies, then the lines of packages.txt without comments. A package that
        is among the former keeps the version that elimax runs with.
    """
    own = pinned_dependencies()
    names = {line.partition("==")[0] for line in own}
    lines = [line for line in PACKAGES.read_text().splitlines() if line and line[0] != "#"]
    return own + [line for line in lines if re.split(r"[<>=]", line)[0] not in names]


def prepare(folder: Path | None = None) -> Path:
    """Creates the environment unless it exists.

    Args:
        folder: Where environments are kept; `cache_folder()` if None.

    Returns:
        Its Python.

    Raises:
        CalledProcessError: If something cannot be installed; pip or uv has printed why.
    """
    lines = requirements()
    key = hashlib.sha256("\n".join([sys.version, *lines]).encode()).hexdigest()[:12]
    place = (folder or cache_folder()) / key
    python, done = place / "bin" / "python", place / "done"
    if done.exists():
        return python
    print(f"installing {len(lines)} packages into {place}", file=sys.stderr, flush=True)
    shutil.rmtree(place, ignore_errors=True)
    uv = shutil.which("uv")
    venv.create(place, with_pip=uv is None)
    install = (
        [uv, "pip", "install", "--python", str(python)]
        if uv
        else [str(python), "-m", "pip", "install"]
    )
    subprocess.run([*install, "--quiet", *lines], check=True)
    done.touch()
    return python


def versions(python: Path) -> dict[str, str]:
    """Returns the versions of all packages in an environment.

    Args:
        python: Its Python.

    Returns:
        Version by name in lower case.
    """
    code = (
        "from importlib import metadata\n"
        "for d in metadata.distributions(): print(d.metadata['Name'].lower(), d.version)"
    )
    done = subprocess.run([str(python), "-c", code], check=True, capture_output=True, text=True)
    return dict(line.split() for line in done.stdout.splitlines())
