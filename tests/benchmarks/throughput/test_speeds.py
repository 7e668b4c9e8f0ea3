"""What `make bench-throughput` measures."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.throughput import speeds
from support.repository import ROOT

ARRAYS = "transformer_encoder"


def once(call: Callable[[], Any], number: int, unit: str) -> None:
    """Does it, and does not look at a clock."""
    call()
    assert number > 0
    assert unit.isalpha()


@pytest.mark.parametrize(
    "measure", [speeds.measure_annealing, speeds.measure_regrets, speeds.measure_greedy_game]
)
def test_search_and_games(measure: Callable[..., None]) -> None:
    """What needs no compilation by XLA that takes long."""
    measure(ARRAYS, once)


@pytest.mark.slow
@pytest.mark.parametrize("task", speeds.TASKS)
@pytest.mark.parametrize("measure", [speeds.measure_games, speeds.measure_update])
def test_training(measure: Callable[..., None], task: str) -> None:
    """Games in all threads, and updates."""
    measure(task, once)


@pytest.mark.parametrize(
    "measure", [speeds.measure_rules, speeds.measure_trace, speeds.measure_emission]
)
def test_long_programs(measure: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Of fewer equations."""
    monkeypatch.setattr(speeds, "EQUATIONS", 30)
    measure(once)


def test_a_run_is_kept(tmp_path: Path) -> None:
    """A file of pytest-benchmark with rates, versions, the processor, and no name of a machine."""
    path = tmp_path / "rates.json"
    options = ["-p", "benchmark", "-p", "no:cacheprovider", "-o", "python_functions=measure_*"]
    words = ["pytest", "benchmarks/throughput/speeds.py", *options, "-k", "trace"]
    # pytest-benchmark refuses to measure where it sees workers of pytest-xdist.
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        [sys.executable, "-m", *words, f"--benchmark-json={path}"],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    content = json.loads(path.read_text())
    assert set(content["machine_info"]) == {"platform", "device", "cpu", "jax", "versions"}
    (entry,) = content["benchmarks"]
    info, median = entry["extra_info"], entry["stats"]["median"]
    assert (info["number"], info["unit"]) == (speeds.EQUATIONS, "equations")
    assert info["per_second"] == pytest.approx(speeds.EQUATIONS / median, abs=1)
    assert f"{info['per_second']:,} equations per second" in done.stdout
