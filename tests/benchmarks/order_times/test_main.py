"""The command `python -m benchmarks.order_times`."""

import json
import subprocess
import types

import pytest

from benchmarks.order_times import __main__ as command
from elimax.pipeline.checkout.files import Layout
from support.repository import ROOT

TASK = "propane_combustion"


def made_up(subject, orders, batch, *, rounds, seconds):
    """Records of orders that take as long as they have multiplications."""
    names = (
        "all",
        "nontrivial",
        "additions",
        "price",
        "arithmetic",
        "entries",
        "products",
        "flops",
    )
    times = {"jacfwd": 9.0, "jacrev": 9.0} | {name: 1.0 + k for k, name in enumerate(orders)}
    return [{"name": name, "seconds": x, **dict.fromkeys(names, x)} for name, x in times.items()]


def test_every_set_of_flags_is_a_process(tmp_path, monkeypatch, capsys):
    """A file that is there is kept, and the tables come at the end."""
    started = []

    def run(words, env, check):
        started.append((words[3], words[5], env["XLA_FLAGS"]))
        monkeypatch.setattr(Layout, "find", lambda: Layout(ROOT))
        return subprocess.CompletedProcess(words, command.main(words[3:]))

    monkeypatch.setattr(command, "subprocess", types.SimpleNamespace(run=run))
    monkeypatch.setattr(command, "measure", made_up)
    words = [TASK, "--orders", "2", "--batch", "4", "--rounds", "3", "--out", str(tmp_path)]
    assert command.main(words) == 0
    first = capsys.readouterr().out
    assert [x[:2] for x in started] == [(TASK, "default"), (TASK, "fusion")]
    assert "multi_output_fusion" in started[1][2] and "multi_output_fusion" not in started[0][2]
    assert command.main(words) == 0 and len(started) == 2
    assert capsys.readouterr().out == first == (tmp_path / "table.md").read_text()
    assert "## XLA flags: fusion" in first and f"| {TASK} | 4 |" in first
    stored = json.loads((tmp_path / "default" / f"{TASK}.json").read_text())
    assert stored["batch"] == 4 and len(stored["records"]) == 2 + 5


def test_a_process_that_fails_ends_the_command(tmp_path, monkeypatch):
    """With its exit status."""
    failed = subprocess.CompletedProcess([], 9)
    runner = types.SimpleNamespace(run=lambda *args, **kwargs: failed)
    monkeypatch.setattr(command, "subprocess", runner)
    assert command.main([TASK, "--out", str(tmp_path)]) == 9


def test_wrong_arguments(capsys):
    """What is refused, and an unknown task is one line."""
    with pytest.raises(SystemExit):
        command.parse(["--orders", "0"])
    assert "--orders, --batch and --rounds must be at least 1" in capsys.readouterr().err
    assert command.main(["no_task", "--here"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1
