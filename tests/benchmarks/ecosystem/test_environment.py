"""The environment of `make ecosystem`: what is installed, and that it is installed once."""

import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from benchmarks.ecosystem import environment


def test_own_dependencies_keep_their_versions() -> None:
    """The numbers belong to the JAX that this process runs, not to the newest one."""
    lines = environment.requirements()
    assert f"jax=={metadata.version('jax')}" in lines
    assert f"equinox=={metadata.version('equinox')}" in lines
    names = [line.partition("==")[0] for line in lines]
    assert len(names) == len(set(names))
    assert "blackjax" in names


def test_own_dependencies_are_the_core_and_equinox(monkeypatch: pytest.MonkeyPatch) -> None:
    """What pyproject.toml asks for in the core and in one extra; nothing of the pipeline."""
    entries = ["jax>=0.10", "numpy >=2", "equinox>=0.13; extra == 'learn'"]
    entries += ['dvc>=3.66; extra == "pipeline"', "elimax[learn]; extra == 'pipeline'"]
    monkeypatch.setattr(metadata, "requires", lambda name: entries)
    names = [line.partition("==")[0] for line in environment.pinned_dependencies()]
    assert names == ["equinox", "jax", "numpy"]


def test_installed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second call finds what the first one made; other packages are another environment."""
    calls: list[Any] = []
    monkeypatch.setattr(environment.venv, "create", lambda place, with_pip: place.mkdir())
    monkeypatch.setattr(subprocess, "run", lambda words, check: calls.append(words))
    monkeypatch.setattr(environment, "requirements", lambda: ["one==1"])
    first = environment.prepare(tmp_path)
    assert environment.prepare(tmp_path) == first
    assert len(calls) == 1 and calls[0][-1] == "one==1"
    monkeypatch.setattr(environment, "requirements", lambda: ["one==2"])
    assert environment.prepare(tmp_path) != first


def test_an_install_that_fails_is_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half an environment is not taken for a whole one."""

    def fail(words: Any, check: bool) -> None:
        raise subprocess.CalledProcessError(1, words)

    monkeypatch.setattr(environment.venv, "create", lambda place, with_pip: place.mkdir())
    monkeypatch.setattr(subprocess, "run", fail)
    for _ in range(2):
        with pytest.raises(subprocess.CalledProcessError):
            environment.prepare(tmp_path)


def test_versions_of_this_environment() -> None:
    """By name in lower case."""
    assert environment.versions(Path(sys.executable))["jax"] == metadata.version("jax")
