"""Stage evaluate: correctness of all orders, and timings beside the rivals."""

import dataclasses
import itertools
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from elimax.interpreter.graph.order import EliminationOrder
from elimax.interpreter.orders import forward_order, reverse_order
from elimax.interpreter.plan import Plan
from elimax.interpreter.tracing.call import trace
from elimax.pipeline.checkout.context import StageContext, read_graph
from elimax.pipeline.checkout.files import Layout, read_json, write_json
from elimax.pipeline.checkout.params import load_params
from elimax.pipeline.console import Console
from elimax.pipeline.errors import FileError, StageError
from elimax.pipeline.stages import evaluate
from elimax.pipeline.stages.evaluate_timings import (
    Case,
    EvaluateConfig,
    time_case,
    timed_orders,
    wanted_cases,
)
from elimax.pipeline.stages.extract import run_stage as extract
from elimax.pipeline.tasks.task import Task
from support.repository import ROOT

NAME = "toy_functions:toy"
MEASURED = {"seconds": {}, "ratios": {}, "null": {"low": 1.0, "median": 1.0, "high": 1.0}}
MEASURED |= {"failed": {}, "compile_seconds": {}, "rounds": 1}


@pytest.fixture
def context(layout: Layout, toy: str) -> StageContext:
    """A checkout with the graph and an order of one task."""
    assert toy == NAME
    context = StageContext(layout, load_params(layout.params), Console())
    extract(context, NAME)
    graph = read_graph(layout, NAME)
    order = reverse_order(graph)
    content = {"fingerprint": graph.fingerprint, "order": list(order.vertices), "found_by": "x"}
    fewest = {"nontrivial": {"order": list(forward_order(graph).vertices)}}
    write_json(layout.order(NAME), {**content, "by_count": fewest})
    return context


