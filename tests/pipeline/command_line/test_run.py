"""The whole of `elimax run` on a small checkout: the real DVC, stages that only write a line."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from elimax.pipeline.checkout.files import Layout
from elimax.pipeline.checkout.params import load_params
from elimax.pipeline.command_line import run
from elimax.pipeline.errors import ParamsError, StageError
from support.scratch_checkout import ROOT, TASKS, commit, git, make_checkout

STAGES = 10


def drive(
    layout: Layout,
    *tasks: str,
    profile: str | None = None,
    seeds: int | None = None,
    jobs: int = 1,
) -> tuple[int, list[str]]:
    """Runs the pipeline; returns the exit code and the lines."""
    lines: list[str] = []
    code = run.run_pipeline(tasks, profile, seeds, jobs=jobs, layout=layout, say=lines.append)
    return code, lines


def stages_run(lines: list[str]) -> list[str]:
    """Returns the names of the stages that said something."""
    words = [line.split(" says hello") for line in lines if " says hello" in line]
    return ["@".join(filter(None, map(str.strip, pair))) for pair in words]


@pytest.fixture(autouse=True)
def results(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand-ins write no real results: their table is one line."""

    def print_results(layout: Layout, tasks: list[str], say: run.Say) -> None:
        say(f"table of {' '.join(tasks) or 'all'} in {layout.root.name}")

    monkeypatch.setattr(run, "print_results", print_results)


@pytest.fixture
def finished(finished_run: tuple[Layout, int, list[str]], tmp_path: Path) -> Layout:
    """A checkout of one's own in which everything is up to date."""
    shutil.copytree(finished_run[0].root, tmp_path / "checkout", symlinks=True)
    return Layout(tmp_path / "checkout")


def test_first_run_runs_everything(finished_run: tuple[Layout, int, list[str]]) -> None:
    """Every stage is announced with its place and says its own line; the report has the table."""
    _, code, lines = finished_run
    assert code == 0
    places = [line for line in lines if line.startswith("stage ")]
    assert [line.split()[:4] for line in places[:1]] == [["stage", "1", "of", str(STAGES)]]
    assert len(places) == STAGES and len(stages_run(lines)) == STAGES
    assert all(line.endswith(" left") for line in places)
    assert lines[-1] == "report says hello " and len(lines) == 2 * STAGES


def test_durations_are_kept(finished: Layout) -> None:
    """The next estimate knows how long each stage took."""
    durations = json.loads((finished.state / "durations.json").read_text())["full"]
    assert len(durations) == STAGES and all(0 < seconds < 60 for seconds in durations.values())


def test_second_run_has_nothing_to_do(finished: Layout) -> None:
    """It says so, prints the table, and takes a few seconds, with much room for a busy machine."""
    start = time.monotonic()
    assert drive(finished) == (0, ["everything is up to date", "table of all in checkout"])
    assert time.monotonic() - start < 30


def test_docstring_reruns_nothing(finished: Layout) -> None:
    """An edit that a syntax tree does not show leaves all results as they are."""
    for name in ("stages/pretrain", "stages/evaluate", "tasks/mlp"):
        path = finished.root / f"pipeline/{name}.py"
        path.write_text("# Comment\n" + path.read_text().replace("Docstring", "Another one"))
    assert drive(finished)[1][0] == "everything is up to date"


def test_edit_reruns_what_depends_on_it(finished: Layout) -> None:
    """A stage whose program changed runs again; what reads its equal outputs does not."""
    (finished.root / "pipeline/stages/search.py").write_text("VALUE = 2")
    ran = stages_run(drive(finished)[1])
    # The report runs whenever DVC does.
    assert ran == ["search@mlp", "search@lstm_rollout", "report"]


@pytest.mark.slow
def test_edit_of_one_task_reruns_that_task(finished: Layout) -> None:
    """Other tasks stay as they are, and so does pretraining."""
    (finished.root / "pipeline/tasks/mlp.py").write_text("VALUE = 2")
    assert stages_run(drive(finished)[1]) == ["extract@mlp", "evaluate@mlp", "report"]


@pytest.mark.slow
def test_task_on_the_command_line_limits_the_run(finished: Layout) -> None:
    """Only stages that the task needs run, and the table shows this task."""
    (finished.root / "pipeline/stages/evaluate.py").write_text("VALUE = 2")
    code, lines = drive(finished, "lstm_rollout")
    assert code == 0 and stages_run(lines) == ["evaluate@lstm_rollout"]
    assert lines[-1] == "table of lstm_rollout in checkout"
    assert stages_run(drive(finished)[1]) == ["evaluate@mlp", "report"]


