"""Errors in a user's function are told by its own lines."""

import sys
from pathlib import Path

import pytest

from elimax.pipeline.checkout.files import Layout
from elimax.pipeline.command_line import cli
from elimax.pipeline.command_line.user_code import told_by_user_code

MODULE = """
import jax.numpy as jnp
import numpy as np

def inner(x):
    return jnp.dot(x, x[:-1])

def broken(x):
    y = jnp.sin(x)
    return inner(y)

def broken_example_inputs():
    return (np.ones(3, np.float32),)

def branching(x):
    if x > 0:
        return x
    return -x

def branching_example_inputs():
    return (np.float32(1.0),)
"""


@pytest.fixture
def module(tmp_path: Path, layout: Layout, monkeypatch: pytest.MonkeyPatch) -> str:
    """The module above, found from the working directory on."""
    (tmp_path / "user_module.py").write_text(MODULE)
    monkeypatch.delitem(sys.modules, "user_module", raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return "user_module"


@pytest.mark.parametrize("command", ["compare", "plan", "explain", "optimize", "extract"])
def test_its_lines_are_shown(module: str, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The lines of the function that led there, and no line of elimax or JAX."""
    with pytest.raises(SystemExit) as caught:
        cli.run([command, f"{module}:broken"])
    assert caught.value.code == 1
    out, err = capsys.readouterr()
    assert out == "" and err.splitlines() == [
        "error in your function: TypeError: dot_general requires contracting dimensions to have "
        "the same shape, got (3,) and (2,).",
        "  user_module.py:10, in broken",
        "    return inner(y)",
        "  user_module.py:6, in inner",
        "    return jnp.dot(x, x[:-1])",
        "(ELIMAX_DEBUG=1 shows the whole traceback)",
    ]


def test_a_branch_on_a_value(module: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The most frequent mistake: JAX's long explanation is one line, the place is the user's."""
    with pytest.raises(SystemExit):
        cli.run(["compare", f"{module}:branching"])
    err = capsys.readouterr().err
    assert "    if x > 0:" in err and "user_module.py:16, in branching" in err
    assert len(err.splitlines()) <= 5 and "TracerBool" in err


def test_bugs_of_elimax_keep_their_traceback(layout: Layout) -> None:
    """Nothing of a user was running, or elimax failed below it."""

    def fail() -> None:
        raise KeyError("a bug")

    try:
        exec(compile("fail()", str(Path(cli.__file__)), "exec"), {"fail": fail})
    except KeyError as error:
        assert told_by_user_code(error) is not None  # Raised in this file, which is a user's.
    program = "def fail():\n    raise KeyError('a bug')\nfail()"
    try:
        exec(compile(program, str(Path(cli.__file__)), "exec"), {})
    except KeyError as error:
        assert told_by_user_code(error) is None
