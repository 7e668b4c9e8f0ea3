"""Programs that run as if elimax had been installed without its extras."""

import importlib.metadata
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from packaging.requirements import Requirement

from elimax.pipeline.extras import OPTIONAL
from support.repository import ROOT
from support.requirements import requirements


def blocked_packages() -> list[str]:
    """Import names of all packages here that do not come with a core installation."""
    core: set[str] = {"elimax"}
    waiting = requirements()
    while waiting:
        requirement = waiting.pop()
        name = requirement.name.lower().replace("_", "-")
        is_wanted = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        if is_wanted and name not in core:
            core.add(name)
            waiting.extend(map(Requirement, importlib.metadata.requires(name) or ()))
    foreign = {
        name
        for name, owners in importlib.metadata.packages_distributions().items()
        if name.isidentifier() and core.isdisjoint(x.lower().replace("_", "-") for x in owners)
    }
    # rich comes with Typer, but no command may need it.
    return sorted(foreign - sys.stdlib_module_names | set(OPTIONAL))


def run_without(
    packages: Sequence[str], code: str, folder: Path, *arguments: str
) -> subprocess.CompletedProcess[str]:
    """Runs a program in a folder, without some packages.

    Args:
        packages: Import names; importing one of them raises an ImportError.
        code: The program.
        folder: Where it runs.
        *arguments: Its arguments.

    Returns:
        The finished process.
    """
    block = f"import sys; sys.modules.update(dict.fromkeys({list(packages)!r}))\n"
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("ELIMAX_")
    }
    environment |= {"PYTHONPATH": str(ROOT), "ELIMAX_CACHE_DIR": "off", "TYPER_USE_RICH": "0"}
    return subprocess.run(
        [sys.executable, "-c", block + code, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
