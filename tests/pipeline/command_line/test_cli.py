"""The command line: help, errors of one line, JSON, exit codes."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import CliRunner

import elimax
from elimax.pipeline.checkout.context import StageContext
from elimax.pipeline.checkout.files import Layout
from elimax.pipeline.command_line import cli, run
from elimax.pipeline.command_line.application import STAGES, TOOLS
from elimax.pipeline.errors import PipelineError
from elimax.pipeline.stages import finetune as stage
from elimax.pipeline.tasks import task_names
from support.repository import ROOT

Outcome = tuple[int, str, str]


@pytest.fixture
def call(layout: Layout, capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Runs a command line in this process; returns exit code, stdout and stderr."""

    def run(*arguments: str) -> Outcome:
        capsys.readouterr()
        with pytest.raises(SystemExit) as caught:
            cli.run(arguments)
        captured = capsys.readouterr()
        code = caught.value.code
        return code if isinstance(code, int) else 0, captured.out, captured.err

    return run


def test_help_lists_all_commands(layout: Layout) -> None:
    """Every stage and tool is in the help."""
    result = CliRunner().invoke(cli.app, ["--help"])
    assert result.exit_code == 0
    commands = ("extract", "pretrain", "finetune", "search", "evaluate", "report")
    tools = (
        "run",
        "compare",
        "plan",
        "optimize",
        "explain",
        "tasks",
        "params",
        "dashboard",
        "doctor",
        "clean",
    )
    for name in (*commands, *tools):
        assert re.search(rf"^  {name} +[A-Z][^.]*[^.:]\.?", result.stdout, re.MULTILINE), name
    assert result.stdout.count("...") == 1  # After the usage: no line is cut off.
    assert result.stdout.index(STAGES) < result.stdout.index("extract") < result.stdout.index(TOOLS)


def test_version(call: Callable[..., Outcome]) -> None:
    """The version is that of the package."""
    assert call("--version") == (0, f"elimax {elimax.__version__}\n", "")


def test_tasks_as_json(call: Callable[..., Outcome]) -> None:
    """The listing has every task with its title."""
    code, out, _ = call("tasks", "--json")
    entries = json.loads(out)
    assert code == 0
    assert tuple(entry["task"] for entry in entries) == task_names()
    assert all(entry["title"] and entry["source"] for entry in entries)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("extract", "roe_flux"), "error: there is no task 'roe_flux', did you mean roe_flux_"),
        (("plan", "mlp", "--out", "no/plan.json"), "No such file or directory: 'no/"),
        (("compare", "nowhere:f"), "error: there is no module 'nowhere'"),
        (
            ("explain", "mlp", "--order", "revers"),
            "no order and no file is called 'revers', did you mean",
        ),
        (("explain", "mlp", "--order", "best"), "does not exist; write it with: elimax search mlp"),
        (("explain", "mlp", "--step", "99", "--html", "x.html"), "step is 99, but reverse elim"),
        (("search", "propane_combustion"), "does not exist; write it with: elimax extract"),
        (("finetune", "propane_combustion"), "does not exist; write it with: elimax extract"),
        (("evaluate", "propane_combustion"), "does not exist; write it with: elimax extract"),
        (("report",), "does not exist; write it with: elimax evaluate toy_functions:toy"),
        (("pretrain", "-S", "pretrain.rounds.number=many"), "is 'many' but must be an integer"),
        (("params", "-S", "finetune.updatez=1"), "did you mean 'updates'?"),
        (("params", "unknown", "-S", "x"), "is not an override; write it as key.key=value"),
        (("params", "robot_arm"), "has no task 'robot_arm'; did you mean 'robot_arm_6dof'?"),
        (("finetune", "mlp", "-S", "finetune.updates=-3"), "finetune.updates is -3 but must be"),
        (("params", "-S", "seeds=3"), "must be a list: write -S 'seeds=[0,1,2]'"),
    ],
)
def test_errors_are_one_line(
    call: Callable[..., Outcome], arguments: tuple[str, ...], message: str
) -> None:
    """What a user did wrong is said in one line on stderr, with exit code 1."""
    code, out, err = call(*arguments)
    assert (code, out) == (1, "")
    assert err.startswith("error: ") and err.count("\n") == 1
    assert message in err


@pytest.mark.parametrize("command", ["pretrain", "params"])
def test_a_broken_value_in_the_file(
    call: Callable[..., Outcome], layout: Layout, command: str
) -> None:
    """A text where a number belongs names the key, what it is and what was expected."""
    text = layout.params.read_text().replace("labels: {annealing: 10", "labels: {annealing: many")
    layout.params.write_text(text)
    code, _, err = call(command)
    assert code == 1
    assert err == "error: params.yaml: pretrain.labels.annealing is 'many' but must be an integer\n"


def test_wrong_usage_exits_with_2(call: Callable[..., Outcome]) -> None:
    """An unknown command and a missing argument are usage errors."""
    assert call("extrct")[0] == 2
    assert call("extract")[0] == 2
    assert call("run", "--seeds", "0")[0] == call("finetune", "mlp", "--seed", "-1")[0] == 2
    code, _, err = call("explain", "mlp", "--step", "3")
    assert code == 2 and "--html" in err


