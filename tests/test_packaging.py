"""What is built of the tree, what is said about it, and where that is done."""

import email
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from elimax.pipeline.checkout.params import parse_yaml
from support.repository import ROOT
from support.requirements import PROJECT

WORKFLOWS = ROOT / ".github/workflows"
CI = parse_yaml((WORKFLOWS / "ci.yml").read_text(), "ci.yml")
RELEASE = parse_yaml((WORKFLOWS / "release.yml").read_text(), "release.yml")
PYTHONS = ["3.11", "3.12", "3.13", "3.14"]

BUILD = "import sys; from setuptools import build_meta; build_meta.build_{kind}(sys.argv[1])"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a source distribution and a wheel, built from what git would commit."""
    folder = tmp_path_factory.mktemp("build")
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        text=True,
        check=True,
    )
    for name in listed.stdout.splitlines():
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name, follow_symlinks=False)
    dist = folder / "dist"
    dist.mkdir()
    for kind in ("sdist", "wheel"):
        done = subprocess.run(
            [sys.executable, "-c", BUILD.format(kind=kind), str(dist)],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    return dist


def source_files() -> set[str]:
    """By its place in a wheel, every module, the mark that types count, and the shipped policy."""
    found = {"elimax/__init__.py", "elimax/api.py", "elimax/py.typed"}
    found.add("elimax/models/pretrained.eqx")
    for folder in ("interpreter", "models", "pipeline"):
        paths = (path.relative_to(ROOT) for path in (ROOT / folder).rglob("*.py"))
        found |= {f"elimax/{path.as_posix()}" for path in paths}
    return found


def test_the_wheel_is_the_package_and_nothing_else(built: Path) -> None:
    """The linked folders are files in it, and the only top-level name is the package's."""
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        (top,) = (name for name in archive.namelist() if name.endswith("top_level.txt"))
        assert archive.read(top).decode().split() == ["elimax"]
        (metadata,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        told = email.message_from_bytes(archive.read(metadata))
    assert names == source_files()
    assert told["Author"] == "The elimax authors"
    assert {"learn", "pipeline", "test", "docs", "bench", "cuda"} == set(
        told.get_all("Provides-Extra", [])
    )


def test_the_source_distribution_is_complete(built: Path) -> None:
    """Files in the place of links, so that a wheel can be built on any system; no tests."""
    (source,) = built.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        members = {member.name.partition("/")[2]: member for member in archive.getmembers()}
    assert source_files() <= set(members)
    assert {"LICENSE", "README.md", "CHANGELOG.md", "CITATION.cff", "pyproject.toml"} <= set(
        members
    )
    assert not [name for name in members if name.startswith("tests")]
    assert not [member.name for member in members.values() if member.issym()]


def test_authors_and_pythons_are_told_once() -> None:
    """In the metadata, the citation and the matrix of CI."""
    citation = parse_yaml((ROOT / "CITATION.cff").read_text(), "CITATION.cff")
    assert PROJECT["authors"] == citation["authors"]
    pattern = re.compile(r"Programming Language :: Python :: (3\.\d+)")
    found = [pattern.fullmatch(entry) for entry in PROJECT["classifiers"]]
    assert [match[1] for match in found if match] == PYTHONS
    assert PROJECT["requires-python"] == f">={PYTHONS[0]}"
    matrix = CI["jobs"]["test"]["strategy"]["matrix"]["include"]
    assert [entry["python"] for entry in matrix] == PYTHONS


def test_ci_calls_targets_that_exist() -> None:
    """Lint, types, documentation and tests are those of the Makefile."""
    makefile = (ROOT / "Makefile").read_text()
    steps = [step for job in CI["jobs"].values() for step in job["steps"]]
    calls = [step["run"] for step in steps if step.get("run", "").startswith("make ")]
    words = [word for call in calls for word in call.split()[1:]]
    targets = {word for word in words if re.fullmatch(r"[\w-]+", word)}
    targets |= {x["target"] for x in CI["jobs"]["test"]["strategy"]["matrix"]["include"]}
    assert targets == {"lint", "types", "docs", "test", "test-newer"}
    assert all(f"\n{target}: " in makefile for target in targets)


def test_the_trial_on_macos_passes_here(tmp_path: Path) -> None:
    """The Python text of the step runs, so that only the system can make it fail."""
    script = CI["jobs"]["macos"]["steps"][-1]["run"]
    environment = {"PYTHONPATH": str(ROOT), "PATH": str(Path(sys.executable).parent)}
    environment |= {"ELIMAX_CACHE_DIR": "off", "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        ["/bin/bash", "-e", "-c", script],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_a_release_is_built_from_its_tag_and_published_without_a_token() -> None:
    """Tags of versions only; what is published was built by the job before."""
    assert RELEASE["on"] == {"push": {"tags": ["v*"]}}
    publish = RELEASE["jobs"]["publish"]
    assert publish["needs"] == "build" and publish["permissions"] == {"id-token": "write"}
    assert "secrets." not in (WORKFLOWS / "release.yml").read_text()
    uses = [step.get("uses", "") for step in publish["steps"]]
    assert uses[-1].startswith("pypa/gh-action-") and len(uses) == 2


@pytest.mark.parametrize(("tag", "code"), [("v{}", 0), ("v9.9.9", 1), ("{}", 1)])
def test_a_tag_of_another_version_stops_the_release(tag: str, code: int) -> None:
    """The step compares the tag with the version of the package."""
    import elimax

    (step,) = (x for x in RELEASE["jobs"]["build"]["steps"] if "GITHUB_REF_NAME" in str(x))
    name = tag.format(elimax.__version__)
    environment = {"GITHUB_REF_NAME": name, "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"}
    done = subprocess.run(["/bin/bash", "-e", "-c", step["run"]], cwd=ROOT, env=environment)
    assert done.returncode == code
