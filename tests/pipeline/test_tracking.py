"""Weights & Biases: what a run holds, and that its failures never reach a stage."""

import builtins
import logging
import os
import subprocess
import sys
import textwrap
import types
from typing import Any

import pytest

from elimax.pipeline.checkout.files import Layout
from elimax.pipeline.tracking import STEP, metric_name, track
from support.pipeline_probe import of_type, read_run
from support.repository import ROOT


def test_an_offline_run_holds_curves_config_and_artifacts(layout: Layout) -> None:
    """The run is written without account and network, inside the checkout, with an exit code."""
    (layout.root / "policy.eqx").write_text("weights")
    script = """
        import sys
        from pathlib import Path
        from elimax.pipeline.checkout.files import Layout
        from elimax.pipeline.tracking import track
        layout = Layout(Path(sys.argv[1]))
        with track(layout, "finetune", "a:b", {"params": {"updates": 2}}, 3) as tracker:
            for number in range(3):
                row = {"eliminations": 10 * number, "orders/best": 9 - number}
                tracker.log({**row, "losses/entropy": 0.5})
            tracker.summary({"all": 7})
            tracker.table("orders", ["order", "all"], [["best", 7]])
            tracker.artifact(layout.root / "policy.eqx", "policy-a.b", "policy")
            raise SystemExit(143)
    """
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("WANDB_")
    }
    environment |= {"PYTHONPATH": str(ROOT), "DVC_EXP_NAME": "exp-1", "HOME": str(layout.root)}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(layout.root)],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 143, done.stderr
    records = read_run(layout.root)
    (run,) = of_type(records, "run")
    assert run["display_name"] == "finetune-a.b-3"
    assert (run["run_group"], run["job_type"], run["project"]) == ("exp-1", "finetune", "elimax")
    assert run["tags"] == ["finetune", "a.b"]
    assert run["config"]["update"]["params"] == {"updates": 2}
    rows = [record["item"] for record in of_type(records, "history")]
    steps = [row[STEP] for row in rows if "orders/best" in row]
    assert steps == [0, 10, 20]
    assert rows[2]["orders/best"] == 7 and rows[2]["losses/entropy"] == 0.5
    assert any(record.get("step_metric") == STEP for record in of_type(records, "metric"))
    assert any(record["update"].get("all") == 7 for record in of_type(records, "summary"))
    assert "policy-a.b" in [record["name"] for record in of_type(records, "artifact")]
    assert [record["exit_code"] for record in of_type(records, "exit")] == [143]
    assert not (layout.root / ".config").exists() and not (layout.root / ".cache").exists()


class Broken(types.ModuleType):
    """A wandb that starts a run and then fails at every call."""

    calls = 0

    class Settings:
        """Takes anything."""

        def __init__(self, **options: Any) -> None:
            """Takes anything."""

    @classmethod
    def init(cls, **options: Any) -> "Broken":
        """Starts a run."""
        return cls("run")

    def __getattr__(self, name: str) -> Any:
        """Fails, except where a run is set up."""
        if name == "define_metric":
            return lambda *arguments, **options: None
        type(self).calls += 1
        raise ConnectionResetError("wandb-core died")


def test_a_failure_is_said_once_and_turns_the_tracker_off(
    layout: Layout, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """W&B that dies in the middle costs one warning."""
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_DIR", str(layout.root))
    monkeypatch.setitem(sys.modules, "wandb", Broken("wandb"))
    with caplog.at_level(logging.WARNING), track(layout, "finetune", "x") as tracker:
        assert tracker.active
        tracker.log({"eliminations": 1})
        tracker.log({"eliminations": 2})
        tracker.summary({"all": 1})
        tracker.table("t", ["a"], [[1]])
        tracker.artifact(layout.params, "params", "params")
        assert not tracker.active
    assert [record.getMessage() for record in caplog.records] == [
        "W&B is off for this stage (ConnectionResetError: wandb-core died); "
        "the results are in data/ all the same"
    ]
    assert Broken.calls == 1


def test_a_machine_without_wandb_warns_once(
    layout: Layout, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A missing package is no error."""
    original = builtins.__import__

    def refuse(name: str, *arguments: Any, **options: Any) -> Any:
        if name == "wandb":
            raise ModuleNotFoundError("No module named 'wandb'")
        return original(name, *arguments, **options)

    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setattr(builtins, "__import__", refuse)
    with caplog.at_level(logging.WARNING), track(layout, "finetune", "x") as tracker:
        tracker.log({"eliminations": 1})
    (record,) = caplog.records
    assert "No module named 'wandb'" in record.getMessage()


def test_a_failed_online_start_becomes_an_offline_run(
    layout: Layout, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Without network the run is kept for a later upload."""
    modes = []

    def init(mode: str, **options: Any) -> Any:
        modes.append(mode)
        if mode == "online":
            raise TimeoutError("no route to host")
        return types.SimpleNamespace(
            define_metric=lambda *names, **options: None, finish=lambda exit_code: None
        )

    fake = types.SimpleNamespace(init=init, Settings=dict)
    monkeypatch.setenv("WANDB_MODE", "online")
    monkeypatch.setenv("WANDB_DIR", str(layout.root))
    monkeypatch.setitem(sys.modules, "wandb", fake)
    with caplog.at_level(logging.WARNING), track(layout, "finetune", "x") as tracker:
        assert tracker.active
    assert modes == ["online", "offline"]
    assert "cannot go online (TimeoutError: no route to host)" in caplog.text


def test_disabled_does_not_import_wandb(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """WANDB_MODE=disabled costs nothing and writes nothing."""
    monkeypatch.setitem(sys.modules, "wandb", None)
    with track(layout, "finetune", "x") as tracker:
        assert not tracker.active
    assert sorted(entry.name for entry in layout.root.iterdir()) == ["params.yaml"]


def test_an_error_of_the_stage_passes_through(layout: Layout) -> None:
    """The tracker hides nothing."""
    with pytest.raises(KeyError), track(layout, "finetune", "x"):
        raise KeyError("stage")


def test_metric_names() -> None:
    """Columns with a slash keep their names; the others are charts."""
    assert metric_name("eliminations") == STEP
    assert metric_name("losses/entropy") == "losses/entropy"
