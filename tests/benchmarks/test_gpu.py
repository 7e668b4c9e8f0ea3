"""The benchmark of accelerators, on the CPU: cases, files, the time limit, what it imports."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import gpu
from benchmarks.gpu_case import Settings, measure_case
from benchmarks.gpu_subject import CHECKED, Subject
from benchmarks.training import measure_training
from elimax.pipeline.checkout.files import Layout
from elimax.pipeline.errors import FileError
from elimax.pipeline.tasks import task_names
from support.repository import ROOT

LAYOUT = Layout(ROOT)
QUICK = Settings(rounds=3, seconds=0.0, workers=1)
WORDS = ["--batch", "8", "--check-batch", "4", "--rounds", "3", "--case-seconds", "0"]
BLOCKED = ("typer", "ruamel", "yaml", "platformdirs", "wandb", "dvc", "rich", "pytest")


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELIMAX_ROOT", str(ROOT))


def measured(subject: Subject, *, is_check: bool, **given: Any) -> dict[str, Any]:
    """Stands for the measurement of a case."""
    del subject, is_check, given["settings"]
    ratio = {"median": 2.0, "low": 1.5, "high": 2.5}
    return {
        **given,
        "seconds": {"jacrev": 2e-3, "best": 1e-3},
        "ratios": {"jacrev": {"best": ratio}},
        "null": None,
        "programs": {"best": {"kernels": 3}},
        "failed": {},
    }


def trained(*arguments: Any, **given: Any) -> dict[str, Any]:
    """Stands for a training."""
    result = {"episodes": given["episodes"], "updates": 2, "first_seconds": 9.0}
    return {**result, "update_seconds": 1.0, "eliminations_per_second": 100.0}


@pytest.fixture
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is compiled."""
    monkeypatch.setattr(gpu, "measure_case", measured)
    monkeypatch.setattr(gpu, "measure_training", trained)


def test_the_most_valuable_cases_come_first() -> None:
    """Values of all tasks, then run times batch by batch, training, float64."""
    cases = gpu.plan(["mlp", "kerr_metric"], [64, 8], 4)
    assert [case.label for case in cases if case.task == "mlp"] == [
        "values float64 published batch 4",
        "times float32 published batch 64",
        "times float32 packed batch 64",
        "times float32 published batch 8",
        "times float32 packed batch 8",
        "times float64 packed batch 4",
    ]
    assert [case.task for case in cases[:2]] == ["mlp", "kerr_metric"]
    assert [case.batch for case in cases if case.kind == "training"] == list(gpu.EPISODES)


def test_a_case_has_values_times_and_kernels() -> None:
    """Every order is compared with both modes of JAX, the structured blocks too."""
    subject = Subject.load("bratu_stencil", LAYOUT)
    case = measure_case(
        subject, dtype="float64", layout="published", batch=20, is_check=True, settings=QUICK
    )
    assert case["wrong"] == case["unchecked"] == [] and case["failed"] == {}
    assert set(case["errors"]) == {*CHECKED, "structured_written", "jacfwd", "jacrev"}
    assert all(set(case["errors"][name]) == {"jacfwd", "jacrev"} for name in CHECKED)
    assert case["rounds"] == 3 and "structured_written" not in case["seconds"]
    assert set(case["ratios"]["jacrev"]) == {*CHECKED, "structured"}
    assert case["programs"]["best"]["kernels"] > 0 and case["null"]["median"] > 0
    for name, other in case["same"].items():
        assert subject.order(name).vertices == subject.order(other).vertices


def test_wrong_values_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error above the tolerance names the order."""
    monkeypatch.setattr("benchmarks.gpu_case.relative_error", lambda ours, theirs: 1e-3)
    case = measure_case(
        Subject.load("bratu_stencil", LAYOUT),
        dtype="float64",
        layout="published",
        batch=2,
        is_check=True,
        settings=QUICK,
    )
    assert case["wrong"] == [*CHECKED, "structured_written"]


@pytest.mark.slow
def test_command_needs_few_packages_and_goes_on(tmp_path: Path) -> None:
    """Without the packages of the pipeline; a second call measures nothing again."""
    code = f"import sys\nfor name in {BLOCKED!r}: sys.modules[name] = None\n"
    code += "from benchmarks.gpu import main\nsys.exit(main(sys.argv[1:]))"
    words = [sys.executable, "-c", code, "--out", str(tmp_path), *WORDS, "mlp"]
    first = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "4 of 4, mlp, times float64 packed batch 4" in first.stderr
    assert first.stdout == (tmp_path / "table.md").read_text()
    assert "| mlp | float32 | packed | 8 |" in first.stdout
    content = json.loads((tmp_path / "gpu.json").read_text())
    assert len(content["tasks"]["mlp"]["cases"]) == 4
    assert content["settings"]["batches"] == [8]
    second = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "of 4" not in second.stderr and second.stdout == first.stdout


def test_imports_few_packages() -> None:
    """The module can be imported without the packages of the pipeline."""
    code = f"import sys\nfor name in {BLOCKED!r}: sys.modules[name] = None\nimport benchmarks.gpu"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


@pytest.mark.usefixtures("stand_ins")
def test_results_are_kept_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Tables of everything; the next call finds it all."""
    words = ["--out", str(tmp_path), *WORDS, "kerr_metric", "mlp"]
    assert gpu.main(words) == 0
    output = capsys.readouterr().out
    assert "| kerr_metric | float32 | published | 8 | 2,000 | jacrev | 1,000 | 2.00 |" in output
    assert "| float32 | packed | 8 | 2 | 2.00 |" in output
    assert "| kerr_metric | 32 | 2 | 9.00 |" in output
    assert gpu.main(words) == 0
    told = capsys.readouterr()
    assert told.err == "" and told.out == output


