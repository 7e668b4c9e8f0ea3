"""The stage `fingerprint`, and the check that dvc.lock belongs to the tree."""

import json
import shutil
from pathlib import Path

import pytest

from elimax.pipeline.checkout.code_fingerprints import (
    STAGES,
    changed_stages,
    main,
    stale_stages,
    write_fingerprints,
)
from elimax.pipeline.checkout.files import Layout
from elimax.pipeline.checkout.yaml_text import parse_yaml
from elimax.pipeline.errors import StageError
from support.scratch_checkout import ROOT, TASKS, commit, git


@pytest.fixture(scope="module")
def clone(
    finished_run: tuple[Layout, int, list[str]], tmp_path_factory: pytest.TempPathFactory
) -> Layout:
    """A fresh clone of a small checkout whose results are committed."""
    folder = tmp_path_factory.mktemp("fingerprints")
    shutil.copytree(finished_run[0].root, folder / "checkout", symlinks=True)
    commit(folder / "checkout")
    git(folder / "checkout", "clone", "--quiet", ".", str(folder / "clone"))
    return Layout(folder / "clone")


@pytest.fixture
def checkout(clone: Layout, tmp_path: Path) -> Layout:
    """A clone of one's own."""
    shutil.copytree(clone.root, tmp_path / "clone", symlinks=True)
    return Layout(tmp_path / "clone")


def test_one_file_for_each_stage_and_task(checkout: Layout) -> None:
    """Each file names the modules that count, with the hash of each."""
    write_fingerprints(checkout)
    folder = checkout.root / "data/code"
    names = {str(path.relative_to(folder)) for path in folder.rglob("*.json")}
    stages, tasks = {f"{stage}.json" for stage in STAGES}, {f"tasks/{task}.json" for task in TASKS}
    assert names == stages | tasks
    content = json.loads((folder / "tasks/mlp.json").read_text())
    assert content["task"] == "mlp" and list(content["modules"]) == [
        "elimax.pipeline",
        "elimax.pipeline.tasks.mlp",
    ]
    assert len(content["modules"]["elimax.pipeline.tasks.mlp"]) == 64


def test_stages_are_those_of_the_pipeline() -> None:
    """A stage of dvc.yaml without a fingerprint would never rerun."""
    pipeline = parse_yaml((ROOT / "dvc.yaml").read_text(), "dvc.yaml")["stages"]
    assert set(pipeline) == {"fingerprint", *STAGES}
    for stage in STAGES:
        assert f"data/code/{stage}.json" in pipeline[stage]["deps"]


def test_missing_stage_module_is_an_error(checkout: Layout) -> None:
    """The message names the module."""
    (checkout.root / "pipeline/stages/search.py").unlink()
    with pytest.raises(StageError, match=r"no module elimax\.pipeline\.stages\.search"):
        write_fingerprints(checkout)


def test_fresh_clone_is_not_stale(checkout: Layout) -> None:
    """Outputs that only DVC keeps are missing, as they should be."""
    assert changed_stages(checkout)
    assert stale_stages(checkout) == {}


def test_edits_are_stale(checkout: Layout) -> None:
    """Program text, a parameter, and a committed result are each named with their stage."""
    (checkout.root / "pipeline/stages/search.py").write_text("VALUE = 2")
    (checkout.root / "data/finetune/mlp/0.json").write_text("edited")
    params = checkout.params.read_text()
    checkout.params.write_text(params.replace('"evaluate": {', '"evaluate": {"more": 1,', 1))
    stale = stale_stages(checkout)
    assert stale["search@mlp"] == [
        "data/code/search.json modified",
        "data/finetune/mlp modified",
    ]
    assert stale["finetune@mlp-0"] == ["data/finetune/mlp/0.json modified"]
    assert stale["evaluate@lstm_rollout"] == ["params.yaml: evaluate modified"]
    assert not {"extract@mlp", "pretrain", "finetune@lstm_rollout-0"} & set(stale)


def test_lost_committed_result_is_stale(checkout: Layout) -> None:
    """A file that git keeps must be there."""
    (checkout.root / "results/summary.json").unlink()
    assert stale_stages(checkout)["report"][-1] == "results/summary.json deleted"


def test_check_says_what_to_do(
    checkout: Layout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command tells stale stages with the command that mends them, and exits with 1."""
    monkeypatch.setenv("ELIMAX_ROOT", str(checkout.root))
    assert main(["--check"]) == 0
    assert capsys.readouterr().out == "dvc.lock belongs to this tree\n"
    (checkout.root / "pipeline/stages/report.py").write_text("VALUE = 2")
    assert main(["--check"]) == 1
    assert capsys.readouterr().out == (
        "dvc.lock is older than this tree:\n  report: data/code/report.json modified\n"
        "run: make, then commit dvc.lock, data/ and results/\n"
    )


def test_errors_are_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder without the pipeline gives no traceback."""
    monkeypatch.setenv("ELIMAX_ROOT", str(tmp_path))
    assert main([]) == 1
    assert capsys.readouterr().err.startswith(
        "error: there is no module elimax.pipeline.stages.extract in "
    )
