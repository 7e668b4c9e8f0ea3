"""Other packages promote dtypes as they like; derivatives are compared in float64."""

from collections.abc import Iterator

import jax
import pytest


@pytest.fixture(autouse=True)
def _as_users_do() -> Iterator[None]:
    """64-bit numbers and JAX's ordinary promotion."""
    with jax.enable_x64(True), jax.numpy_dtype_promotion("standard"):
        yield