@pytest.mark.usefixtures("stand_ins")
def test_reduced_batches_are_told_and_measured_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two sizes that do not fit become the same one."""
    words = ["--out", str(tmp_path), *WORDS, "--gigabytes", "1e-6"]
    words += ["--batch", "64", "32", "--", "mlp"]
    assert gpu.main(words) == 0
    output = capsys.readouterr().out
    assert "- mlp, times float32 published batch 64: batch 2 is the largest that fits" in output
    assert "batch 32: batch 2 is the largest that fits, and is there already" in output


@pytest.mark.usefixtures("stand_ins")
def test_time_limit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No case starts that may take longer than what is left; what is left out is told."""
    assert gpu.main(["--out", str(tmp_path), *WORDS, "--seconds", "0", "mlp"]) == 0
    assert "batch 4: 0 s are left, it may take 1 s" in capsys.readouterr().out
    now = [0.0]
    benchmark = gpu.Benchmark(tmp_path, QUICK, 25.0, layout=LAYOUT, clock=lambda: now[0])

    def slow(subject: Subject, **given: Any) -> dict[str, Any]:
        now[0] += 10.0
        return measured(subject, **given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gpu, "measure_case", slow)
        cases = gpu.plan(["mlp"], [8, 2], 4)
        result = benchmark.run(cases)["tasks"]["mlp"]
    assert list(result["cases"]) == [cases[1].label, cases[0].label]
    assert all("5 s are left" in why for why in result["left_out"].values())
    assert len(result["left_out"]) == 4


@pytest.mark.usefixtures("stand_ins")
def test_foreign_files_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Results of another device, version or program text are not mixed with these."""
    words = ["--out", str(tmp_path), *WORDS, "mlp"]
    gpu.main(words)
    path = tmp_path / "mlp.json"
    content = json.loads(path.read_text())
    for key in ("device", "jax", "code"):
        where = content["environment"] | {key: "another"}
        path.write_text(json.dumps(content | {"environment": where}))
        assert gpu.main(words) == 2
        told = capsys.readouterr().err
        assert f"was measured with {key} 'another'" in told and "another folder with --out" in told
    path.write_text(json.dumps(content | {"fingerprint": "0"}))
    with pytest.raises(FileError, match="was measured with fingerprint '0'"):
        gpu.Benchmark(tmp_path, QUICK, 1.0, layout=LAYOUT).run(gpu.plan(["mlp"], [8], 4))


def test_failures_and_deaths_do_not_stop_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An error is a reason; a case in which the process died is not tried again."""

    def failing(subject: Subject, **given: Any) -> dict[str, Any]:
        if given["layout"] == "packed":
            raise MemoryError("out of\nmemory")
        return measured(subject, **given)

    monkeypatch.setattr(gpu, "measure_case", failing)
    words = ["--out", str(tmp_path), *WORDS, "mlp"]
    assert gpu.main(words) == 0
    assert "packed batch 8, all: MemoryError: out of memory" in capsys.readouterr().out
    path = tmp_path / "mlp.json"
    content = json.loads(path.read_text())
    label = "times float32 published batch 8"
    del content["cases"][label]
    path.write_text(json.dumps(content | {"running": label}))
    assert gpu.main(words) == 0
    assert f"{label}, all: the process ended while this was measured" in capsys.readouterr().out


def test_an_interruption_keeps_the_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The report is written, and the case is tried again by the next call."""

    def stop(subject: Subject, **given: Any) -> dict[str, Any]:
        raise KeyboardInterrupt

    monkeypatch.setattr(gpu, "measure_case", stop)
    words = ["--out", str(tmp_path), *WORDS, "mlp"]
    assert gpu.main(words) == 0
    assert "values float64 published batch 4: interrupted" in capsys.readouterr().out
    monkeypatch.setattr(gpu, "measure_case", measured)
    assert gpu.main(words) == 0
    assert len(json.loads((tmp_path / "gpu.json").read_text())["tasks"]["mlp"]["cases"]) == 4


@pytest.mark.parametrize("words", [["--batch", "0"], ["--rounds", "0"], ["mpl"]])
def test_wrong_options_are_errors(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Wrong usage exits with 2 and says what is wrong."""
    with pytest.raises(SystemExit) as caught:
        gpu.parse(["--out", "x", *words])
    assert caught.value.code == 2
    assert "at least 1" in (text := capsys.readouterr().err) or ", ".join(task_names()) in text


@pytest.mark.slow
def test_training_is_measured() -> None:
    """Two updates of the shipped policy on a small graph."""
    graph = Subject.load("bratu_stencil", LAYOUT).graph
    result = measure_training(graph, LAYOUT.pretrained_policy, episodes=2, seconds=0.0)
    assert result["updates"] == 2 and result["episodes"] == 2
    assert result["eliminations_per_second"] > 0 and result["first_seconds"] > 0
