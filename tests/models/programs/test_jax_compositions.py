"""Programs around functions of jax can be traced, grow with their units, and are named well."""

import importlib

import numpy as np
import pytest

from elimax.models.programs.jax_compositions import ENTRIES
from support.program_graphs import assert_whole

BY_NAME = {entry.name: entry for entry in ENTRIES}


@pytest.mark.parametrize("name", BY_NAME)
def test_programs_are_whole(name):
    """Every node lies on a path from an input to an output."""
    graph = BY_NAME[name].draw(np.random.default_rng(1), 2).graph()
    assert_whole(graph)
    assert graph.num_vertices >= 4


@pytest.mark.parametrize("name", ["jax.grad", "jax.nn.glu"])
def test_programs_grow_with_their_units(name):
    """Six units are about three times as many vertices as two."""
    sizes = [BY_NAME[name].draw(np.random.default_rng(1), n).graph().num_vertices for n in (2, 6)]
    assert 2 < sizes[1] / sizes[0] < 4


@pytest.mark.parametrize("name", BY_NAME)
def test_names_are_those_of_the_package(name):
    """The last word of a name is found in jax, or it is a composition of such a function."""
    module, _, rest = name.split(" of ")[-1].partition(".")
    assert module == "jax"
    found = importlib.import_module(module)
    for part in rest.split("."):
        found = getattr(found, part)
    assert callable(found)
