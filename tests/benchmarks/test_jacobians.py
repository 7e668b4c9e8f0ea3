"""The command: cases one after the other, files, the time limit, what it imports."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import jacobians
from benchmarks.cases import Case, Settings, all_cases
from benchmarks.subjects import Subject
from elimax.pipeline.checkout.files import Layout
from support import jacobian_records
from support.repository import ROOT

LAYOUT = Layout(ROOT)
SETTINGS = Settings(batch=(8,), orders=("best",), values=True, check_batch=4)
WORDS = ["--batch", "8", "--orders", "best", "auto", "--check-batch", "4", "--values"]
QUICK = ["--rounds", "3", "--builds", "1", "--case-seconds", "0"]
BLOCKED = ("typer", "ruamel", "yaml", "platformdirs", "wandb", "dvc", "rich", "pytest")
BLOCK = f"import sys\nfor name in {BLOCKED!r}: sys.modules[name] = None\n"


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELIMAX_ROOT", str(ROOT))


def measured(subject: Subject, case: Case, batch: int, settings: Settings) -> dict[str, Any]:
    """Stands for the measurement of a case."""
    del subject, settings
    changes = {"kind": case.kind, "dtype": case.dtype, "layout": case.layout}
    return jacobian_records.case(**changes, batch=batch, wanted=case.batch)


def trained(*arguments: Any, **given: Any) -> dict[str, Any]:
    """Stands for a training."""
    result = {"episodes": given["episodes"], "updates": 2, "first_seconds": 9.0}
    result |= {"update_seconds": 1.0, "eliminations_per_second": 100.0}
    return {**result, "played_per_second": 300.0, "played_in_one_thread": 200.0}


@pytest.fixture
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is compiled."""
    monkeypatch.setattr(jacobians, "measure_case", measured)
    monkeypatch.setattr(jacobians, "measure_training", trained)


@pytest.mark.slow
def test_command_needs_few_packages_and_goes_on(tmp_path: Path) -> None:
    """Without the packages of the pipeline; a second call measures only what noise spoiled."""
    code = f"{BLOCK}from benchmarks import jacobians, measuring\n"
    code += "measuring.NULL_TOLERANCE = measuring.NULL_WIDTH = 1e9\n"
    code += "sys.exit(jacobians.main(sys.argv[1:]))"
    words = [sys.executable, "-c", code, "bratu_stencil", "--out", str(tmp_path), *WORDS, *QUICK]
    first = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "3 of 3, bratu_stencil, times float32 packed batch 8" in first.stderr
    assert first.stdout == (tmp_path / "table.md").read_text()
    assert "| bratu_stencil | float32 | packed | 8 |" in first.stdout
    assert "| bratu_stencil | 4 |" in first.stdout and "| yes |" in first.stdout
    content = json.loads((tmp_path / "bratu_stencil.json").read_text())
    assert len(content["cases"]) == 3 and content["environment"]["orders"] == ["best", "auto"]
    second = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "of 3" not in second.stderr and second.stdout == first.stdout


def test_imports_few_packages() -> None:
    """The module can be imported without the packages of the pipeline."""
    code = f"{BLOCK}import benchmarks.jacobians"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


@pytest.mark.usefixtures("stand_ins")
def test_results_are_kept_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Tables of everything; the next call finds it all, also those of other tasks."""
    words = ["--out", str(tmp_path), *WORDS, "--training", "--", "kerr_metric"]
    assert jacobians.main(words) == 0
    output = capsys.readouterr().out
    assert "| kerr_metric | float32 | published | 8 | 4,000 | 2,000 | 1,000 | 2.00 (1.9" in output
    assert "| kerr_metric | 48 | 2 | 9.00 |" in output
    assert jacobians.main(words) == 0
    told = capsys.readouterr()
    assert told.err == "" and told.out == output
    assert jacobians.main([*words[:-1], "mlp"]) == 0
    assert "| float32 | packed | 8 | 2 | 2.00 |" in capsys.readouterr().out


@pytest.mark.usefixtures("stand_ins")
def test_a_refused_case_is_measured_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Noise is no result: the next call replaces it."""

    def noisy(*arguments: Any) -> dict[str, Any]:
        return measured(*arguments) | {"ratios": {}, "refused": "too noisy"}

    words = ["--out", str(tmp_path), "--batch", "8", "--layouts", "packed", "--", "mlp"]
    with monkeypatch.context() as patch:
        patch.setattr(jacobians, "measure_case", noisy)
        assert jacobians.main(words) == 0
    assert "- mlp, times float32 packed batch 8: too noisy" in capsys.readouterr().out
    assert jacobians.main(words) == 0
    told = capsys.readouterr()
    assert "1 of 1" in told.err and "too noisy" not in told.out and "2.00 (1.90" in told.out


