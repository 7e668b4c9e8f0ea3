"""Functions of jax can all be traced, grow with their units, and are where their names say."""

import pytest

from elimax.models.programs.jax_functions import ENTRIES
from support.package_entries import (
    assert_draws_whole_programs,
    assert_grows_with_its_units,
    assert_is_named_after,
)

BY_NAME = {entry.name: entry for entry in ENTRIES}


@pytest.mark.parametrize("name", BY_NAME)
def test_programs_are_whole(name):
    """Nothing in them is without use."""
    assert_draws_whole_programs(BY_NAME[name])


@pytest.mark.parametrize("name", ["jax.nn.elu", "jax.scipy.stats.t.logpdf"])
def test_programs_grow_with_their_units(name):
    """Sizes can be chosen."""
    assert_grows_with_its_units(BY_NAME[name])


@pytest.mark.parametrize("name", BY_NAME)
def test_names_are_those_of_the_package(name):
    """Whoever reads a name finds the function."""
    assert_is_named_after(BY_NAME[name], "jax")
