"""All stages in a row on a small function: their files, equal bytes, resuming, the report."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import pytest

from elimax.interpreter.graph.counting import count_multiplications
from elimax.interpreter.graph.price import order_price
from elimax.interpreter.orders import PORTFOLIO, portfolio
from elimax.models.checkpoint import load_policy
from elimax.models.errors import TrainingDivergedError
from elimax.models.training import TrainingState
from elimax.pipeline.checkout import resume
from elimax.pipeline.checkout.context import StageContext, read_graph
from elimax.pipeline.checkout.files import (
    Layout,
    read_csv,
    read_json,
    write_json,
)
from elimax.pipeline.checkout.params import load_params, write_seeds
from elimax.pipeline.console import Console
from elimax.pipeline.errors import FileError
from elimax.pipeline.stages import (
    evaluate,
    extract,
    finetune,
    follow,
    pretrain,
    report,
    search,
)
from elimax.pipeline.tracking import PRETRAIN_STEP, STEP
from support.pipeline_probe import PARAMS, TOY, of_type, read_run
from support.traced_tasks import task_graph
from support.wandb_server import WandbServer

TASK = "toy_functions:toy"
AROUND = ("mean", "std", "iqm", "iqm_low", "iqm_high")


def context_of(root: Path) -> StageContext:
    """The context of a stage in a folder."""
    layout = Layout(root)
    return StageContext(layout, load_params(layout.params), Console(as_json=True))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StageContext]:
    """A checkout in which every stage has run."""
    root = tmp_path_factory.mktemp("checkout")
    (root / "params.yaml").write_text(PARAMS, encoding="utf-8")
    (root / "toy_functions.py").write_text(TOY, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WANDB_MODE", "disabled")
        patch.syspath_prepend(root)
        # Compiling takes most of the time here, and speed is not what is tested.
        jax.config.update("jax_disable_most_optimizations", True)
        context = context_of(root)
        extract.run_stage(context, TASK)
        pretrain.run_stage(context)
        for stage in (finetune, search, evaluate):
            stage.run_stage(context, TASK)
        report.run_stage(context)
        yield context
        jax.config.update("jax_disable_most_optimizations", False)
        sys.modules.pop("toy_functions", None)


@pytest.fixture
def copy(finished: StageContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StageContext:
    """A copy of the finished checkout that a test may change."""
    shutil.copytree(finished.layout.root, tmp_path / "copy", symlinks=True)
    monkeypatch.setenv("WANDB_MODE", "disabled")
    return context_of(tmp_path / "copy")


def test_every_file_is_there(finished: StageContext) -> None:
    """The stages write what the design says, and leave no checkpoint."""
    root = finished.layout.root
    name = "toy_functions.toy"
    expected = {
        f"data/graphs/{name}.json", "data/policies/pretrained.eqx", "data/pretrain/curve.csv",
        "data/pretrain/metrics.json", f"data/policies/{name}/0.eqx", f"data/finetune/{name}/0.json",
        f"data/finetune/{name}/0.csv", f"data/orders/{name}.json", f"data/evaluations/{name}.json",
        f"data/timed/{name}.json", f"data/timings/{name}.json", "results/summary.json",
        "results/timings.json", "results/table.md", "results/report.html",
    }  # fmt: skip
    found = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
    assert {path for path in found if path.startswith(("data/", "results/"))} == expected
    assert not [path for path in found if path.endswith(".state")]


def test_curves_and_policies(finished: StageContext) -> None:
    """One row per update, on an axis that grows; policies say where they are from."""
    layout = finished.layout
    for path, updates, axis in (
        (layout.pretrain_curve, 2, PRETRAIN_STEP),
        (layout.finetune_curve(TASK, 0), 3, STEP),
    ):
        curve = read_csv(path, "")
        steps = [row[axis] for row in curve]
        assert len(steps) == updates and steps == sorted(set(steps))
    _, metadata = load_policy(layout.policy(TASK, 0))
    graph = read_graph(layout, TASK)
    assert metadata["task"] == TASK and metadata["fingerprint"] == graph.fingerprint


def test_the_best_order_is_the_cheapest_candidate(finished: StageContext) -> None:
    """The stored counts are those of the stored order, and no candidate is cheaper."""
    layout = finished.layout
    found = read_json(layout.order(TASK), "")
    learned = {"finetuned", "finetuned_greedy", "pretrained_greedy", "policy_sampled"}
    annealed = set(search.ANNEALED.values())
    assert {*PORTFOLIO, *learned} <= set(found["candidates"]) <= {*PORTFOLIO, *learned, *annealed}
    graph = read_graph(layout, TASK)
    count = count_multiplications(graph, found["order"])
    assert (found["all"], found["nontrivial"]) == (count.all, count.nontrivial)
    assert found["all"] == min(entry["all"] for entry in found["candidates"].values())
    assert found["candidates"][found["found_by"]]["all"] == found["all"]
    for count, best in found["by_count"].items():
        cost = getattr(count_multiplications(graph, best["order"]), count)
        assert cost == best[count] == min(entry[count] for entry in found["candidates"].values())
        assert best["bound"] <= cost and best["optimal"] == (best["bound"] == cost)


@pytest.mark.parametrize("stage", [finetune, search, evaluate])
def test_a_graph_of_another_task_is_refused(copy: StageContext, stage: Any) -> None:
    """A file under a wrong name would train, and time, something else."""
    path = copy.layout.graph(TASK)
    write_json(path, {**read_json(path, ""), "task": "mlp"})
    message = f"holds the graph of mlp, expected that of {TASK}; write it with: elimax extract"
    with pytest.raises(FileError, match=message):
        stage.run_stage(copy, TASK)


def test_what_is_proven_is_not_annealed() -> None:
    """Nothing is cheaper than a bound, so nobody looks for it."""
    graph = task_graph("propane_combustion")
    known = portfolio(graph, ("markowitz_high",))
    assert search.annealed_orders(graph, known, 1000, 0) == {}
    dear = portfolio(graph, ("forward",))
    both = {"annealing", "annealing_nontrivial"}
    assert set(search.annealed_orders(graph, dear, 1000, 0)) == both
    assert set(search.annealed_orders(graph, dear, 1000, 0, "price")) == {*both, "annealing_price"}
    assert search.annealed_orders(graph, dear, 0, 0) == {}


def test_the_price_can_decide(copy: StageContext) -> None:
    """With `count: price` the policy plays for it, and search and report go by it."""
    priced = StageContext(copy.layout, {**copy.params, "count": "price"}, copy.console)
    trained = finetune.run_stage(priced, TASK)["0"]
    found = search.run_stage(priced, TASK)
    graph = read_graph(copy.layout, TASK)
    for content in (trained, found, *found["by_count"].values()):
        assert content["price"] == order_price(graph, content["order"]).price
    assert found["price"] == min(entry["price"] for entry in found["candidates"].values())
    best = found["by_count"]["price"]
    assert best["order"] == found["order"] and best["bound"] <= best["price"]
    evaluate.run_stage(priced, TASK)
    report.run_stage(priced)
    summary = read_json(copy.layout.results("summary.json"), "")["tasks"][TASK]
    assert summary["best"]["price"] == found["price"]


@pytest.fixture(scope="module")
def with_seeds(
    finished: StageContext, tmp_path_factory: pytest.TempPathFactory
) -> tuple[StageContext, dict[str, Any]]:
    """A copy of the finished checkout with two seeds more, and what finetune returned."""
    root = tmp_path_factory.mktemp("seeds") / "copy"
    shutil.copytree(finished.layout.root, root, symlinks=True)
    write_seeds(root / "params.yaml", 3)
    context = context_of(root)
    trained = finetune.run_stage(context, TASK)
    search.run_stage(context, TASK)
    report.run_stage(context)
    return context, trained


def test_each_seed_is_a_training(
    with_seeds: tuple[StageContext, dict[str, Any]], finished: StageContext
) -> None:
    """Without a seed all are trained; that of before gives the same bytes, others do not."""
    context, trained = with_seeds
    layout = context.layout
    assert list(trained) == ["0", "1", "2"]
    for seed in (0, 1, 2):
        assert read_json(layout.finetuned(TASK, seed), "") == {"schema": 1, **trained[str(seed)]}
    for path in (layout.policy, layout.finetuned, layout.finetune_curve):
        original = finished.layout.root / path(TASK, 0).relative_to(layout.root)
        assert path(TASK, 0).read_bytes() == original.read_bytes()
    assert len({layout.finetune_curve(TASK, seed).read_bytes() for seed in (0, 1, 2)}) == 3


def test_candidates_are_the_cheapest_of_all_seeds(
    with_seeds: tuple[StageContext, dict[str, Any]],
) -> None:
    """Under each name the lowest count of the seeds; the spread is of the best of each seed."""
    context, trained = with_seeds
    found = read_json(context.layout.order(TASK), "")
    cheapest = min(content["all"] for content in trained.values())
    assert found["candidates"]["finetuned"]["all"] == cheapest
    greedy = min(content["greedy"]["all"] for content in trained.values())
    assert found["candidates"]["finetuned_greedy"]["all"] == greedy
    assert set(found["seeds"]) == set(trained)
    costs = sorted(entry["all"] for entry in found["seeds"].values())
    for seed, entry in found["seeds"].items():
        assert entry["all"] <= trained[seed]["all"]
    summary = read_json(context.layout.results("summary.json"), "")["tasks"][TASK]
    spread = {"number": 3, "min": costs[0], "median": costs[1], "max": costs[2]}
    assert summary["seeds"] == {**spread, **{key: summary["seeds"][key] for key in AROUND}}
    assert summary["seeds"]["mean"] == pytest.approx(sum(costs) / 3, abs=0.01)
    assert summary["learned"]["all"] == costs[0]


def test_fewer_seeds_leave_no_trace(
    with_seeds: tuple[StageContext, dict[str, Any]],
    finished: StageContext,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """From three seeds to one: what lies in the folders is not read, and DVC's stage removes it."""
    shutil.copytree(with_seeds[0].layout.root, tmp_path / "copy")
    layout = Layout(tmp_path / "copy")
    write_seeds(layout.params, 1)
    # Reading it would be an error.
    layout.finetuned(TASK, 2).write_text("torn")
    search.run_stage(context_of(layout.root), TASK)
    report.run_stage(context_of(layout.root))
    for path in (layout.order(TASK), layout.results("summary.json")):
        original = finished.layout.root / path.relative_to(layout.root)
        assert path.read_bytes() == original.read_bytes()
    assert layout.policy(TASK, 1).is_file()
    monkeypatch.setenv("DVC_STAGE", "search@toy")
    search.remove_other_seeds(layout, TASK, (0,))
    left = {path.name for path in layout.policy(TASK, 0).parent.iterdir()}
    left |= {path.name for path in layout.finetuned(TASK, 0).parent.iterdir()}
    assert left == {"0.eqx", "0.json", "0.csv"}


