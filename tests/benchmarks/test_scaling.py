"""Growth of tracing and emission with the length of a program."""

import json
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from benchmarks import scaling
from elimax.interpreter.jacobian import jacve
from elimax.interpreter.tracing.call import trace

INPUTS = (0.1, 0.2, 0.3, 0.4, 0.5)


def test_program_has_bounded_degree() -> None:
    """One vertex an equation; each comes from one or two of the ten values before it."""
    graph = trace(scaling.chain_program(60), *INPUTS, argnums=range(len(INPUTS)))
    assert graph.num_vertices == 60 and len(graph.outputs) == scaling.ENDS
    used: dict[int, set[int]] = {}
    for pred, succ in graph.edges:
        assert 0 < succ - pred <= scaling.WINDOW
        used.setdefault(succ, set()).add(pred)
    assert {len(preds) for preds in used.values()} == {1, 2}


def test_seed_decides_the_program() -> None:
    """The same seed is the same program on every machine; another one differs."""
    first, again, other = (
        trace(scaling.chain_program(40, seed), *INPUTS, argnums=range(len(INPUTS))).fingerprint
        for seed in (0, 0, 1)
    )
    assert first == again != other


def test_jacobian_of_a_program_is_right() -> None:
    """What is measured is a Jacobian: the same as JAX's."""
    program, argnums = scaling.chain_program(30), tuple(range(scaling.ENDS))
    ours = jax.jit(jacve(program, argnums, order="reverse"))(*INPUTS)
    expected = jax.jit(jax.jacrev(program, argnums))(*INPUTS)
    np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_steps_are_timed_apart() -> None:
    """Trace, graph, order and emission each have a time; the emitted equations are counted."""
    said: list[str] = []
    result = scaling.measure_size(50, ("forward", "reverse"), report=said.append)
    assert result["equations"] == result["vertices"] == 50
    assert result["trace"] > 0 and result["graph"] > 0
    assert set(result["orders"]) == {"forward", "reverse"} and result["skipped"] == []
    for entry in result["orders"].values():
        assert entry["find"] > 0 and entry["emit"] > 0
        assert entry["emitted"] > 50
    assert said == [f"50 equations: {what}" for what in ("trace", "forward", "reverse")]


def test_no_time_for_further_orders() -> None:
    """An order that nobody waits for is skipped by name."""
    result = scaling.measure_size(20, ("forward", "markowitz"), budget=0.0)
    assert result["orders"] == {} and result["skipped"] == ["forward", "markowitz"]


def test_growth_is_an_exponent() -> None:
    """Ten times the equations in a hundred times the time is quadratic."""
    assert scaling.growth(0.1, 10.0, 10.0) == 2.0
    assert scaling.growth(1.0, 3.0, 3.0) == 1.0


def entry(equations: int, seconds: float, **orders: dict[str, Any]) -> dict[str, Any]:
    """A result written by hand."""
    return {"equations": equations, "trace": seconds, "graph": seconds, "orders": orders}


def test_table_shows_what_was_skipped() -> None:
    """A size without a time has a dash and no exponent."""
    small = entry(10, 1.0, forward={"find": 1.0, "emit": 2.0})
    columns, rows = scaling.scaling_table([small, entry(100, 10.0)])
    assert columns == ["step", "10 s", "100 s", "exponent"]
    assert rows == [
        ["trace f", 1.0, 10.0, 1.0],
        ["graph", 1.0, 10.0, 1.0],
        ["find forward", 1.0, None, None],
        ["emit forward", 2.0, None, None],
    ]


def test_command_prints_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The table, a profile, and JSON."""
    path = tmp_path / "scaling.json"
    words = ["--sizes", "40", "20", "--orders", "forward", "--profile", "--json", str(path)]
    assert scaling.main(words) == 0
    output = capsys.readouterr().out
    assert "| step | 20 s | 40 s | exponent |" in output
    assert "Ordered by: internal time" in output and "eliminate" in output
    assert [entry["equations"] for entry in json.loads(path.read_text())["results"]] == [20, 40]


def test_programs_need_enough_equations(capsys: pytest.CaptureFixture[str]) -> None:
    """There are as many outputs as the window has inputs, so that fewer equations are refused."""
    with pytest.raises(SystemExit):
        scaling.main(["--sizes", "3"])
    assert "--sizes must be at least 5" in capsys.readouterr().err
