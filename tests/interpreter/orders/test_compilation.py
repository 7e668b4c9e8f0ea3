"""Compiling beside everything else."""

import subprocess
import sys
import time
import warnings

import pytest

from interpreter.orders import chain, compilation


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """As in a new process."""
    compilation._compilation.cache_clear()
    monkeypatch.setattr(compilation, "_FAILED", [])
    yield
    compilation._compilation.cache_clear()


def test_waits_as_long_as_it_is_told(monkeypatch):
    """Not ready while it compiles, ready afterwards; nobody compiles twice."""
    calls = []

    class Slow:
        def __init__(self, *arguments, **options):
            calls.append(options)
            time.sleep(0.3)

        def walk(self, *arguments):
            pass

    monkeypatch.setattr(chain, "Chain", Slow)
    assert not compilation.is_compiled(0.0)
    assert compilation.is_compiled(10.0)
    assert compilation.is_compiled(0.0)
    assert len(calls) == 1


def test_the_real_one():
    """After it, a search begins at once."""
    assert compilation.is_compiled(300.0)


def test_a_process_that_does_not_wait_ends_without_complaint():
    """Whoever asks and leaves at once, as short commands do, sees no traceback."""
    code = "from interpreter.orders.compilation import is_compiled; is_compiled(0.0)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300
    )
    assert done.stderr == ""


def test_without_numba(monkeypatch):
    """It warns once, and never claims to be ready."""

    def absent(*arguments, **options):
        raise ImportError("No module named 'numba'")

    monkeypatch.setattr(chain, "Chain", absent)
    with pytest.warns(UserWarning, match="not annealed, numba cannot be loaded: No module named"):
        compilation._compile()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert not compilation.is_compiled(10.0)
