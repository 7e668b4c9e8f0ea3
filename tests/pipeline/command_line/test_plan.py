"""Command plan."""

import json

import pytest

from elimax.interpreter.jacobian import jacve
from elimax.interpreter.plan import Plan
from elimax.pipeline.checkout.files import Layout
from elimax.pipeline.command_line import cli
from elimax.pipeline.command_line.plan import plan_task
from elimax.pipeline.tasks import UnknownTaskError, load_task


def call(*arguments: str) -> int:
    """The exit code of `elimax plan`."""
    with pytest.raises(SystemExit) as caught:
        cli.run(["plan", *arguments])
    code = caught.value.code
    return code if isinstance(code, int) else 0


def test_a_plan_in_a_file_is_one_for_jacve(
    layout: Layout, toy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is written is what is shown, and what jacve takes for the same function."""
    path = layout.root / "plan.json"
    assert call(toy, "--out", str(path)) == 0
    made = Plan.load(path)
    call_of_it = f"elimax.jacve(f, argnums=(0, 1), order=elimax.Plan.load({str(path)!r}))"
    assert capsys.readouterr() == (f"{made}\nwrote {path}: {call_of_it}\n", "")
    task = load_task(toy)
    jacve(task.function, task.argnums, order=made)(*task.example_inputs())


def test_a_plan_as_json(layout: Layout, toy: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The same content, for programs."""
    assert call(toy, "--json") == 0
    assert Plan.from_dict(json.loads(capsys.readouterr().out)) == plan_task(toy)


def test_time_for_the_search(layout: Layout) -> None:
    """More time finds a cheaper order; no time is wrong usage."""
    assert plan_task("mlp", seconds=0.3).price < plan_task("mlp").price
    assert call("mlp", "--seconds", "0") == 2


def test_the_fastest(layout: Layout, toy: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A race writes a plan for jacve, too; a batch without a race is refused."""
    path = layout.root / "plan.json"
    assert call(toy, "--fastest", "--batch", "64", "--seconds", "2", "--out", str(path)) == 0
    task, made = load_task(toy), Plan.load(path)
    jacve(task.function, task.argnums, order=made)(*task.example_inputs())
    capsys.readouterr()
    assert call(toy, "--batch", "64") == 1
    assert "--batch 64 needs --fastest" in capsys.readouterr().err


def test_no_such_task() -> None:
    """The same error as for all commands."""
    with pytest.raises(UnknownTaskError, match="there is no task 'mpl'"):
        plan_task("mpl")
