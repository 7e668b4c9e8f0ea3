"""What an installation holds: a wheel, built without a network and used from its own folder."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from support.repository import ROOT

BUILD = """
import sys
from setuptools.build_meta import build_wheel
print(build_wheel(sys.argv[1]))
"""

USE = """
import sys
from pathlib import Path
import elimax.models.checkpoint as checkpoint
assert Path(checkpoint.__file__).is_relative_to(sys.argv[1]), checkpoint.__file__
policy = checkpoint.pretrained_policy()
expected, _ = checkpoint.load_policy(Path(sys.argv[2]))
import jax, numpy
for first, second in zip(jax.tree.leaves(policy), jax.tree.leaves(expected), strict=True):
    numpy.testing.assert_array_equal(first, second)
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an unpacked wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in ("elimax", "interpreter", "models", "pipeline"):
        skip = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, source / name, symlinks=True, ignore=skip)
    (source / "data/policies").mkdir(parents=True)
    shutil.copy(ROOT / "data/policies/pretrained.eqx", source / "data/policies")
    subprocess.run(
        [sys.executable, "-c", BUILD, str(folder)], cwd=source, capture_output=True, check=True
    )
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    shutil.rmtree(source)
    return folder / "site"


@pytest.mark.slow
def test_the_policy_comes_with_the_package(installed: Path) -> None:
    """The wheel holds the file itself, not a link, and the package loads it from there."""
    shipped = installed / "elimax/models/pretrained.eqx"
    policy = ROOT / "data/policies/pretrained.eqx"
    assert not shipped.is_symlink() and shipped.read_bytes() == policy.read_bytes()
    done = subprocess.run(
        [sys.executable, "-c", USE, str(installed), str(policy)],
        cwd=installed,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_only_elimax_is_installed(installed: Path) -> None:
    """No other name at the top level, and all packages that are in the checkout."""
    top = {path.name for path in installed.iterdir() if not path.name.endswith(".dist-info")}
    assert top == {"elimax"}
    for package in ("interpreter", "models", "pipeline"):
        names = {str(path.relative_to(ROOT)) for path in (ROOT / package).rglob("*.py")}
        shipped = {
            str(path.relative_to(installed / "elimax"))
            for path in (installed / "elimax" / package).rglob("*.py")
        }
        assert shipped == names
