"""Stage evaluate: checks the Jacobian of every order of a task in float64, then times them.

Run times differ from run to run, so their file is not an output of DVC. The output that makes
DVC run this stage in a fresh clone is the list of the cases that were timed.

Works without DVC and W&B, so that it also runs where only JAX is installed.
"""

import contextlib
import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from elimax.interpreter.checking import check_against, reference_jacobian
from elimax.interpreter.errors import JacobianMismatchError, NotScalarError
from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.counting import count_multiplications
from elimax.interpreter.graph.order import EliminationOrder
from elimax.interpreter.orders import named_order
from elimax.interpreter.plan import Plan
from elimax.pipeline.checkout.context import (
    StageContext,
    command,
    input_digests,
    order_from,
    read_graph,
    read_order,
    two_counts,
)
from elimax.pipeline.checkout.files import read_json, require_file, write_json
from elimax.pipeline.checkout.machine import code_digest, content_digest, device, file_digest
from elimax.pipeline.checkout.process import stage_process
from elimax.pipeline.errors import FileError, StageError
from elimax.pipeline.stages import rivals, shown
from elimax.pipeline.stages.evaluate_timings import (
    Case,
    EvaluateConfig,
    timed_orders,
    wanted_cases,
)
from elimax.pipeline.stages.timing_process import time_cases
from elimax.pipeline.tasks import load_task
from elimax.pipeline.tasks.task import Task
from elimax.pipeline.tracking import track

CHECKED = ("forward", "reverse", "markowitz", "markowitz_high", "markowitz_nontrivial")
SMALLEST_ERROR = 1e-14
"""Errors below are stored as this: such small errors differ between machines."""


def check_orders(
    task: Task, orders: Mapping[str, EliminationOrder | Plan], tolerance: float
) -> dict[str, dict[str, Any]]:
    """Compares the Jacobian of every order with `jax.jacrev` in float64.

    Args:
        task: The task, checked at its example inputs.
        orders: The orders by name.
        tolerance: Largest relative error, per block.

    Returns:
        By name `correct`, and `error_below`: the error rounded up to a power of ten, or `reason`.
    """
    results: dict[str, dict[str, Any]] = {}
    function, argnums, inputs = task.function, task.argnums, task.example_inputs()
    reference = reference_jacobian(function, *inputs, argnums=argnums)
    for name, order in orders.items():
        try:
            check = check_against(
                reference, function, *inputs, argnums=argnums, order=order, rtol=tolerance
            )
        except JacobianMismatchError as error:
            results[name] = {"correct": False, "reason": str(error)}
        else:
            results[name] = {"correct": True, "error_below": power_of_ten(check.max_error)}
    return results


def check_kernel(
    task: Task, graph: ComputationalGraph, order: EliminationOrder, tolerance: float
) -> dict[str, Any]:
    """Compares the Jacobian by a native kernel with `jax.jacrev` in float64.

    Args:
        task: The task, checked at its example inputs.
        graph: Its graph.
        order: The order of the elimination.
        tolerance: Largest relative error, per block.

    Returns:
        As for one order of `check_orders`, or `impossible` with the reason if there is no kernel.
    """
    try:
        return check_orders(task, {"native": rivals.as_kernel(graph, order)}, tolerance)["native"]
    except NotScalarError as error:
        return {"impossible": str(error)}


def power_of_ten(error: float) -> float:
    """Rounds an error up to a power of ten, so that results have the same bytes on any machine."""
    return 10.0 ** math.ceil(math.log10(max(float(error), SMALLEST_ERROR)))


def orders_of(
    graph: ComputationalGraph, best: EliminationOrder, fewest: EliminationOrder
) -> dict[str, EliminationOrder]:
    """Gathers every order that is evaluated.

    Args:
        graph: The graph.
        best: The best order by the count of the parameters.
        fewest: The one with the fewest nontrivial multiplications.

    Returns:
        The orders by name.
    """
    classic = {name: named_order(graph, name) for name in CHECKED}
    return {**classic, "best": best, "fewest_nontrivial": fewest}