def test_more_seeds_run_only_the_new_ones(finished: Layout) -> None:
    """Two seeds more are four trainings more; what exists is not trained again."""
    code, lines = drive(finished, seeds=3)
    assert code == 0
    trained = {stage for stage in stages_run(lines) if stage.startswith("finetune")}
    assert trained == {f"finetune@{task}-{seed}" for task in TASKS for seed in (1, 2)}
    assert {"search@mlp", "search@lstm_rollout"} <= set(stages_run(lines))
    assert load_params(finished.params)["seeds"] == [0, 1, 2]
    assert (finished.root / "data/policies/mlp/2.eqx").is_file()


def test_wrong_seeds_are_refused(finished: Layout) -> None:
    """One line before DVC starts."""
    params = {**load_params(finished.params), "seeds": 5}
    finished.params.write_text(json.dumps(params))
    with pytest.raises(ParamsError, match="seeds is 5 but must be a list of seeds, such as"):
        drive(finished)


def test_unknown_task_is_refused(finished: Layout) -> None:
    """A misspelled task is named with its neighbour."""
    with pytest.raises(ParamsError, match="no task 'mpl'; did you mean 'mlp'"):
        drive(finished, "mpl")


@pytest.mark.slow
def test_fresh_clone_does_not_pretrain(finished: Layout, tmp_path: Path) -> None:
    """Committed results are used; what only DVC keeps is made anew, equal to what it was."""
    commit(finished.root)
    git(finished.root, "clone", "--quiet", ".", str(tmp_path / "clone"))
    done = stages_run(drive(Layout(tmp_path / "clone"))[1])
    kinds = {stage.partition("@")[0] for stage in done}
    assert kinds == {"extract", "finetune", "evaluate", "report"}


def test_lost_page_is_written_again(finished: Layout) -> None:
    """DVC does not know of the page, but the run does."""
    (finished.root / "results/report.html").unlink()
    assert stages_run(drive(finished)[1]) == ["report"]
    assert (finished.root / "results/report.html").is_file()


def test_equal_results_leave_no_change(finished: Layout) -> None:
    """Everything runs again and takes other times: git has nothing to commit, dvc.lock included."""
    commit(finished.root)
    page, times = finished.root / "results/report.html", finished.root / "data/timings/mlp.json"
    before = page.read_text(), times.read_text()
    command = [sys.executable, "-m", "dvc", "repro", "--force", "--quiet"]
    environment = {**os.environ, "PYTHONPATH": str(finished.root)}
    subprocess.run(command, cwd=finished.root, env=environment, check=True)
    assert page.read_text() != before[0] and times.read_text() != before[1]
    status = ["git", "-C", str(finished.root), "status", "--porcelain"]
    assert subprocess.run(status, capture_output=True, text=True, check=True).stdout == ""


@pytest.mark.slow
def test_lost_output_is_taken_from_the_cache(finished: Layout) -> None:
    """DVC restores what it knows, and the run says so."""
    shutil.rmtree(finished.root / "data/graphs")
    lines = drive(finished)[1]
    assert stages_run(lines) == ["report"]
    assert "stage 1 of 10 extract@mlp, restored from the cache of earlier runs" in lines


def test_failing_stage_ends_the_run(finished: Layout) -> None:
    """The exit code is DVC's, its message names the stage, and no table is printed."""
    (finished.root / "pipeline/stages/report.py").write_text("VALUE = 2")
    (finished.root / "fail").touch()
    code, lines = drive(finished)
    assert code == 255
    assert any("failed to reproduce 'report'" in line for line in lines)
    assert lines[-1] == "stopped in report; run the same command again to resume"


def test_a_pretraining_that_fails_keeps_the_policy(finished: Layout) -> None:
    """DVC deletes what other stages have written before they start."""
    before = finished.pretrained_policy.read_bytes()
    (finished.root / "pipeline/stages/pretrain.py").write_text("VALUE = 2")
    (finished.root / "fail").touch()
    code, lines = drive(finished)
    assert code != 0 and "stopped in pretrain; run the same command again to resume" in lines
    assert finished.pretrained_policy.read_bytes() == before


