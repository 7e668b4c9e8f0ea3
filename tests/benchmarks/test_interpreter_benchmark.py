"""The command that compares the interpreter with JAX."""

import concurrent.futures.process
import json
from typing import Any

import pytest

from benchmarks.interpreter_benchmark import (
    benchmark,
    in_process,
    main,
    parse,
)
from benchmarks.interpreter_cases import Settings
from benchmarks.interpreter_measure import Limits
from elimax.pipeline.checkout.files import Layout
from elimax.pipeline.errors import StageError
from elimax.pipeline.tasks import task_names
from support.interpreter_results import case, content, task_result


def measured(name: str, settings: Settings) -> dict[str, Any]:
    """Stands for the measurement of a task."""
    return {**task_result(case(2.0, batch=1), case(2.0)), "device": content()["device"]}


def test_options_become_settings(layout: Layout) -> None:
    """Everything that can be chosen, and the root that data/orders is below."""
    words = ["mlp", "--layouts", "packed", "--batch", "1", "8", "--dtype", "float64"]
    words += ["--orders", "best", "--seconds", "0.5", "--rounds", "7", "--builds", "2"]
    given = parse(words)
    assert given.tasks == ["mlp"]
    assert given.settings == Settings(
        layouts=("packed",),
        batches=(1, 8),
        dtype="float64",
        orders="best",
        limits=Limits(builds=2, rounds=7, seconds=0.5),
        root=layout.root,
    )
    assert parse([]).settings == Settings(root=layout.root)


@pytest.mark.parametrize("words", [["--batch", "0"], ["--rounds", "0"], ["--dtype", "int8"]])
def test_wrong_options_are_errors(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Wrong usage exits with 2 and says what is wrong."""
    with pytest.raises(SystemExit) as caught:
        parse(words)
    assert caught.value.code == 2
    assert words[0].strip("-") in capsys.readouterr().err


def test_a_task_that_fails_does_not_stop_the_others(capsys: pytest.CaptureFixture[str]) -> None:
    """An error, or a process that dies, is told beside the results of the rest."""

    def measure(name: str, settings: Settings) -> dict[str, Any]:
        if name == "mlp":
            raise StageError("no such order")
        if name == "kerr_metric":
            raise concurrent.futures.process.BrokenProcessPool("terminated abruptly")
        return measured(name, settings)

    result = benchmark(["mlp", "kerr_metric", "roe_flux_1d"], Settings(), measure)
    assert list(result["tasks"]) == ["roe_flux_1d"]
    assert result["failed"] == {
        "mlp": "StageError: no such order",
        "kerr_metric": "BrokenProcessPool: terminated abruptly",
    }
    assert "mlp: StageError: no such order" in capsys.readouterr().err


def test_all_tasks_are_written_by_device(
    layout: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    """The table goes to stdout; JSON goes to the folder of the device."""
    assert main([], measured) == 0
    stored = json.loads(layout.results("cpu/interpreter.json").read_text())
    assert sorted(stored["tasks"]) == sorted(task_names())
    assert stored["summary"]["ratios"]["dense"]["mean"] == 2.0
    assert stored["settings"]["batches"] == [1, 512, 65536] and "root" not in stored["settings"]
    output = capsys.readouterr().out
    assert output.startswith("# Interpreter against JAX\n")
    assert all(f"| {name} | published | 512 |" in output for name in task_names())


def test_some_tasks_are_written_where_asked(layout: Layout) -> None:
    """A part of the tasks does not replace the result of all of them."""
    assert main(["mlp"], measured) == 0
    assert not layout.results("cpu").exists()
    path = layout.root / "some.json"
    assert main(["mlp", "--json", str(path)], measured) == 0
    assert list(json.loads(path.read_text())["tasks"]) == ["mlp"]


def test_exit_status_tells_of_failures(layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    """1 if some task could not be measured, also if none could."""

    def measure(name: str, settings: Settings) -> dict[str, Any]:
        if name == "mlp":
            raise StageError("no such order")
        return measured(name, settings)

    assert main(["mlp", "kerr_metric"], measure) == 1
    assert "- mlp: StageError: no such order" in capsys.readouterr().out
    assert main(["mlp"], measure) == 1
    assert capsys.readouterr().out == ""


def test_a_process_measures_a_task() -> None:
    """What comes back from the process of its own is the measurement."""
    settings = Settings(
        layouts=("published",), batches=(1,), limits=Limits(builds=1, rounds=3, seconds=0.01)
    )
    result = in_process("bratu_stencil", settings)
    assert [case["layout"] for case in result["cases"]] == ["published"]
    assert result["cases"][0]["ratios"]["dense"]["median"] > 0
