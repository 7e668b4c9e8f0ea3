"""Weights & Biases: what a run holds, and that its failures never reach a stage."""

import builtins
import logging
import os
import re
import subprocess
import sys
import textwrap
import types
from typing import Any

import pytest

from elimax.pipeline.checkout.files import Layout
from elimax.pipeline.tracking import LOWEST, PIPELINE_RUN, STEP, Tracker, metric_name, track
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
    assert run["display_name"] == "finetune-a.b-s3"
    assert re.fullmatch(r"finetune-a\.b-s3-\d{8}-\d{6}-[0-9a-f]{4}", run["run_id"])
    assert (run["run_group"], run["job_type"], run["project"]) == ("exp-1", "finetune", "elimax")
    assert run["tags"] == ["finetune", "a.b"]
    config = run["config"]["update"]
    assert (config["params"], config["seed"]) == ({"updates": 2}, 3)
    assert config["versions"]["wandb"] and config["versions"]["python"].startswith("3.")
    assert set(config) >= {"xla_flags", "device", "commit", "dvc_lock", "task", "stage"}
    rows = [record["item"] for record in of_type(records, "history")]
    steps = [row[STEP] for row in rows if "orders/best" in row]
    assert steps == [0, 10, 20]
    assert rows[2]["orders/best"] == 7 and rows[2]["losses/entropy"] == 0.5
    metrics = of_type(records, "metric")
    assert any(record.get("step_metric") == STEP for record in metrics)
    lowest = {x["name"]: x["summary"] for x in metrics if x.get("summary")}
    assert lowest == {name: {"min": True} for name in LOWEST}
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
        "its results are still written to data/"
    ]
    assert Broken.calls == 2  # What failed, and the end of W&B.


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


@pytest.fixture
def modes(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A wandb without network, of which an online run is wanted; returns what it was asked for."""
    asked: list[str] = []

    def init(mode: str, **options: Any) -> Any:
        asked.append(mode)
        if mode == "online":
            raise TimeoutError("no route to host")
        return types.SimpleNamespace(
            define_metric=lambda *names, **options: None, finish=lambda exit_code: None
        )

    monkeypatch.setenv("WANDB_MODE", "online")
    monkeypatch.setenv("WANDB_DIR", str(layout.root))
    monkeypatch.setitem(sys.modules, "wandb", types.SimpleNamespace(init=init, Settings=dict))
    return asked


def test_a_failed_online_start_becomes_an_offline_run(
    layout: Layout, modes: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Without network the run is kept for a later upload."""
    with caplog.at_level(logging.WARNING), track(layout, "finetune", "x") as tracker:
        assert tracker.active
    assert modes == ["online", "offline"]
    assert "cannot go online (TimeoutError: no route to host)" in caplog.text


def test_a_pipeline_that_is_offline_says_so_once(
    layout: Layout,
    modes: list[str],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Its other stages do not wait for the network again; the next pipeline tries anew."""
    for name in ("1-2", "1-2", "3-4"):
        monkeypatch.setenv(PIPELINE_RUN, name)
        with track(layout, "finetune", "x"):
            pass
    assert modes == ["online", "offline", "offline", "online", "offline"]
    assert caplog.text.count("cannot go online") == 2


def test_lineage_is_for_runs_that_are_online() -> None:
    """Offline no server knows the versions; one that does not know them is no failure."""
    used = []

    def use_artifact(name: str, type: str) -> None:
        used.append((name, type))
        raise ValueError("no such artifact")

    run = types.SimpleNamespace(use_artifact=use_artifact)
    for tracker in (Tracker(), Tracker(run), Tracker(run, is_online=True)):
        before = tracker.active
        tracker.uses("graph-mlp", "graph")
        assert tracker.active == before
    assert used == [("graph-mlp:latest", "graph")]


def test_runs_of_a_queued_experiment_stay(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """DVC deletes the copy in which it ran; they lie in the checkout that it was made from."""
    made: list[str | None] = []

    def init(**options: Any) -> Any:
        made.append(os.environ.get("WANDB_DIR"))
        raise RuntimeError("seen")

    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setitem(sys.modules, "wandb", types.SimpleNamespace(init=init, Settings=dict))
    queued = layout.root / ".dvc/tmp/exps/tmp1234"
    queued.mkdir(parents=True)
    for root in (queued, layout.root):
        monkeypatch.delenv("WANDB_DIR", raising=False)
        with track(Layout(root), "finetune", "x"):
            pass
    monkeypatch.setenv("WANDB_DIR", str(queued))
    with track(layout, "finetune", "x"):
        pass
    assert made == [str(layout.root), str(layout.root), str(queued)]


def test_a_sweep_names_its_runs(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its agent has chosen an id by which it finds the run again."""
    given: list[set[str]] = []

    def init(**options: Any) -> Any:
        given.append({"name", "id"} & set(options))
        raise RuntimeError("seen")

    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_DIR", str(layout.root))
    monkeypatch.setitem(sys.modules, "wandb", types.SimpleNamespace(init=init, Settings=dict))
    for _ in range(2):
        with track(layout, "finetune", "x"):
            pass
        monkeypatch.setenv("WANDB_SWEEP_ID", "abc")
    assert given == [{"name", "id"}, set()]


FAULTS = """
import pathlib, os, signal, subprocess, sys
from elimax.pipeline.checkout.files import Layout
from elimax.pipeline.tracking import track
with track(Layout(pathlib.Path(sys.argv[1])), "finetune", "x") as tracker:
    if sys.argv[2] == "kill":
        assert tracker.active
        found = subprocess.run(["pgrep", "-P", str(os.getpid()), "wandb-core"], capture_output=True)
        for number in found.stdout.split():
            os.kill(int(number), signal.SIGKILL)
    tracker.log({"eliminations": 1})
    tracker.summary({"all": 7})
print("the stage goes on")
"""


@pytest.mark.parametrize("fault", ["kill", "unwritable"])
def test_faults_of_wandb_are_one_line(layout: Layout, fault: str) -> None:
    """Its background process dies, or its folder cannot be written: no traceback, also at exit."""
    environment = {key: x for key, x in os.environ.items() if not key.startswith("WANDB_")}
    environment |= {"PYTHONPATH": str(ROOT), "HOME": str(layout.root)}
    if fault == "unwritable":
        environment["WANDB_DIR"] = "/proc/none"
    done = subprocess.run(
        [sys.executable, "-c", FAULTS, str(layout.root), fault],
        env=environment, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0
    assert done.stdout == "the stage goes on\n"
    assert done.stderr.count("\n") <= 1, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr == "" or "W&B is off for this stage" in done.stderr


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