@pytest.mark.slow
def test_several_items_at_once(tmp_path: Path) -> None:
    """Items of a stage run side by side, the same files come about; evaluate runs alone."""
    layout = make_checkout(tmp_path / "checkout")
    code, lines = drive(layout, jobs=2)
    assert code == 0
    for stage in (
        "extract@mlp",
        "extract@lstm_rollout",
        "pretrain",
        "finetune@mlp-0",
        "search@mlp",
    ):
        assert sum(line.startswith(f"{stage}: done in") for line in lines) == 1
    assert set(stages_run(lines)) == {"evaluate@mlp", "evaluate@lstm_rollout", "report"}
    for jobs in (1, 2):
        assert drive(layout, jobs=jobs)[1][0] == "everything is up to date"


@pytest.mark.slow
def test_one_of_several_items_fails(tmp_path: Path) -> None:
    """What it said is shown, and nothing that depends on it runs."""
    layout = make_checkout(tmp_path / "checkout")
    (layout.root / "fail").touch()
    code, lines = drive(layout, jobs=2)
    assert code != 0 and any("extract@mlp failed:" in line for line in lines)
    assert not any("finetune" in line for line in lines)


@pytest.mark.slow
def test_profile_leaves_the_checkout_alone(finished: Layout) -> None:
    """The copy runs its own programs and parameters; the checkout stays up to date."""
    (finished.root / "pipeline/tasks/lstm_rollout.py").unlink()
    code, lines = drive(finished, profile="tiny")
    assert code == 0 and len(stages_run(lines)) == 6
    assert lines[0] == "profile tiny runs in .state/tiny"
    copy = finished.root / ".state/tiny"
    assert (copy / "data/policies/mlp/0.eqx").read_text() != (
        finished.root / "data/policies/mlp/0.eqx"
    ).read_text()
    assert set(json.loads((finished.state / "durations.json").read_text())) >= {"full", "tiny"}


def test_folder_without_dvc_is_refused(finished: Layout) -> None:
    """The message of DVC is passed on."""
    shutil.rmtree(finished.root / ".dvc")
    with pytest.raises(StageError, match=r"dvc status failed: .*not inside of a DVC repository"):
        drive(finished)


@contextlib.contextmanager
def sleeping_run(layout: Layout) -> Iterator[subprocess.Popen[str]]:
    """Starts a run in a process of its own and waits until its first stage is at work."""
    (layout.root / "pipeline/stages/report.py").write_text("VALUE = 2")
    (layout.root / "sleep").touch()
    with subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, elimax.pipeline.command_line.run as r; sys.exit(r.run_pipeline())",
        ],
        env={**os.environ, "PYTHONPATH": str(ROOT), "ELIMAX_ROOT": str(layout.root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=ROOT,
    ) as process:
        try:
            deadline = time.monotonic() + 90
            while not (layout.root / "asleep").exists() and time.monotonic() < deadline:
                time.sleep(0.05)
            yield process
        finally:
            process.kill()


def is_asleep(layout: Layout) -> bool:
    """Tells whether any process still works on the checkout."""
    folders = Path("/proc").glob("[0-9]*/cwd")
    for folder in folders:
        with contextlib.suppress(OSError):
            if folder.resolve() == layout.root.resolve():
                return True
    return False


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGINT, 130),
        pytest.param(signal.SIGTERM, 143, marks=pytest.mark.slow),
    ],
)
def test_signals_reach_the_stage(finished: Layout, number: int, code: int) -> None:
    """Ctrl-C and SIGTERM end DVC and the stage, and are told by the exit code."""
    with sleeping_run(finished) as process:
        assert is_asleep(finished)
        process.send_signal(number)
        output, _ = process.communicate(timeout=90)
    assert process.returncode == code, output
    assert "stopped in report; run the same command again to resume" in output
    assert not is_asleep(finished)


def test_dag_is_read() -> None:
    """Nodes without edges count too."""
    text = 'strict digraph {\n"a";\n"b@x";\n"c";\n"a" -> "b@x";\n}'
    assert run.read_dag(text) == {"a": set(), "b@x": {"a"}, "c": set()}


def test_reachable_follows_all_paths() -> None:
    """Start nodes are part of what is reached; cycles end."""
    edges = {"a": {"b", "c"}, "b": {"a"}, "d": {"a"}}
    assert run.reachable(edges, ["a"]) == {"a", "b", "c"}
