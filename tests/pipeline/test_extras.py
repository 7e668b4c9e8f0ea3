"""What works with the core installed alone, and what is said about the rest."""

import json
import sys
from pathlib import Path

import pytest

from elimax.pipeline.extras import (
    EXTRA,
    OPTIONAL,
    MissingPackageError,
    missing_package,
    require_package,
)
from support.core_only import blocked_packages, run_without
from support.pipeline_probe import PARAMS, TOY
from support.requirements import declared

COMMANDS = """
import json
from elimax.pipeline.command_line.cli import run
codes = []
for words in json.loads(sys.argv[1]):
    try:
        run(words)
    except SystemExit as request:
        codes.append(request.code)
sys.stderr.write(json.dumps(codes))
"""
"""Runs several command lines in one process; ends with their exit codes on stderr."""

ONE_COMMAND = "from elimax.pipeline.command_line.cli import run; run(sys.argv[1:])"


def test_these_commands_need_the_core_alone(tmp_path: Path) -> None:
    """On a function of a user, in a folder without params.yaml, all extras blocked."""
    (tmp_path / "toy_functions.py").write_text(TOY)
    task = "toy_functions:toy"
    commands = [
        ["--version"],
        ["--help"],
        ["tasks"],
        ["compare", task],
        ["compare", "roe_flux_1d"],
        ["plan", task, "--out", "plan.json"],
        ["explain", task, "--order", "plan.json", "--html", "graph.html"],
        ["search", task, "--method", "portfolio"],
        ["search", task, "--method", "exact"],
    ]
    done = run_without(blocked_packages(), COMMANDS, tmp_path, json.dumps(commands))
    assert done.returncode == 0 and json.loads(done.stderr) == [0] * len(commands)
    assert "wrote plan.json" in done.stdout and "wrote graph.html" in done.stdout
    assert {x.name for x in tmp_path.iterdir() if x.is_file()} == {
        "toy_functions.py",
        "plan.json",
        "graph.html",
    }


def test_jacobians_need_the_core_alone(tmp_path: Path) -> None:
    """And a Jacobian of modules says that it needs Equinox, when it is called."""
    code = """
import jax.numpy as jnp
import elimax
x = jnp.arange(3.0)
assert elimax.jacve(jnp.sin)(x).shape == (3, 3)
assert elimax.hessve(lambda x: (x**3).sum())(x).shape == (3, 3)
jacobian = elimax.filter_jacve(jnp.sin)
try:
    jacobian(x)
except ModuleNotFoundError as error:
    print(error)
"""
    done = run_without(blocked_packages(), code, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "filter_jacve needs the package equinox, which is not installed: "
        "pip install 'elimax[learn]'\n"
    )


@pytest.mark.parametrize(
    ("packages", "words", "start"),
    [
        (["dvc"], ["run"], "elimax run needs the package dvc"),
        (["ruamel", "yaml"], ["extract", "mlp"], "reading params.yaml needs the package ruamel"),
        (["equinox"], ["params"], "this command needs the package equinox"),
        (["optax"], ["finetune", "mlp"], "this command needs the package optax"),
        (["equinox"], ["search", "mlp"], "this command needs the package equinox"),
    ],
)
def test_a_missing_package_is_one_line(
    tmp_path: Path, packages: list[str], words: list[str], start: str
) -> None:
    """The package, and what to install; exit code 1."""
    (tmp_path / "params.yaml").write_text(PARAMS)
    done = run_without(packages, ONE_COMMAND, tmp_path, *words)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"error: {start}") and done.stderr.count("\n") == 1
    assert done.stderr.endswith("which is not installed: pip install 'elimax[pipeline]'\n")


def test_other_missing_modules_are_not_explained() -> None:
    """A module that is in no extra is a bug, or the user's own."""
    assert missing_package(ModuleNotFoundError("no", name="equinoxes"), "x") is None
    assert missing_package(ModuleNotFoundError("no"), "x") is None
    found = missing_package(ModuleNotFoundError("no", name="ruamel.yaml"), "reading")
    assert "reading needs the package ruamel.yaml, which" in str(found)


def test_requiring_loads_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is installed passes; what is blocked is named."""
    require_package("dvc", "elimax run")
    monkeypatch.setitem(sys.modules, "dvc", None)
    with pytest.raises(MissingPackageError, match=r"^elimax run needs the package dvc, which"):
        require_package("dvc", "elimax run")


def test_the_extra_has_what_is_missing() -> None:
    """Installing what the message says is enough, and the core has none of it."""
    assert set(OPTIONAL.values()) <= declared(EXTRA)
    assert declared(EXTRA) <= declared("test")
    assert not set(OPTIONAL.values()) & declared()