def test_params_prints_what_is_merged(call: Callable[..., Outcome]) -> None:
    """Overrides, and with a task its own values and their sources, are in what is printed."""
    overrides = ("-S", "finetune.updates=7", "-S", "search.episodes=auto")
    overrides += ("-S", "task.default.search.episodes=8", "-S")
    overrides += ("task.toy_functions:toy.search.episodes=9",)
    code, out, _ = call("params", "--json", *overrides)
    assert code == 0
    assert json.loads(out)["finetune"]["updates"] == 7
    _, out, _ = call("params", "toy_functions:toy", *overrides)
    assert "finetune:\n  updates: 7  # -S\n  episodes: 2  # section finetune\n" in out
    assert "search:\n  episodes: 9  # -S\n" in out
    _, out, _ = call("params", "toy_functions:toy", "--json", *overrides)
    assert json.loads(out)["sources"]["seed"] == "params.yaml"


@pytest.mark.parametrize("seed", [None, 2])
def test_seeds_reach_the_stage(
    call: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch, seed: int | None
) -> None:
    """`finetune --seed 2` trains with that seed alone, without it the stage takes all."""

    def run_stage(context: StageContext, task: str, seed: int | None = None) -> dict[str, Any]:
        return {"task": task, "seed": seed, "seeds": context.seeds}

    monkeypatch.setattr(stage, "run_stage", run_stage)
    options = ("--seed", "2") if seed else ()
    code, out, _ = call("finetune", "mlp", "--json", "-S", "seeds=[0,1]", *options)
    assert code == 0
    assert json.loads(out) == {"task": "mlp", "seed": seed, "seeds": [0, 1]}


def test_number_of_seeds_reaches_the_run(
    call: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`run --seeds 5` hands on how many."""
    given: list[Any] = []

    def run_pipeline(*arguments: Any, jobs: int, say: Any, emit: Any) -> int:
        given.append((*arguments, jobs, say))
        (say or print)("stage 1 of 1")
        emit({"mlp": {"vertices": 39}})
        return 0

    monkeypatch.setattr(run, "run_pipeline", run_pipeline)
    assert call("run", "mlp", "--seeds", "5") == (0, "stage 1 of 1\n", "")
    assert given == [(["mlp"], None, 5, 1, None)]
    code, out, err = call("run", "--json")
    assert (code, json.loads(out), err) == (0, {"mlp": {"vertices": 39}}, "stage 1 of 1\n")


def test_names_of_tasks_are_completed(layout: Layout) -> None:
    """The shell asks for them through the environment."""
    environment = {
        "_ELIMAX_COMPLETE": "complete_bash",
        "COMP_WORDS": "elimax plan roe",
        "COMP_CWORD": "2",
    }
    result = CliRunner().invoke(cli.app, prog_name="elimax", env=environment)
    assert result.stdout.split() == ["roe_flux_1d", "roe_flux_3d"]


def test_debug_shows_the_traceback(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """ELIMAX_DEBUG=1 lets the error through."""
    monkeypatch.setenv("ELIMAX_DEBUG", "1")
    with pytest.raises(PipelineError, match="there is no task"):
        cli.run(["extract", "roe"])


def test_compare_as_json(call: Callable[..., Outcome]) -> None:
    """The counts of a published graph, without any file of the pipeline."""
    code, out, err = call("compare", "propane_combustion", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) == {
        "task": "propane_combustion",
        "vertices": 62,
        "orders": {
            "forward": {"all": 151, "nontrivial": 26},
            "reverse": {"all": 90, "nontrivial": 26},
            "markowitz": {"all": 111, "nontrivial": 24},
            "markowitz_high": {"all": 88, "nontrivial": 24},
            "best": {"all": 88, "nontrivial": 24, "found_by": "markowitz_high"},
        },
    }


def test_explain(call: Callable[..., Outcome], layout: Layout) -> None:
    """Tables for people, JSON for programs, a page where one is wanted; needs no file."""
    path = layout.root / "page.html"
    code, out, err = call("explain", "kerr_metric", "--order", "forward", "--html", str(path))
    assert (code, err) == (0, "")
    assert out.startswith("kerr_metric: forward eliminates 38 of 45 vertices with 223 multipl")
    assert out.splitlines()[-1] == f"wrote {path}" and "saves 211 of 434" in out
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")
    code, out, err = call("explain", "kerr_metric", "--json", "--count", "nontrivial")
    assert (code, err) == (0, "")
    content = json.loads(out)
    assert content["count"] == "nontrivial" and len(content["steps"]) == 38
    assert content["counts"]["order"]["nontrivial"] <= content["counts"]["forward"]["nontrivial"]
    assert call("explain", "kerr_metric", "--count", "some")[0] == 2


def test_module_and_command_are_the_same(layout: Layout) -> None:
    """`python -m elimax.pipeline` is the command line, and help needs neither JAX nor W&B."""
    script = (
        "import sys; sys.modules['jax'] = sys.modules['wandb'] = sys.modules['dvc'] = None; "
        "sys.argv[1:] = ['evaluate', '--help']; import runpy; "
        "runpy.run_module('elimax.pipeline', run_name='__main__')"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Check the Jacobians of TASK" in done.stdout
