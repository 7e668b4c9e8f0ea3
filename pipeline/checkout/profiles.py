"""Profiles of params.yaml: the whole pipeline with other values, in a scratch copy of the checkout.

The copy lies below .state/, so that committed results stay as they are.
"""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from elimax.pipeline.checkout.configs import PARAMS_FILE, unknown_name
from elimax.pipeline.checkout.files import Layout, write_text
from elimax.pipeline.checkout.params import load_params
from elimax.pipeline.errors import ParamsError, StageError


def copy_for_profile(layout: Layout, profile: str) -> Layout:
    """Copies a checkout without its results to .state/PROFILE and changes the parameters there.

    Args:
        layout: The checkout; files that git ignores are left out.
        profile: Name of the profile.

    Returns:
        The copy.

    Raises:
        ParamsError: If the profile is unknown or has an unknown key.
        StageError: If the folder is not a git checkout.
    """
    params = load_params(layout.params)
    profiles = params.get("profiles") or {}
    if profile not in profiles:
        raise ParamsError(unknown_name(f"{PARAMS_FILE} has no profile", profile, profiles))
    params = _merge(params, profiles[profile], f"{PARAMS_FILE}: profiles.{profile}")
    copy = Layout(layout.state / profile)
    shutil.rmtree(copy.root, ignore_errors=True)
    for name in _program_files(layout.root):
        (copy.root / name).parent.mkdir(parents=True, exist_ok=True)
        # The links in elimax/ stay links.
        shutil.copy2(layout.root / name, copy.root / name, follow_symlinks=False)
    _copy_compiled(layout.root, copy.root)
    # JSON is YAML, and nobody edits the copy.
    write_text(copy.params, json.dumps(params, indent=1) + "\n")
    write_text(copy.root / ".dvc/config.local", "[core]\n    no_scm = true\n")
    return copy


def _program_files(root: Path) -> list[str]:
    """Lists what git tracks or would track, without results."""
    done = subprocess.run(
        ["git", "-C", str(root), "ls-files", "-z", "-co", "--exclude-standard"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise StageError(f"a profile needs a git checkout; git says: {done.stderr.strip()}")
    return [
        name
        for name in done.stdout.split("\0")
        if ((root / name).is_file() or (root / name).is_symlink())
        and not name.startswith(("data/", "results/", "dvc.lock"))
    ]


def _copy_compiled(root: Path, copy: Path) -> None:
    """Copies what numba has compiled, which takes more than a minute; numba checks that it fits.

    Args:
        root: The checkout.
        copy: A copy of its programs, with the times of their last change.
    """
    for folder in {program.parent for program in copy.rglob("*.py")}:
        cache = folder / "__pycache__"
        for compiled in (root / cache.relative_to(copy)).glob("*.nb[ci]"):
            cache.mkdir(exist_ok=True)
            shutil.copy2(compiled, cache)


def _merge(old: Any, new: Any, where: str) -> Any:
    """Returns a mapping overlaid with the values of another one, at any depth."""
    if not isinstance(new, dict) or not isinstance(old, dict):
        return new
    for key in new:
        if key not in old:
            raise ParamsError(unknown_name(f"{where} has the unknown key", str(key), old))
    return {
        key: _merge(value, new[key], f"{where}.{key}") if key in new else value
        for key, value in old.items()
    }
