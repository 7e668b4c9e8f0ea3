"""The facade: public names, version, cheap import."""

import subprocess
import sys

import pytest

import elimax
from support.repository import ROOT


@pytest.mark.parametrize("name", elimax.__all__)
def test_every_public_name_loads(name: str) -> None:
    """Every listed name is there, and is the object that elimax.api defines."""
    import elimax.api

    value = getattr(elimax, name)
    if name != "__version__":
        assert value is getattr(elimax.api, name)


def test_errors_share_one_base() -> None:
    """One except clause catches all errors that elimax raises on purpose."""
    errors = [getattr(elimax, name) for name in elimax.__all__ if name.endswith("Error")]
    assert len(errors) >= 5
    assert all(issubclass(error, elimax.ElimaxError) for error in errors)


def test_unknown_name_is_refused() -> None:
    """A misspelled name raises the error that Python raises for modules."""
    with pytest.raises(AttributeError, match="module 'elimax' has no attribute 'jacobian'"):
        _ = elimax.jacobian  # pyright: ignore[reportAttributeAccessIssue]


def test_dir_lists_what_is_public() -> None:
    """Completion shows the public names before any is loaded."""
    assert dir(elimax) == sorted(elimax.__all__)


def test_version_does_not_load_jax() -> None:
    """`elimax --version` stays quick."""
    code = "import elimax, sys; sys.exit('jax' in sys.modules or not elimax.__version__)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
