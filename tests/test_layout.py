"""One package: nothing of it answers to the names of its folders, which a user may have too."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.repository import ROOT

FOLDERS = ("interpreter", "models", "pipeline")

WALK = """
import importlib, json, pkgutil, sys
import elimax

names = [x.name for x in pkgutil.walk_packages(elimax.__path__, "elimax.")]
for name in names:
    if not name.endswith(".__main__"):  # It runs the command line.
        importlib.import_module(name)
json.dump([names, list(sys.modules)], sys.stdout)
"""


@pytest.mark.parametrize(
    ("line", "folder"),
    [
        ("from interpreter.graph import order", "interpreter"),
        ("from interpreter import jacobian", "interpreter"),
        ("import interpreter.graph.order", "interpreter"),
        ("import models", "models"),
        ("from models.game import Game", "models"),
        ("from pipeline import tasks", "pipeline"),
        ("def f():\n    import pipeline.tasks", "pipeline"),
    ],
)
def test_ruff_refuses_the_old_spelling(line: str, folder: str) -> None:
    """Such an import works in a checkout, and in no installation."""
    done = _ruff(f"{line}\n")
    assert done.returncode == 1
    message = f"`{folder}` is banned: import elimax.{folder}: a user may have a package of this"
    assert f"TID251 {message}" in done.stdout


@pytest.mark.parametrize("name", [*FOLDERS, "modelsx"])
def test_ruff_takes_the_new_spelling(name: str) -> None:
    """And names that only begin like a folder's."""
    prefix = "elimax." if name in FOLDERS else ""
    assert _ruff(f"import {prefix}{name}\n").returncode == 0


def _ruff(text: str) -> subprocess.CompletedProcess[str]:
    """Checks the imports of a text as if it were a module of the interpreter."""
    options = ["--select=TID", "--output-format=concise", "--stdin-filename=interpreter/planted.py"]
    return subprocess.run(
        [sys.executable, "-m", "ruff", "check", *options, "-"],
        cwd=ROOT,
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], list[str]]:
    """The modules of elimax, and all that is loaded after they have been imported."""
    done = subprocess.run(
        [sys.executable, "-c", WALK],
        cwd=tmp_path_factory.mktemp("elsewhere"),
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    names, loaded = json.loads(done.stdout)
    return names, loaded


def test_no_module_has_two_names(walked: tuple[list[str], list[str]]) -> None:
    """A module that is imported under a folder's name would be loaded twice."""
    _, loaded = walked
    assert not [name for name in loaded if name.partition(".")[0] in FOLDERS]


def test_every_module_is_in_the_package(walked: tuple[list[str], list[str]]) -> None:
    """Through the links in elimax/ all files of the folders are found."""
    names, loaded = walked
    for folder in FOLDERS:
        files = {path.relative_to(ROOT).with_suffix("") for path in (ROOT / folder).rglob("*.py")}
        modules = {f"elimax.{_dotted(path)}" for path in files}
        assert modules <= {*names, "elimax"}
        assert {x for x in modules if not x.endswith("__main__")} <= set(loaded)


def _dotted(path: Path) -> str:
    """The name of a module by its file without the ending."""
    return ".".join(path.parts).removesuffix(".__init__")
