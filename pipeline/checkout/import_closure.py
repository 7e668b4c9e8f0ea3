"""Finds the program text that a result depends on, and hashes it.

Comments, docstrings and formatting are not in a hash of a syntax tree, nor is the Python version.
Which modules count:

- Imports are found in the text, inside functions too, but not under `if TYPE_CHECKING`.
- `from package import name` leads to the module that the package takes the name from, not to
  everything the package exports, so that one more export changes no hash.
- Importing a module runs the `__init__` of its packages. What that does beyond exporting names
  (an imported module, a call, an assignment) counts.
- `WITHOUT_INFLUENCE` does not count.

A module that is imported only at run time, such as by `importlib`, is not followed.
"""

import ast
import dataclasses
import functools
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeGuard

from elimax.pipeline.errors import StageError

PACKAGE = "elimax"

WITHOUT_INFLUENCE = frozenset(
    {
        "elimax.interpreter.errors",  # Names of errors: a stage that raises one has no result
        "elimax.models.errors",
        "elimax.models.ranges",  # Refuses parameters; those it accepts are used as they are
        "elimax.pipeline.command_line.arguments",  # Of the command line
        "elimax.pipeline.command_line.cli",  # Reads the command line
        "elimax.pipeline.console",  # Prints
        "elimax.pipeline.errors",
        "elimax.pipeline.extras",  # Says which package is missing
        "elimax.pipeline.stages.follow",  # Shows the progress of a training
        "elimax.pipeline.stages.shown",  # Prints results, mirrors them to W&B
        "elimax.pipeline.checkout.import_closure",  # Hashes, for the names of checkpoints
        "elimax.pipeline.checkout.process",  # Locks and signals
        "elimax.pipeline.checkout.resume",  # Checkpoints: a resumed stage ends with the same bytes
        "elimax.pipeline.tasks",  # Finds a task's module; the task has a hash of its own
        "elimax.pipeline.tracking",  # Mirrors results to W&B
        "elimax.pipeline.xla_flags",  # Belongs to a version of JAX; versions are not hashed
    }
)
"""Modules that no result depends on: changing them reruns nothing."""


def fingerprint(root: Path, module: str) -> dict[str, str]:
    """Hashes a module and every module of the project that it imports.

    Args:
        root: The folder that holds the packages.
        module: Dotted name of the module to start from.

    Returns:
        SHA-256 of the syntax tree without docstrings, by module name, sorted.

    Raises:
        StageError: If the module does not exist, or a file is not Python.
    """
    closure = _Closure(root)
    if closure.path(module) is None:
        raise StageError(
            f"there is no module {module} in {root}: write it, or take its stage out of dvc.yaml"
        )
    closure.visit(module)
    return {name: tree_hash(closure.tree(name)) for name in sorted(closure.counted)}


@functools.cache
def tree_hash(tree: ast.AST) -> str:
    """Returns the SHA-256 of a syntax tree without docstrings, equal in every Python version."""
    return hashlib.sha256("".join(_words(tree)).encode()).hexdigest()


