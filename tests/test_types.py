"""What type checkers tell users of elimax, and that they see all of the source."""

import json
import re
import shutil
import site
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import jax.numpy as jnp
import pytest

import elimax
from elimax.interpreter.differentiation import resolve_order
from support.repository import ROOT

PREPARE = """
import jax
import jax.numpy as jnp

import elimax


def f(x: jax.Array, power: int = 2) -> jax.Array:
    return jnp.sin(x) ** power


def with_aux(x: jax.Array) -> tuple[jax.Array, str]:
    return x, "aux"


def given(
    block: elimax.StructuredJacobian, name: str, order: elimax.Order, output: elimax.Output
) -> None:
    elimax.jacve(f, order=order, output=output)(x)


x = jnp.ones(3)
graph = elimax.trace(f, x)
plan = elimax.plan(f, x, order="lmmd_high")
block = elimax.jacve(f, output="structured", order=plan)(x)
blocks: list[elimax.StructuredJacobian] = [block]
elimax.jacve(f, (0,), order=[2, 1])
elimax.jacve(f, order=plan.order)
elimax.hessve(f, order="best_classic")
"""

SIGNATURE = "(x: Array, power: int =) -> "

REVEALED = {
    "elimax.jacve(f)": f"{SIGNATURE}Any",
    "elimax.hessve(f, output='bcoo')": f"{SIGNATURE}Any",
    "elimax.filter_jacve(f)": f"{SIGNATURE}Any",
    "elimax.value_and_jacve(f)": f"{SIGNATURE}tuple[Array, Any]",
    "elimax.value_and_jacve(f)(x, power=3)[0]": "Array",
    "elimax.value_and_jacve(with_aux, has_aux=True)": (
        "(x: Array) -> tuple[tuple[Array, str], Any]"
    ),
    "plan": "Plan",
    "plan.optimal": "bool | None",
    "plan.order.vertices": "tuple[int, ...]",
    "plan.forward.nontrivial": "int",
    "elimax.Plan.load('plan.json')": "Plan",
    "graph": "ComputationalGraph",
    "elimax.count_multiplications(graph, plan).additions": "int",
    "elimax.markowitz_order(graph, ties='high')": "EliminationOrder",
    "elimax.check_jacobian(f, x).max_error": "float",
    "elimax.check_rounding(f, x).amplified": "tuple[str, ...]",
    "blocks[0].todense()": "Array",
    "blocks[0].tobcoo()": "BCOO",
    "blocks[0].shape": "tuple[int, ...]",
    "elimax.__version__": "str",
}
"""Expressions and their types."""