def run_stage(context: StageContext, task_name: str) -> dict[str, Any]:
    """Runs evaluate: writes the task's files in data/evaluations, data/timings and data/timed.

    Args:
        context: Files, parameters, console.
        task_name: Name of the task, or module:function.

    Returns:
        The evaluation, and the run times under "timings".

    Raises:
        StageError: If an order gives a wrong Jacobian; the evaluation is written nevertheless.
        ElimaxError: If an input is missing or broken.
    """
    layout, path = context.layout, context.layout.order(task_name)
    with stage_process(layout, "evaluate", task_name):
        config = context.config(EvaluateConfig, "evaluate", task_name)
        graph_path = require_file(layout.graph(task_name), command("extract", task_name))
        require_file(path, command("search", task_name))
        inputs = input_digests(layout, graph_path, path)
        run_config = {"params": dataclasses.asdict(config), "inputs": inputs}
        with track(layout, "evaluate", task_name, run_config) as tracker:
            tracker.uses(f"order-{path.stem}", "order")
            task, graph = load_task(task_name), read_graph(layout, task_name)
            orders, found_by = _read_orders(context, task_name, graph)
            evaluation = _check(task_name, task, graph, orders, found_by, config)
            write_json(layout.evaluation(task_name), evaluation)
            checked = {**evaluation["orders"], "the native kernel": evaluation["native"]}
            tracker.summary({"orders": evaluation["orders"], "native": evaluation["native"]})
            tracker.artifact(layout.evaluation(task_name), f"evaluation-{path.stem}", "evaluation")
            _require_correct(task_name, checked)
            timings = _time_all(context, task_name, timed_orders(orders, evaluation["orders"]))
            shown.mirror_timings(tracker, timings)
        labels = [str(case) for case in wanted_cases(task, config, timings["device"]["platform"])]
        timed = {"task": task_name, "orders": timings["orders"], "cases": labels}
        write_json(layout.timed(task_name), timed)
    shown.show_evaluation(context.console, evaluation, timings)
    return {**evaluation, "timings": timings}


def _read_orders(
    context: StageContext, task_name: str, graph: ComputationalGraph
) -> tuple[dict[str, EliminationOrder], str]:
    """Every order that is evaluated, and who found the best one."""
    path, hint = context.layout.order(task_name), command("search", task_name)
    content = read_json(path, hint, keys=("found_by", "by_count"))
    fewest = content["by_count"].get("nontrivial")
    orders = orders_of(
        graph,
        read_order(path, graph, hint, "best"),
        order_from(fewest, graph, path, hint, "fewest_nontrivial"),
    )
    return orders, content["found_by"]


def _check(
    task_name: str,
    task: Task,
    graph: ComputationalGraph,
    orders: Mapping[str, EliminationOrder],
    found_by: str,
    config: EvaluateConfig,
) -> dict[str, Any]:
    """The content of data/evaluations/TASK.json."""
    checks = check_orders(task, orders, config.tolerance)
    return {
        "task": task_name,
        "fingerprint": graph.fingerprint,
        "vertices": graph.num_vertices,
        "found_by": found_by,
        "tolerance": config.tolerance,
        "orders": {
            name: {**two_counts(count_multiplications(graph, order)), **checks[name]}
            for name, order in orders.items()
        },
        "native": check_kernel(task, graph, orders["best"], config.tolerance),
    }


def _time_all(
    context: StageContext, task_name: str, orders: Mapping[str, EliminationOrder]
) -> dict[str, Any]:
    """Times all cases and writes data/timings after each; resumes where a killed stage was."""
    layout, machine = context.layout, device()
    path, digest = layout.timings(task_name), file_digest(layout.order(task_name))
    config = context.config(EvaluateConfig, "evaluate", task_name)
    cases = wanted_cases(load_task(task_name), config, machine["platform"])
    depends_on = {"task": task_name, "orders": digest, "device": machine}
    setting = {**depends_on, "seed": context.seed, "config": dataclasses.asdict(config)}
    setting_digest = content_digest({**setting, "code": code_digest(__name__)})
    timings: dict[str, Any] = _unfinished(path, setting_digest) or {
        **depends_on, "setting": setting_digest, "complete": False, "cases": [], "skipped": {}
    }  # fmt: skip
    done = {str(Case(*(case[key] for key in Case._fields))) for case in timings["cases"]}
    left = [case for case in cases if str(case) not in {*done, *timings["skipped"]}]
    with context.console.progress(len(cases), f"timing {task_name}") as report:
        report(len(cases) - len(left))
        for case, record in time_cases(task_name, orders, left, config, context.seed):
            if "skipped" in record:
                timings["skipped"][str(case)] = record["skipped"]
            else:
                timings["cases"].append(record["case"])
            write_json(path, timings)
            report(len(timings["cases"]) + len(timings["skipped"]), str(case))
    timings["complete"] = True
    write_json(path, timings)
    return timings


def _unfinished(path: Path, setting: str) -> dict[str, Any] | None:
    """Returns the run times of a stage that was killed, or None if there are none to resume."""
    with contextlib.suppress(
        FileError
    ):  # Missing, truncated or of another version: measured again.
        earlier = read_json(path, "", keys=("setting", "complete"))
        if earlier["setting"] == setting and not earlier["complete"]:
            return earlier
    return None


def _require_correct(task_name: str, results: Mapping[str, Mapping[str, Any]]) -> None:
    """Raises StageError if an order gave a wrong Jacobian."""
    wrong = [name for name, result in results.items() if result.get("correct") is False]
    if wrong:
        raise StageError(
            f"{task_name}: the Jacobian by {', '.join(wrong)} differs from jax.jacrev "
            f"({results[wrong[0]]['reason']}): report this as a bug of the interpreter"
        )
