"""With `--quick` what the models do is compiled in a hurry."""

from collections.abc import Iterator

import jax
import pytest


@pytest.fixture(scope="module", autouse=True)
def _compiled_in_a_hurry(pytestconfig: pytest.Config) -> Iterator[None]:
    """Compiling takes most of the time here, and speed is not what is tested."""
    name = "jax_disable_most_optimizations"
    before = jax.config.read(name)
    jax.config.update(name, before or pytestconfig.getoption("--quick"))
    yield
    jax.config.update(name, before)