ERRORS = {
    "elimax.jacve(f, output='sparse')": "sparse",
    "elimax.hessve(f, order='revers')": "revers",
    "elimax.plan(f, x, order='Markowitz')": "Markowitz",
    "elimax.plan(f, x, seconds='10')": "float | None",
    "elimax.jacve(f)(x, pwoer=3)": "pwoer",
    "elimax.jacve(f)('text')": "Array",
    "elimax.jacve(3)": "int|Literal",
    "elimax.jacobian(f)": "jacobian",
    "plan.vertices": "vertices",
    "elimax.count_multiplications(graph, plan).trivial": "trivial",
    "elimax.markowitz_order(graph, count='some')": "some",
}
"""Statements that are wrong, and what the error must name."""


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of a user, with an environment in which elimax is installed."""
    folder = tmp_path_factory.mktemp("project")
    venv.create(folder / "env", with_pip=False, symlinks=True)
    (packages,) = (folder / "env").rglob("site-packages")
    # Checkers follow such files; elimax counts as installed, so that it must be py.typed.
    (packages / "all.pth").write_text("\n".join([str(ROOT), *site.getsitepackages()]))
    lines = [PREPARE, *(f"reveal_type({expression})" for expression in REVEALED), *ERRORS]
    (folder / "user.py").write_text("\n".join(lines) + "\n")
    return folder


@pytest.mark.parametrize("checker", [pytest.param("mypy", marks=pytest.mark.slow), "pyright"])
def test_users_get_types_and_errors(user: Path, checker: str) -> None:
    """Functions keep their parameters, names are checked, and nothing else is an error."""
    check = {"mypy": _by_mypy, "pyright": _by_pyright}[checker]
    source = (user / "user.py").read_text().splitlines()
    revealed, errors = {}, {}
    for line, kind, text in check(user):
        statement = source[line - 1]
        if kind == "error":
            errors[statement] = errors.get(statement, "") + text
        elif statement.startswith("reveal_type"):
            revealed[statement.removeprefix("reveal_type(")[:-1]] = _plain(text)
    assert revealed == REVEALED
    assert set(errors) == set(ERRORS)
    for statement, part in ERRORS.items():
        assert re.search(part, errors[statement]), errors[statement]


def _by_mypy(user: Path) -> Iterator[tuple[int, str, str]]:
    """Line, kind and text of what mypy says in its strict mode."""
    python = next((user / "env").glob("*/python"))
    options = ["--strict", f"--python-executable={python}", f"--cache-dir={user / 'cache'}"]
    done = _checker("mypy", *options, "--hide-error-context", "user.py", folder=user)
    pattern = re.compile(r"user\.py:(\d+): (error|note): (.*)")
    for line in done.stdout.splitlines():
        if match := pattern.fullmatch(line):
            yield int(match[1]), match[2], match[3].removeprefix("Revealed type is ").strip('"')


def _by_pyright(user: Path) -> Iterator[tuple[int, str, str]]:
    """Line, kind and text of what pyright says."""
    python = next((user / "env").glob("*/python"))
    done = _checker("pyright", f"--pythonpath={python}", "--outputjson", "user.py", folder=user)
    for entry in json.loads(done.stdout)["generalDiagnostics"]:
        text = re.sub(r'^Type of ".*" is "(.*)"$', r"\1", entry["message"])
        yield entry["range"]["start"]["line"] + 1, entry["severity"], text


def _checker(name: str, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs a type checker; it must have something to say."""
    done = subprocess.run(
        [sys.executable, "-m", name, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    return done


def _plain(text: str) -> str:
    """A type as both checkers could write it: no modules, no values of defaults."""
    text = re.sub(r"\b(?:\w+\.)+(\w+)", r"\1", text.removeprefix("def "))
    return re.sub(r"= [^,)]+", "=", text).replace("builtins.", "")


def test_every_name_of_the_types_is_taken() -> None:
    """What a checker allows as an order or an output works; both are lists made only once."""
    graph = elimax.trace(jnp.sin, 1.0)
    names = [x for kind in get_args(elimax.Order) for x in _texts(kind)]
    assert len(names) == len(set(names)) > 24 and {"auto", "best_classic"} < set(names)
    for name in names:
        order = resolve_order(graph, name)
        assert elimax.count_multiplications(graph, order).all == 0
    for output in get_args(elimax.Output):
        elimax.jacve(jnp.sin, output=output)(1.0)


def _texts(kind: object) -> Iterator[str]:
    """The strings of Literal types, nested ones included."""
    for entry in get_args(kind):
        if isinstance(entry, str):
            yield entry
        else:
            yield from _texts(entry)


PACKAGES = ("elimax", "interpreter", "models", "pipeline", "benchmarks")


def test_pyright_looks_into_every_folder(tmp_path: Path) -> None:
    """An error in a new module is found, wherever it lies; links hide nothing."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    planted = set()
    for package in PACKAGES:
        # rglob follows no links.
        folders = {path.parent.relative_to(ROOT) for path in (ROOT / package).rglob("*.py")}
        planted |= {folder / "planted.py" for folder in folders if folder.name != "fields"}
    for path in planted:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text('number: int = "text"\n')
    assert len(planted) > 20
    for link in ("interpreter", "models", "pipeline"):
        (tmp_path / "elimax" / link).symlink_to(f"../{link}")
    assert _files_with_errors(tmp_path) == planted


@pytest.mark.slow
def test_pyright_finds_errors_in_the_tree(tmp_path: Path) -> None:
    """In a copy of the source, an error in one module of each folder, and only these."""
    ignored = shutil.ignore_patterns("__pycache__")
    for name in (*PACKAGES, "pyproject.toml"):
        copy = shutil.copy if (ROOT / name).is_file() else shutil.copytree
        options = {} if copy is shutil.copy else {"symlinks": True, "ignore": ignored}
        copy(ROOT / name, tmp_path / name, **options)
    planted = {
        Path("elimax/api.py"),
        Path("interpreter/orders/fixed.py"),
        Path("models/game.py"),
        Path("pipeline/pages/svg.py"),
    }
    for path in planted:
        with (tmp_path / path).open("a") as file:
            file.write('\nfrom elimax.interpreter.jacobian import jacve\n\njacve("f")\n')
    assert _files_with_errors(tmp_path) == planted


def _files_with_errors(folder: Path) -> set[Path]:
    """The files in which pyright finds an error, with the settings of the folder."""
    python = f"--pythonpath={sys.executable}"
    done = _checker("pyright", python, "--outputjson", folder=folder)
    entries = json.loads(done.stdout)["generalDiagnostics"]
    errors = [entry for entry in entries if entry["severity"] == "error"]
    return {Path(entry["file"]).resolve().relative_to(folder.resolve()) for entry in errors}
