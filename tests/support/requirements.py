"""The packages that elimax needs according to pyproject.toml."""

import tomllib

from packaging.requirements import Requirement

from support.repository import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def requirements(*extras: str) -> list[Requirement]:
    """The requirements of the core and of some extras, including extras that these name."""
    found: list[Requirement] = []
    waiting = [*PROJECT["dependencies"]]
    for extra in extras:
        waiting += PROJECT["optional-dependencies"][extra]
    while waiting:
        entry = Requirement(waiting.pop())
        if entry.name == PROJECT["name"]:
            waiting += [x for y in entry.extras for x in PROJECT["optional-dependencies"][y]]
        else:
            found.append(entry)
    return found


def declared(*extras: str) -> set[str]:
    """The names of the packages of the core and of some extras."""
    return {entry.name for entry in requirements(*extras)}
