"""Outputs that a failing stage puts back."""

import hashlib
from pathlib import Path

import pytest

from elimax.pipeline.checkout.files import Layout
from elimax.pipeline.checkout.kept_outputs import kept_outputs
from support.scratch_checkout import commit, git

STAGE = "pretrain"


@pytest.fixture
def checkout(tmp_path: Path) -> tuple[Layout, Path]:
    """A git checkout with one committed output."""
    output = tmp_path / "data/policy.eqx"
    output.parent.mkdir()
    output.write_bytes(b"committed")
    git(tmp_path, "init", "--quiet")
    commit(tmp_path)
    return Layout(tmp_path), output


def write_lock(layout: Layout, content: bytes) -> None:
    """Writes a dvc.lock that names some bytes."""
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    text = f"stages: {{{STAGE}: {{outs: [{{path: data/policy.eqx, md5: {md5}}}]}}}}"
    (layout.root / "dvc.lock").write_text(text)


def fail_after_deleting(layout: Layout, output: Path, error: type[BaseException]) -> None:
    """Runs a stage that fails, after DVC has deleted its output."""
    output.unlink()
    with pytest.raises(error), kept_outputs(layout, STAGE, [output]):
        raise error


def succeed(layout: Layout, output: Path, content: bytes) -> None:
    """Runs a stage that writes its output."""
    with kept_outputs(layout, STAGE, [output]):
        output.write_bytes(content)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_the_last_commit_is_put_back(
    checkout: tuple[Layout, Path], error: type[BaseException]
) -> None:
    """Where no run has ended well yet, whatever ends the stage."""
    layout, output = checkout
    fail_after_deleting(layout, output, error)
    assert output.read_bytes() == b"committed"


@pytest.mark.parametrize(
    ("locked", "expected"),
    [(b"trained", b"trained"), (b"committed", b"committed"), (b"other", b"committed")],
)
def test_what_the_lock_names_is_put_back(
    checkout: tuple[Layout, Path], locked: bytes, expected: bytes
) -> None:
    """The last run, or the commit if the user has gone back to it."""
    layout, output = checkout
    succeed(layout, output, b"trained")
    write_lock(layout, locked)
    fail_after_deleting(layout, output, ValueError)
    assert output.read_bytes() == expected


def test_what_was_there_is_put_back(checkout: tuple[Layout, Path]) -> None:
    """Without DVC nothing is deleted, but a stage may fail after it has written something."""
    layout, output = checkout
    output.write_bytes(b"mine")
    with pytest.raises(ValueError, match="late"), kept_outputs(layout, STAGE, [output]):
        output.write_bytes(b"half of the outputs")
        raise ValueError("late")
    assert output.read_bytes() == b"mine"


def test_nothing_is_put_back_from_nowhere(tmp_path: Path) -> None:
    """No git, no earlier run: the output stays missing, and the error is the stage's own."""
    with pytest.raises(ValueError), kept_outputs(Layout(tmp_path), STAGE, [tmp_path / "x"]):
        raise ValueError
    assert list(tmp_path.iterdir()) == []


def test_copy_of_a_profile_takes_nothing_from_the_checkout(checkout: tuple[Layout, Path]) -> None:
    """It lies inside another checkout, which has an output at the same place."""
    layout, _ = checkout
    copy = Layout(layout.state / "smoke")
    output = copy.root / "data/policy.eqx"
    output.parent.mkdir(parents=True)
    with pytest.raises(ValueError), kept_outputs(copy, STAGE, [output]):
        raise ValueError
    assert not output.exists()
