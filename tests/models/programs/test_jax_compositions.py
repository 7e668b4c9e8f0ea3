"""Programs around functions of jax can be traced, grow with their units, and are named well."""

import pytest

from elimax.models.programs.jax_compositions import ENTRIES
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


@pytest.mark.parametrize("name", ["jax.grad", "jax.nn.glu"])
def test_programs_grow_with_their_units(name):
    """Sizes can be chosen."""
    assert_grows_with_its_units(BY_NAME[name])


@pytest.mark.parametrize("name", BY_NAME)
def test_names_are_those_of_the_package(name):
    """Whoever reads a name finds the function."""
    assert_is_named_after(BY_NAME[name], "jax")