@dataclasses.dataclass
class _Closure:
    """Modules that a module depends on, collected by following imports."""

    root: Path
    counted: set[str] = dataclasses.field(default_factory=set)
    opened: set[str] = dataclasses.field(default_factory=set)
    trees: dict[str, ast.Module] = dataclasses.field(default_factory=dict)

    def path(self, name: str) -> Path | None:
        """Returns the file of a module of the project; None for others."""
        if name.split(".")[0] != PACKAGE:
            return None
        base = self.root / name.replace(".", "/")
        candidates = (base.with_suffix(".py"), base / "__init__.py")
        return next((path for path in candidates if path.is_file()), None)

    def tree(self, name: str) -> ast.Module:
        """Parses a module once."""
        if name not in self.trees:
            path = self.path(name)
            try:
                text = path.read_text(encoding="utf-8") if path else ""
                self.trees[name] = _parsed(text)
            except (SyntaxError, ValueError) as error:
                raise StageError(f"{path} is not a Python program: {error}") from None
        return self.trees[name]

    def is_package(self, name: str) -> bool:
        """Tells whether a module is a package's `__init__`."""
        path = self.path(name)
        return path is not None and path.name == "__init__.py"

    def visit(self, name: str) -> None:
        """Counts a module and follows all its imports."""
        self.open_packages(name.rpartition(".")[0])
        if name in self.counted or name in WITHOUT_INFLUENCE or self.path(name) is None:
            return
        self.counted.add(name)
        for statement in _all_imports(self.tree(name)):
            self.follow(statement, name)

    def follow(self, statement: ast.Import | ast.ImportFrom, name: str) -> None:
        """Follows one import statement of a module."""
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                self.visit(alias.name)
            return
        for alias in statement.names:
            self.follow_name(self.base(statement, name), alias.name)

    def follow_name(self, base: str, name: str) -> None:
        """Follows `from base import name` to the module where the name is made."""
        if self.path(f"{base}.{name}") is not None:
            self.visit(f"{base}.{name}")
        elif not self.is_package(base):
            self.visit(base)
        else:
            self.open_packages(base)
            for statement in self.tree(base).body:
                if isinstance(statement, ast.ImportFrom):
                    for alias in statement.names:
                        if (alias.asname or alias.name) == name:
                            self.follow_name(self.base(statement, base), alias.name)
                            return
            self.visit(base)

    def open_packages(self, name: str) -> None:
        """Counts what the `__init__` of a package and of its parents does beyond exporting."""
        if not name or name in self.opened:
            return
        self.opened.add(name)
        self.open_packages(name.rpartition(".")[0])
        for statement in self.tree(name).body:
            if isinstance(statement, ast.Import):
                self.follow(statement, name)
            elif isinstance(statement, ast.ImportFrom):
                base = self.base(statement, name)
                for alias in statement.names:
                    if self.path(f"{base}.{alias.name}") is not None:
                        self.visit(f"{base}.{alias.name}")
            elif not _only_exports(statement):
                self.visit(name)

    def base(self, statement: ast.ImportFrom, name: str) -> str:
        """Returns the absolute name of the module that `from ... import` names."""
        if not statement.level:
            return statement.module or ""
        parts = name.split(".")
        keep = len(parts) - statement.level + self.is_package(name)
        return ".".join([*parts[:keep], *filter(None, [statement.module])])


# Two dozen stages and tasks depend on much the same modules, and no syntax tree is modified.
_parsed = functools.cache(ast.parse)


@functools.cache
def _all_imports(tree: ast.Module) -> tuple[ast.Import | ast.ImportFrom, ...]:
    return tuple(_imports(tree))


def _imports(node: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """Yields all import statements that run."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child
        elif _is_for_types(child):
            yield from _imports(ast.Module(child.orelse, []))
        else:
            yield from _imports(child)


def _is_for_types(node: ast.AST) -> TypeGuard[ast.If]:
    """Tells whether a node is `if TYPE_CHECKING`."""
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def _only_exports(statement: ast.stmt) -> bool:
    """Tells whether a statement of an `__init__` has no effect beyond the names it exports."""
    if _is_for_types(statement) or _is_text(statement):
        return True
    if isinstance(statement, ast.FunctionDef):
        return statement.name in ("__getattr__", "__dir__")
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    return [ast.unparse(target) for target in targets] in (["__all__"], ["__version__"])


def _is_text(node: Any) -> bool:
    """Tells whether a statement is a bare string, such as a docstring."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _words(value: Any) -> Iterator[str]:
    """Writes a syntax tree as text, without empty fields: Python versions differ in those."""
    if isinstance(value, ast.JoinedStr):
        # Python 3.12 has empty strings between the parts of an f-string, other versions do not.
        parts = [part for part in value.values if getattr(part, "value", None) != ""]
        yield "JoinedStr("
        yield from _words(parts)
        yield ")"
    elif isinstance(value, ast.AST):
        yield f"{type(value).__name__}("
        for name, field in ast.iter_fields(value):
            if name != "ctx" and field is not None and field != []:
                yield f"{name}="
                yield from _words(field)
        yield ")"
    elif isinstance(value, list):
        yield "["
        for entry in value:
            if not _is_text(entry):
                yield from _words(entry)
        yield "]"
    else:
        yield f"{type(value).__name__}:{value!a};"