def test_equal_results_are_equal_bytes(copy: StageContext, finished: StageContext) -> None:
    """A stage that runs again writes the same bytes."""
    pretrain.run_stage(copy)
    finetune.run_stage(copy, TASK)
    search.run_stage(copy, TASK)
    report.run_stage(copy)
    for folder in ("data/policies", "data/pretrain", "data/finetune", "data/orders", "results"):
        for path in filter(Path.is_file, (copy.layout.root / folder).rglob("*")):
            original = finished.layout.root / path.relative_to(copy.layout.root)
            assert path.read_bytes() == original.read_bytes(), path.name


@pytest.mark.parametrize("stage", ["pretrain", "finetune"])
def test_a_killed_stage_goes_on(
    copy: StageContext, finished: StageContext, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    """Killed after its first checkpoint and started again, it ends with the same bytes."""
    layout = copy.layout
    first = layout.pretrained_policy if stage == "pretrain" else layout.policy(TASK, 0)
    outputs = [
        first,
        layout.pretrain_curve if stage == "pretrain" else layout.finetune_curve(TASK, 0),
    ]
    for path in outputs:
        path.unlink()
    run = _runner(copy, stage)
    monkeypatch.setattr(resume.Checkpoint.__init__, "__defaults__", (0.0,))
    save = follow.save_training

    def killed(path: Path, state: TrainingState) -> None:
        save(path, state)
        raise SystemExit(137)

    monkeypatch.setattr(follow, "save_training", killed)
    with pytest.raises(SystemExit):
        run()
    assert not any(path.exists() for path in outputs)
    assert len(list((layout.state / stage).glob("*.state"))) == 1
    saved = []
    monkeypatch.setattr(follow, "save_training", lambda path, state: saved.append(state.update))
    run()
    assert saved[0] == 2
    assert list((layout.state / stage).iterdir()) == []
    for path in outputs:
        original = finished.layout.root / path.relative_to(layout.root)
        assert path.read_bytes() == original.read_bytes()


def test_a_failing_training_leaves_the_old_policy(
    copy: StageContext, finished: StageContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A training whose loss is not finite writes nothing, and the old files are still there."""
    layout = copy.layout
    outputs = (layout.pretrained_policy, layout.pretrain_curve, layout.pretrain_metrics)

    def diverge(*arguments: Any, **options: Any) -> None:
        raise TrainingDivergedError("the loss of update 1 is nan")

    monkeypatch.setattr(pretrain, "pretrain", diverge)
    with pytest.raises(TrainingDivergedError):
        pretrain.run_stage(copy)
    for path in outputs:
        original = finished.layout.root / path.relative_to(layout.root)
        assert path.read_bytes() == original.read_bytes()


def test_other_parameters_start_anew(copy: StageContext, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name of a checkpoint holds all that a result depends on."""
    key = {"params": {"updates": 2}, "seed": 0}
    paths = {
        resume.checkpoint_of(copy.layout, "finetune", TASK, {**key, **change}).path
        for change in ({}, {"seed": 1}, {"params": {"updates": 3}})
    }
    assert len(paths) == 3
    monkeypatch.setattr(resume, "code_digest", lambda module: "other")
    assert resume.checkpoint_of(copy.layout, "finetune", TASK, key).path not in paths


def test_a_torn_checkpoint_is_not_used(
    copy: StageContext, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever is wrong with a checkpoint, the stage starts over and says so."""
    checkpoint = resume.checkpoint_of(copy.layout, "finetune", TASK, {})
    checkpoint.path.parent.mkdir(parents=True, exist_ok=True)
    checkpoint.path.write_bytes(b"half")

    def read(path: Path) -> Any:
        raise ValueError(f"{path.name} is torn")

    assert checkpoint.load(read) is None
    assert "the stage starts over" in caplog.text


def test_wandb_mirrors_the_curve(copy: StageContext, monkeypatch: pytest.MonkeyPatch) -> None:
    """W&B has the rows of the CSV file, the policy as an artifact, and the inputs in its config."""
    root = copy.layout.root
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_DIR", str(root))
    for name in ("DATA", "CACHE", "CONFIG"):
        monkeypatch.setenv(f"WANDB_{name}_DIR", str(root / "wandb" / name.lower()))
    finetune.run_stage(copy, TASK, 0)
    records = read_run(root)
    rows = [record["item"] for record in of_type(records, "history")]
    curve = read_csv(copy.layout.finetune_curve(TASK, 0), "")
    assert [{key: row[key] for key in curve[0]} for row in rows] == curve
    (run,) = of_type(records, "run")
    config = run["config"]["update"]
    assert set(config["inputs"]) == {
        "data/graphs/toy_functions.toy.json",
        "data/policies/pretrained.eqx",
    }
    assert config["params"]["updates"] == 3 and config["device"]["platform"] == "cpu"
    artifacts = [record["name"] for record in of_type(records, "artifact")]
    assert artifacts == ["policy-toy_functions.toy-0"]
    assert [record["exit_code"] for record in of_type(records, "exit")] == [0]
    _check_what_is_uploaded(copy, run["run_id"])


def _check_what_is_uploaded(context: StageContext, run_id: str) -> None:
    """`wandb sync` brings the offline run to a server: rows, lowest values, policy, exit code."""
    root, layout = context.layout.root, context.layout
    with WandbServer() as server:
        environment = {**os.environ, "WANDB_BASE_URL": server.url, "WANDB_API_KEY": 40 * "a"}
        command = [Path(sys.executable).parent / "wandb", "sync", *root.glob("wandb/offline-run-*")]
        subprocess.run(command, env=environment, check=True, capture_output=True, timeout=60)
    assert server.unknown == []
    curve = read_csv(layout.finetune_curve(TASK, 0), "")
    rows = server.rows[run_id]
    assert [{key: row[key] for key in curve[0]} for row in rows] == curve
    sent = server.runs[run_id]
    assert (sent["displayName"], sent["jobType"]) == ("finetune-toy_functions.toy-s0", "finetune")
    assert json.loads(sent["config"])["params"]["value"]["updates"] == 3
    summary = json.loads(server.files[f"{run_id}/wandb-summary.json"])
    assert summary["costs/best"] == {"min": min(row["costs/best"] for row in curve)}, summary
    name = "policy-toy_functions.toy-0"
    assert server.artifacts == {name: "policy"}
    assert server.files[f"{name}/0.eqx"] == layout.policy(TASK, 0).read_bytes()
    assert server.exit_codes == {run_id: 0}


def test_the_summary_is_complete(finished: StageContext) -> None:
    """Every figure that a reader compares, and nothing that differs between machines."""
    layout = finished.layout
    summary = read_json(layout.results("summary.json"), "")
    entry = summary["tasks"][TASK]
    found = read_json(layout.order(TASK), "")
    assert entry["best"]["all"] == found["all"]
    assert entry["reverse"] == found["candidates"]["reverse"]
    classic = entry["best_classic"]["all"]
    assert classic == min(found["candidates"][name]["all"] for name in PORTFOLIO)
    assert entry["improvement"] == round(1 - entry["best"]["all"] / classic, 4)
    assert entry["correct"] is True
    text = layout.results("summary.json").read_text()
    assert "seconds" not in text and "device" not in text
    timings = read_json(layout.results("timings.json"), "")["tasks"][TASK]
    assert len(timings["cases"]) == 4  # Two layouts, two sets of flags.


def test_run_times_need_not_be_there(copy: StageContext, finished: StageContext) -> None:
    """Neither missing ones nor those of other orders are shown, and the summary stays the same."""
    layout = copy.layout
    order = read_json(layout.order(TASK), "")
    write_json(layout.order(TASK), {**order, "more": 1})
    report.run_stage(copy)
    table = layout.results("table.md").read_text()
    assert f"No run times for {TASK}: measure them with elimax evaluate TASK." in table
    layout.timings(TASK).unlink()
    report.run_stage(copy)
    assert layout.results("table.md").read_text() == table
    assert read_json(layout.results("timings.json"), "")["tasks"] == {}
    summary = finished.layout.results("summary.json")
    assert layout.results("summary.json").read_bytes() == summary.read_bytes()
    assert "No run times for" not in finished.layout.results("table.md").read_text()


def test_the_page_stands_alone(finished: StageContext) -> None:
    """No script and nothing from the net; charts of speed, of first orders and of learning."""
    page = finished.layout.results("report.html").read_text()
    assert page.startswith("<!doctype html>")
    # Two layouts with two sets of flags; first orders, pretraining, and the curve of the task.
    assert page.count("<svg") == page.count("</svg>") == 4 + 3
    outside = page.replace("http://www.w3.org/2000/svg", "")
    assert "http" not in outside and "<script" not in outside and "<link" not in outside
    assert TASK in page


def test_the_page_has_picture_commit_and_date(
    copy: StageContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are on the page only; the picture is that of the checkout."""
    summary = copy.layout.results("summary.json").read_bytes()
    (copy.layout.root / "docs").mkdir()
    (copy.layout.root / report.IDEA).write_text('<svg viewBox="0 0 9 3"><circle r="1"/></svg>')
    monkeypatch.setattr(report, "git_commit", lambda root: "1a2b3c4")
    report.run_stage(copy)
    page = copy.layout.results("report.html").read_text()
    assert re.search(r"<p>Made from commit 1a2b3c4, \d{1,2} \w+ \d{4}\.</p>", page)
    assert page.count("<use ") == 3 and '<circle r="1"/>' in page
    assert copy.layout.results("summary.json").read_bytes() == summary


def test_measurements_on_a_gpu_are_read_where_there_are_some(copy: StageContext) -> None:
    """From every folder below results/gpu; a broken file is an error with the command."""
    assert report.read_gpu(copy.layout) == {}
    path = copy.layout.results("gpu/h100/gpu.json")
    path.parent.mkdir(parents=True)
    timed, checked = {"ratios": {"jacfwd": {}}}, {"ratios": {}}
    cases = {"times": timed, "values": checked, "failed": {}}
    where = {"device": "H100", "jax": "0.11.2"}
    write_json(path, {"environment": where, "tasks": {TASK: {"cases": cases}}})
    assert report.read_gpu(copy.layout) == {"h100": {**where, "cases": {TASK: [timed]}}}
    path.write_text("{}")
    with pytest.raises(FileError, match="make bench-gpu NAME=h100"):
        report.read_gpu(copy.layout)


@pytest.mark.parametrize(
    ("folder", "message"),
    [
        ("data/graphs", "does not exist; write it with: elimax extract toy_functions:toy"),
        ("data/policies", "write it with: elimax finetune toy_functions:toy --seed 0"),
        ("data/finetune", "write it with: elimax finetune toy_functions:toy --seed 0"),
    ],
)
def test_search_names_what_is_missing(copy: StageContext, folder: str, message: str) -> None:
    """A missing input is one line with the command that writes it."""
    shutil.rmtree(copy.layout.root / folder)
    with pytest.raises(FileError) as caught:
        search.run_stage(copy, TASK)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"greedy": {}}, "holds no order"),
        ({"order": [1, 1]}, "holds no order"),
        ({"fingerprint": "0"}, "is for the graph 0"),
    ],
)
def test_search_refuses_orders_that_do_not_fit(
    copy: StageContext, change: dict[str, Any], message: str
) -> None:
    """Orders are checked when they are read."""
    path = copy.layout.finetuned(TASK, 0)
    write_json(path, {**json.loads(path.read_text()), **change})
    with pytest.raises(FileError, match=message):
        search.run_stage(copy, TASK)


def _runner(context: StageContext, stage: str) -> Callable[[], Any]:
    if stage == "pretrain":
        return lambda: pretrain.run_stage(context)
    return lambda: finetune.run_stage(context, TASK)
