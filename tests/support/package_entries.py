"""What must hold for every function of a package that the policy learns from."""

import importlib

import numpy as np

from elimax.models.programs.package_draws import Entry
from support.program_graphs import assert_whole


def assert_draws_whole_programs(entry: Entry) -> None:
    """Asserts that every node lies on a path from an input to an output."""
    graph = entry.draw(np.random.default_rng(1), 2).graph()
    assert_whole(graph)
    assert graph.num_vertices >= 4


def assert_grows_with_its_units(entry: Entry) -> None:
    """Asserts that six units give about three times as many vertices as two."""
    sizes = [entry.draw(np.random.default_rng(1), n).graph().num_vertices for n in (2, 6)]
    assert 2 < sizes[1] / sizes[0] < 4


def assert_is_named_after(entry: Entry, package: str) -> None:
    """Asserts that the name, or the part after its last "of", is a function of the package."""
    module, _, rest = entry.name.split(" of ")[-1].partition(".")
    assert module == package
    found = importlib.import_module(module)
    for part in rest.split("."):
        found = getattr(found, part)
    assert callable(found)
