"""Functions of packages are drawn by name, sized, and none of them is held out."""

import ast
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.ecosystem.cases import all_cases
from elimax.models.programs import packages
from elimax.models.programs.package_draws import Entry, layered
from elimax.models.programs.packages import CHAIN, entries, package_program
from support.program_graphs import assert_whole
from support.repository import ROOT

HELD_OUT_TASKS = (
    *("human_heart_dipole", "black_scholes_hessian", "bundle_adjustment"),
    *("lstm_rollout", "kerr_metric"),
)

PROGRAMS = sorted((ROOT / "models/programs").glob("*.py"))
ECOSYSTEM = sorted(
    [*(ROOT / "benchmarks/ecosystem/fields").glob("*.py")]
    + [*(ROOT / "tests/benchmarks/ecosystem").glob("test_*.py")]
)
ORDINARY = {
    *("partition", "combine", "is_array", "is_inexact_array", "filter", "filter_jit"),
    *("apply_updates", "losses", "nn", "Module"),
}
"""What is no program but a means to write one."""


def names_of(package: str, path: Path) -> set[str]:
    """Last words of all that a file takes from a package, under whatever name it imports it."""
    tree = ast.parse(path.read_text())
    modules = {
        alias.asname or alias.name.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
        if alias.name.partition(".")[0] == package
    }
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            root = node.value
            while isinstance(root, ast.Attribute):
                root = root.value
            if isinstance(root, ast.Name) and root.id in modules:
                names.add(node.attr)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(package):
            names.update(alias.name for alias in node.names)
    return names


def test_names_are_unique_and_many():
    """No name stands for two functions."""
    names = [entry.name for entry in entries()]
    assert len(set(names)) == len(names) > 100


@pytest.mark.parametrize("package", ["optax", "equinox"])
def test_functions_of_the_ecosystem_are_held_out(package):
    """What `make ecosystem` and its tests take from a package, no program takes."""
    held_out = set().union(*(names_of(package, path) for path in ECOSYSTEM)) - ORDINARY
    assert held_out >= ({"ctc_loss", "adam"} if package == "optax" else {"MLP", "GRUCell"})
    used = set().union(*(names_of(package, path) for path in PROGRAMS))
    assert used and not used & held_out
    words = {word for entry in entries() for word in entry.name.split(".")}
    assert not words & held_out


def test_tasks_and_cases_are_held_out():
    """No entry has the name of one, and nothing of the tasks or benchmarks is imported."""
    assert not {entry.name for entry in entries()} & {*HELD_OUT_TASKS, *all_cases()}
    for path in PROGRAMS:
        text = path.read_text()
        assert not [name for name in HELD_OUT_TASKS if name in text]
        assert "elimax.pipeline" not in text and "benchmarks" not in text


def test_programs_are_in_the_range():
    """Whole, and of many functions; each state gives one program."""
    drawn = set()
    for seed in range(8):
        name, graph = package_program(np.random.default_rng(seed), 20, 80)
        assert 20 <= graph.num_vertices <= 80
        assert_whole(graph)
        drawn.add(name)
    assert len(drawn) > 5
    again = [package_program(np.random.default_rng(0), 20, 80) for _ in range(2)]
    assert again[0][0] == again[1][0]
    assert again[0][1].fingerprint == again[1][1].fingerprint


def test_other_states_give_other_programs():
    """Sizes and names differ."""
    graphs = [package_program(np.random.default_rng(seed), 20, 80)[1] for seed in range(6)]
    assert len({graph.fingerprint for graph in graphs}) == 6


def test_chain_where_nothing_fits(monkeypatch):
    """Layers of three vertices have no program of seven; a chain has one of any size."""
    only = layered("layer", lambda x: x)
    triple = Entry("triple", lambda rng, units: only.draw(np.random.default_rng(4), 8 * units))
    monkeypatch.setattr(packages, "entries", lambda: (triple,))
    name, graph = package_program(np.random.default_rng(0), 7, 7)
    assert name == CHAIN
    assert graph.num_vertices == 7
    assert_whole(graph)


@pytest.mark.parametrize(("least", "most"), [(0, 5), (9, 8)])
def test_empty_ranges_are_refused(least, most):
    """The message says what was given, what must be and what to do."""
    message = (
        f"min_vertices={least} and max_vertices={most} must be at least 1, and "
        "max_vertices at least min_vertices"
    )
    with pytest.raises(ValueError, match=message):
        package_program(np.random.default_rng(0), least, most)


def test_optional_packages_are_imported_late():
    """Where there is no package of the extra `learn`, the module can be imported all the same."""
    code = (
        "import sys\nfor name in ('equinox', 'optax'): sys.modules[name] = None\n"
        "import elimax.models.programs.draw\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