def test_the_stage_writes_counts_and_timings(
    context: StageContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every order is correct; every case has both rivals, all orders and a null comparison."""
    evaluate.run_stage(context, NAME)
    layout = context.layout
    evaluation = read_json(layout.evaluation(NAME), "")
    assert set(evaluation["orders"]) == {*evaluate.CHECKED, "best", "fewest_nontrivial"}
    for entry in evaluation["orders"].values():
        assert entry["correct"] is True
        assert entry["error_below"] <= 1e-10
    counts = read_json(layout.graph(NAME), "")["counts"]
    assert evaluation["orders"]["forward"]["all"] == counts["forward"]["all"] > 0
    assert evaluation["orders"]["best"] == evaluation["orders"]["reverse"]
    assert evaluation["orders"]["fewest_nontrivial"] == evaluation["orders"]["forward"]
    assert evaluation["native"]["correct"] is True and evaluation["native"]["error_below"] <= 1e-10
    timings = read_json(layout.timings(NAME), "")
    assert timings["device"]["platform"] == "cpu" and timings["device"]["cpu"]
    cases = {(case["layout"], case["flags"]): case for case in timings["cases"]}
    layouts, flags = ("published", "packed"), ("default", "fusion")
    assert set(cases) == set(itertools.product(layouts, flags))
    for case in cases.values():
        assert set(case["ratios"]) == {"jacfwd", "jacrev"}
        ours = {"forward", "reverse", "markowitz", "best", "fewest_nontrivial", "native"}
        assert set(case["ratios"]["jacrev"]) == ours
        assert case["null"]["low"] <= case["null"]["median"] <= case["null"]["high"]
        assert all(seconds > 0 for seconds in case["compile_seconds"].values())
        assert (case["batch"], case["rounds"], case["failed"]) == (4, 3, {})
    timed = read_json(layout.timed(NAME), "")
    plain = ["float32 published batch 4", "float32 packed batch 4"]
    assert timed["cases"] == [*plain, *(f"{name} fusion" for name in plain)]
    assert timed["orders"] == timings["orders"]
    before = layout.evaluation(NAME).read_bytes(), layout.timed(NAME).read_bytes()
    monkeypatch.setattr(evaluate, "time_cases", lambda *arguments: iter(()))
    evaluate.run_stage(context, NAME)
    assert (layout.evaluation(NAME).read_bytes(), layout.timed(NAME).read_bytes()) == before


def test_a_killed_stage_goes_on_where_it_was(
    context: StageContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is timed stays timed; another setting, or a stage that had ended, starts anew."""
    asked: list[list[str]] = []
    dies = True

    def stand_in(name, orders, cases, config, seed):
        asked.append([str(case) for case in cases])
        for number, case in enumerate(cases):
            if dies and number == 1:
                raise KeyboardInterrupt
            yield case, {"case": {**case._asdict(), **MEASURED}}

    monkeypatch.setattr(evaluate, "time_cases", stand_in)
    with pytest.raises(KeyboardInterrupt):
        evaluate.run_stage(context, NAME)
    dies = False
    timings = evaluate.run_stage(context, NAME)["timings"]
    assert len(asked[0]) == 4 and asked[1] == asked[0][1:]
    timed = [Case(*(case[key] for key in Case._fields)) for case in timings["cases"]]
    assert list(map(str, timed)) == asked[0]
    evaluate.run_stage(context, NAME)
    assert asked[2] == asked[0]
    path = context.layout.timings(NAME)
    write_json(path, {**read_json(path, ""), "complete": False, "setting": "another"})
    evaluate.run_stage(context, NAME)
    path.write_text("torn")
    evaluate.run_stage(context, NAME)
    assert asked[3] == asked[4] == asked[0]


def test_a_wrong_jacobian_fails_the_stage(
    context: StageContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file says which order is wrong, and the stage ends with an error."""

    def mismatch(*arguments: object, order: EliminationOrder | Plan, **options: object) -> object:
        if isinstance(order, EliminationOrder) and order.name == "markowitz":
            raise evaluate.JacobianMismatchError("block [0] differs")
        return type("Check", (), {"max_error": 0.0})

    monkeypatch.setattr(evaluate, "check_against", mismatch)
    message = r"toy_functions:toy: the Jacobian by markowitz differs .*block \[0\] differs"
    with pytest.raises(StageError, match=message):
        evaluate.run_stage(context, NAME)
    orders = json.loads(context.layout.evaluation(NAME).read_text())["orders"]
    assert [name for name in orders if not orders[name]["correct"]] == ["markowitz"]
    assert not context.layout.timings(NAME).exists()


def test_an_order_of_another_graph_is_refused(context: StageContext) -> None:
    """The fingerprint guards against an order of an older version of the task."""
    path = context.layout.order(NAME)
    content = read_json(path, "")
    write_json(path, {**content, "fingerprint": "0"})
    with pytest.raises(FileError, match=r"is for the graph 0, expected .*elimax search"):
        evaluate.run_stage(context, NAME)
    write_json(path, {**content, "order": content["order"][1:]})
    with pytest.raises(FileError, match=r"holds no order .*misses.*elimax search"):
        evaluate.run_stage(context, NAME)


def test_a_rival_that_jax_refuses_is_recorded() -> None:
    """A while loop has no reverse mode; the task is timed against the other rival."""
    import jax

    def power(x: jax.Array) -> jax.Array:
        return jax.lax.while_loop(lambda pair: pair[0] < 3, lambda p: (p[0] + 1, p[1] * x), (0, x))[
            1
        ]

    task = Task("power", power, lambda: (np.float32(1.5),), (0,), "", "")
    graph = trace(power, np.float32(1.5))
    order = reverse_order(graph)
    counts = {
        "markowitz": {"all": 0, "nontrivial": 0},
        "markowitz_high": {"all": 0, "nontrivial": 0},
    }
    names = ("forward", "reverse", "markowitz", "markowitz_high", "best", "fewest_nontrivial")
    orders = timed_orders(dict.fromkeys(names, order), counts)
    wanted = Case("float64", "published", 2, "default")
    case = time_case(task, orders, wanted, rounds=1, seconds=0.1, seed=0)
    assert set(case["failed"]) == {"jacrev", "native"}
    assert set(case["ratios"]) == {"jacfwd"}
    assert case["dtype"] == "float64"


def test_which_cases_are_wanted() -> None:
    """Batches shrink to the memory; sets of flags are for CPUs, the packed layout for floats."""
    task = Task("square", lambda x, k: x * k, lambda: (np.ones(2, np.float32), 3), (0,), "", "")
    config = EvaluateConfig(batch_sizes=(8, 1), dtypes=("float32",), dense_gigabytes=64e-9)
    on_cpu = [str(case) for case in wanted_cases(task, config)]
    plain = [f"float32 {layout} batch {b}" for b in (4, 1) for layout in ("published", "packed")]
    assert on_cpu == [*plain, *(f"{name} fusion" for name in plain)]
    assert [str(case) for case in wanted_cases(task, config, "gpu")] == plain
    whole = dataclasses.replace(task, argnums=(0, 1))
    assert {case.layout for case in wanted_cases(whole, config)} == {"published"}


@pytest.mark.parametrize(
    ("error", "expected"), [(0.0, 1e-14), (3e-13, 1e-12), (1e-12, 1e-12), (2e-5, 1e-4)]
)
def test_errors_are_rounded_up(error: float, expected: float) -> None:
    """Stored errors are powers of ten, never below the floor."""
    assert evaluate.power_of_ten(error) == pytest.approx(expected, rel=1e-9)


def test_evaluate_needs_neither_wandb_nor_dvc(layout: Layout) -> None:
    """A machine that only evaluates has JAX and little else."""
    script = (
        "import sys; sys.modules.update(dict.fromkeys(('wandb', 'dvc', 'ruamel', 'equinox'))); "
        "import elimax.pipeline.stages.evaluate"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", script], env=environment, check=True, timeout=60)