@pytest.mark.usefixtures("stand_ins")
def test_reduced_batches_are_told_and_measured_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two sizes that do not fit become the same one."""
    words = ["--out", str(tmp_path), "--gigabytes", "1e-6", "--batch", "64", "32", "--", "mlp"]
    assert jacobians.main(words) == 0
    output = capsys.readouterr().out
    assert "- mlp, times float32 published batch 64: batch 2 is the largest that fits" in output
    assert "batch 32: batch 2 is the largest that fits, and was already measured" in output


@pytest.mark.usefixtures("stand_ins")
def test_time_limit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No case starts that may take longer than what is left; what is left out is told."""
    assert jacobians.main(["--out", str(tmp_path), *WORDS, "--seconds", "0", "mlp"]) == 0
    assert "batch 4: 0 s left, may take 1 s" in capsys.readouterr().out
    now = [0.0]
    benchmark = jacobians.Benchmark(
        tmp_path / "b", SETTINGS, 25.0, layout=LAYOUT, clock=lambda: now[0]
    )

    def slow(*arguments: Any) -> dict[str, Any]:
        now[0] += 10.0
        return measured(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jacobians, "measure_case", slow)
        cases = all_cases(["mlp"], SETTINGS)
        result = benchmark.run(cases)["mlp"]
    assert set(result["cases"]) == {case.label for case in cases[:2]}
    assert list(result["left_out"]) == [cases[2].label]
    assert "5 s left, may take 10 s" in result["left_out"][cases[2].label]


@pytest.mark.usefixtures("stand_ins")
def test_foreign_files_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Other orders are other results; the command says so in one line and exits with 2."""
    words = ["--out", str(tmp_path), "--batch", "8", "--orders", "best", "--", "mlp"]
    assert jacobians.main(words) == 0
    capsys.readouterr()
    assert jacobians.main(["auto" if word == "best" else word for word in words]) == 2
    told = capsys.readouterr().err
    assert "with orders ['best'], expected ['auto']: give another folder with --out" in told
    assert told.count("\n") == 1


def test_failures_do_not_stop_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An error is a reason, and is not tried again."""

    def failing(subject: Subject, case: Case, *others: Any) -> dict[str, Any]:
        if case.layout == "packed":
            raise MemoryError("out of\nmemory")
        return measured(subject, case, *others)

    monkeypatch.setattr(jacobians, "measure_case", failing)
    words = ["--out", str(tmp_path), *WORDS, "mlp"]
    assert jacobians.main(words) == 0
    told = capsys.readouterr()
    assert "packed batch 8, all: MemoryError: out of memory" in told.out and "3 of 3" in told.err
    assert jacobians.main(words) == 0 and capsys.readouterr().err == ""


def test_an_interruption_keeps_the_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The report is written, and the case is tried again by the next call."""

    def stop(*arguments: Any) -> dict[str, Any]:
        raise KeyboardInterrupt

    monkeypatch.setattr(jacobians, "measure_case", stop)
    words = ["--out", str(tmp_path), *WORDS, "mlp"]
    assert jacobians.main(words) == 0
    assert "values float64 published batch 4: interrupted" in capsys.readouterr().out
    monkeypatch.setattr(jacobians, "measure_case", measured)
    assert jacobians.main(words) == 0
    assert len(json.loads((tmp_path / "mlp.json").read_text())["cases"]) == 3


def test_wrong_values_are_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The exit status tells."""

    def wrong(*arguments: Any) -> dict[str, Any]:
        return measured(*arguments) | {"wrong": ["best"], "unchecked": []}

    monkeypatch.setattr(jacobians, "measure_case", wrong)
    assert jacobians.main(["--out", str(tmp_path), *WORDS, "mlp"]) == 1


def test_functions_of_a_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Given as module:function; integers among its inputs do not fit the packed layout."""
    text = """
import numpy as np
def counted(x, n):
    return x * x * n.astype(x.dtype)
def example_inputs():
    return np.float32(0.5), np.int32(3)
"""
    (tmp_path / "counted_functions.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(jacobians, "measure_case", measured)
    name, out = "counted_functions:counted", tmp_path / "out"
    assert jacobians.main(["--out", str(out), "--batch", "8", "--", name]) == 0
    told = capsys.readouterr().out
    assert f"| {name} | float32 | published | 8 |" in told
    assert f"{name}, times float32 packed batch 8: integers among the differentiated" in told
    assert [path.name for path in out.glob("*.json")] == ["counted_functions.counted.json"]


def test_options_become_settings() -> None:
    """What is not given has the default of `Settings`."""
    given = jacobians.parse(["mlp", "--layouts", "packed", "--builds", "2"])
    assert given.tasks == ["mlp"] and given.seconds == 3600.0
    assert given.settings == Settings(layouts=["packed"], builds=2)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--batch", "0"], "must be at least 1"),
        (["--rounds", "0"], "must be at least 1"),
        (["--dtype", "int8"], "invalid choice: 'int8'"),
        (["--orders", "bset"], "there is no order bset; orders: auto, best, fewest_nontrivial, f"),
    ],
)
def test_wrong_options_are_errors(
    words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Wrong usage exits with 2 and says what is wrong."""
    with pytest.raises(SystemExit) as caught:
        jacobians.parse(words)
    assert caught.value.code == 2 and told in capsys.readouterr().err


def test_unknown_tasks_are_errors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line, with the names that there are."""
    assert jacobians.main(["--out", str(tmp_path), "mpl"]) == 2
    assert "error: there is no task 'mpl'" in capsys.readouterr().err
