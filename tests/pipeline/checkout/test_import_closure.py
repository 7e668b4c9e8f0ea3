"""Which program text counts for a result, on small projects written for the test."""

import ast
from pathlib import Path

import pytest

from elimax.pipeline.checkout.import_closure import WITHOUT_INFLUENCE, fingerprint, tree_hash
from elimax.pipeline.errors import StageError
from support.repository import ROOT


def write_project(root: Path, **modules: str) -> Path:
    """Writes modules given as `package__module="text"`; `package____init__` is a package's own."""
    for name, text in modules.items():
        path = root / "elimax" / (name.replace("__", "/", 1) + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def closure(root: Path, module: str = "elimax.pipeline.extract") -> set[str]:
    """Returns the names of the modules that count."""
    return set(fingerprint(root, module))


def test_follows_imports_of_imports(tmp_path: Path) -> None:
    """Modules count that are imported directly, through others, relatively, or in a function."""
    root = write_project(
        tmp_path,
        pipeline__extract="import numpy\nimport elimax.interpreter.graph\n"
        "def f():\n    import elimax.models.game",
        interpreter__graph="from .order import Order",
        interpreter__order="from . import fixed",
        interpreter__fixed="",
        interpreter__unused="",
        models__game="",
    )
    assert closure(root) == {
        "elimax.pipeline.extract",
        "elimax.interpreter.graph",
        "elimax.interpreter.order",
        "elimax.interpreter.fixed",
        "elimax.models.game",
    }


def test_follows_cycles_once(tmp_path: Path) -> None:
    """Modules that import each other end the search."""
    root = write_project(
        tmp_path,
        pipeline__extract="import elimax.pipeline.other",
        pipeline__other="import elimax.pipeline.extract",
    )
    assert closure(root) == {"elimax.pipeline.extract", "elimax.pipeline.other"}


def test_name_from_package_leads_to_its_module(tmp_path: Path) -> None:
    """What a package exports beside the imported name does not count, nor does the export."""
    root = write_project(
        tmp_path,
        pipeline__extract="from elimax.interpreter import trace",
        interpreter____init__='"""Doc."""\nfrom elimax.interpreter.tracing import run as trace\n'
        "from elimax.interpreter.jacobian import jacve\n__all__ = ['trace']\n",
        interpreter__tracing="",
        interpreter__jacobian="",
    )
    assert closure(root) == {"elimax.pipeline.extract", "elimax.interpreter.tracing"}


def test_effects_of_a_package_count(tmp_path: Path) -> None:
    """Modules that a package imports as such may register something, and calls may do anything."""
    modules = {
        "pipeline__extract": "from elimax.interpreter.tracing import trace",
        "interpreter__tracing": "",
        "interpreter__rules": "",
        "interpreter__other": "",
    }
    register = write_project(
        tmp_path / "register",
        interpreter____init__="from elimax.interpreter import rules\n"
        "from elimax.interpreter.other import x",
        **modules,
    )
    assert closure(register) == {
        "elimax.pipeline.extract",
        "elimax.interpreter.tracing",
        "elimax.interpreter.rules",
    }
    call = write_project(
        tmp_path / "call",
        interpreter____init__="from elimax.interpreter.other import x\nx()",
        **modules,
    )
    assert closure(call) == {
        "elimax.pipeline.extract",
        "elimax.interpreter",
        "elimax.interpreter.tracing",
        "elimax.interpreter.other",
    }


def test_name_made_in_a_package_counts_the_package(tmp_path: Path) -> None:
    """A function defined in an `__init__` brings its text and all its imports."""
    root = write_project(
        tmp_path,
        pipeline__extract="from elimax.models import make",
        models____init__="from elimax.models.game import Game\ndef make():\n    return Game()",
        models__game="",
    )
    assert closure(root) == {"elimax.pipeline.extract", "elimax.models", "elimax.models.game"}


def test_imports_for_types_do_not_count(tmp_path: Path) -> None:
    """What only a type checker reads has no influence; the other branch has."""
    root = write_project(
        tmp_path,
        pipeline__extract="import typing\nif typing.TYPE_CHECKING:\n    import elimax.models.game\n"
        "else:\n    import elimax.models.policy",
        models__game="",
        models__policy="",
    )
    assert closure(root) == {"elimax.pipeline.extract", "elimax.models.policy"}


def test_modules_without_influence_are_left_out(tmp_path: Path) -> None:
    """Tracking does not count, nor what only tracking imports."""
    root = write_project(
        tmp_path,
        pipeline__extract="from elimax.pipeline.tracking import track",
        pipeline__tracking="import elimax.pipeline.machine",
        pipeline__machine="",
    )
    assert closure(root) == {"elimax.pipeline.extract"}


def test_modules_without_influence_exist() -> None:
    """The list names no module that was renamed or removed."""
    for name in WITHOUT_INFLUENCE:
        base = ROOT / name.replace(".", "/")
        assert base.with_suffix(".py").is_file() or (base / "__init__.py").is_file(), name


def test_missing_module_is_named(tmp_path: Path) -> None:
    """A stage without a module is an error that says what to do."""
    with pytest.raises(
        StageError, match=r"no module elimax\.pipeline\.extract .*write it, or take"
    ):
        fingerprint(tmp_path, "elimax.pipeline.extract")


def test_text_that_is_no_python_is_named(tmp_path: Path) -> None:
    """A syntax error names the file."""
    write_project(tmp_path, pipeline__extract="def f(:")
    with pytest.raises(StageError, match=r"extract\.py is not a Python program"):
        fingerprint(tmp_path, "elimax.pipeline.extract")


PLAIN = "class A:\n    x: int = 1\n\n    def f(self, y=2.0):\n        return f'{self.x:>{y}}'\n"


@pytest.mark.parametrize(
    "text",
    [
        PLAIN.replace("    x:", '    """Doc."""\n\n    x:'),
        PLAIN.replace("= 1\n", '= 1\n    """Of x."""\n'),
        PLAIN.replace("        return", '        """Doc."""\n        return'),
        '"""Module."""\n\n# Comment\n' + PLAIN.replace("'", '"').replace("2.0", "(2.00)"),
    ],
)
def test_docstrings_comments_and_formatting_do_not_count(text: str) -> None:
    """Texts that run alike have one hash."""
    assert text != PLAIN
    assert tree_hash(ast.parse(text)) == tree_hash(ast.parse(PLAIN))


@pytest.mark.parametrize(
    ("old", "new"),
    [("2.0", "2"), ("x: int", "z: int"), ("= 1", "= True"), ("y=2.0", "*, y=2.0"), (":>", ":<")],
)
def test_every_change_of_the_program_counts(old: str, new: str) -> None:
    """Values, their types, names and structure are in the hash."""
    changed = PLAIN.replace(old, new)
    assert changed != PLAIN
    assert tree_hash(ast.parse(changed)) != tree_hash(ast.parse(PLAIN))


def test_pass_after_a_docstring_changes_the_hash_only_as_a_statement() -> None:
    """A function of a docstring alone is hashed, although its body is then empty."""
    assert tree_hash(ast.parse("def f():\n    'a'")) == tree_hash(ast.parse("def f():\n    'b'"))


GOLDEN = "4837e1d90e878e184b9e51c7cdac8b8c373353f2f18b4402b3b678380bb806a6"


def test_hash_is_the_same_in_every_python_version() -> None:
    """Whoever runs the pipeline on another Python finds the committed results up to date."""
    assert tree_hash(ast.parse(PLAIN)) == GOLDEN, "a new way to hash makes every result stale"
