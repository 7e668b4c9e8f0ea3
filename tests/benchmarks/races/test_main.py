"""The benchmark of races: one line for every case, tables of what is there."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks.races import __main__ as races


@pytest.mark.slow
def test_lines_and_tables(tmp_path, capsys):
    """A case is measured once; every contender is timed, and the winner is exact."""
    words = ["beale", "--batch", "1", "32", "--rounds", "3", "--out", str(tmp_path)]
    assert races.main(words) == 0
    lines = [json.loads(line) for line in (tmp_path / "lines.jsonl").read_text().splitlines()]
    assert [(line["program"], line["budget"]) for line in lines] == [("beale", 1), ("beale", 32)]
    for line in lines:
        assert set(line["seconds"]) == {"jacfwd", "jacrev", "auto", "fastest", "floor"}
        assert line["error"] < 1e-13 and line["better"] in ("jacfwd", "jacrev")
        assert set(line["ratios"]) == {"auto", "fastest", "floor"}
    assert [("auto" in line["by_kernel"]) for line in lines] == [False, True]
    text = capsys.readouterr().out
    assert "| beale | float32 | 32 |" in text and "times the floor" in text
    assert races.main(words) == 0
    assert len((tmp_path / "lines.jsonl").read_text().splitlines()) == 2


def test_an_unknown_system(capsys):
    """The message lists those that there are."""
    with pytest.raises(SystemExit):
        races.main(["nobody"])
    assert "unknown system nobody: choose from " in capsys.readouterr().err


def test_a_broken_file(tmp_path, capsys):
    """Is one line on stderr, and status 1."""
    (tmp_path / "lines.jsonl").write_text("broken\nbroken\n")
    assert races.main(["beale", "--out", str(tmp_path)]) == 1
    assert capsys.readouterr().err.startswith("error: ")


@pytest.mark.parametrize("name", races.SYSTEMS)
def test_systems(name):
    """Each has a finite Jacobian at its point, which differences confirm."""
    function, values = races.SYSTEMS[name]
    with jax.enable_x64(True):
        x = jnp.asarray(values, jnp.float64)
        assert x.ndim == 1
        jacobian = np.asarray(jax.jit(jax.jacfwd(function))(x))
        step = 1e-6 * np.maximum(1e-3, np.abs(x))
        evaluate = jax.jit(function)
        columns = [
            (np.asarray(evaluate(x + d)) - np.asarray(evaluate(x - d))) / (2 * h)
            for d, h in zip(np.diag(step), step, strict=True)
        ]
    scale = np.abs(jacobian).max(axis=1, keepdims=True) + 1e-12
    assert np.all(np.isfinite(jacobian))
    np.testing.assert_allclose(np.stack(columns, axis=1) / scale, jacobian / scale, atol=1e-4)
