"""Stage finetune: trains the policy on one task and keeps the cheapest order that it finds.

One training per task and seed.
"""

import dataclasses
from pathlib import Path
from typing import Any

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.independent_count import verified_count
from elimax.interpreter.graph.order import EliminationOrder
from elimax.models.checkpoint import load_policy, load_training, save_policy
from elimax.models.finetuning import FinetuneConfig, FinetuneResult, finetune
from elimax.pipeline.checkout.configs import build
from elimax.pipeline.checkout.context import (
    StageContext,
    command,
    input_digests,
    order_costs,
    read_graph,
)
from elimax.pipeline.checkout.files import (
    item_name,
    require_file,
    stem,
    write_csv,
    write_errors,
    write_json,
)
from elimax.pipeline.checkout.params import section
from elimax.pipeline.checkout.process import stage_process
from elimax.pipeline.checkout.resume import checkpoint_of
from elimax.pipeline.stages.follow import Follower
from elimax.pipeline.tracking import track


def finetune_config(context: StageContext, task_name: str) -> FinetuneConfig:
    """Reads section `finetune`, with the values of a task filled in.

    Raises:
        ParamsError: If a key or a value is wrong.
    """
    values = {"count": context.count, **section(context.params, "finetune", task_name)}
    return build(FinetuneConfig, values, "finetune")


def describe_result(
    task_name: str, graph: ComputationalGraph, result: FinetuneResult, config: FinetuneConfig
) -> dict[str, Any]:
    """Turns a result into plain data.

    Returns:
        `task`, `fingerprint`, `count`, `eliminations`; the best `order` with `all` and
        `nontrivial`; `greedy` and `pretrained_greedy`, each with order and both counts.

    Raises:
        CountMismatchError: If the two counters disagree about an order.
    """

    def described(order: EliminationOrder) -> dict[str, Any]:
        return {
            "order": list(order.vertices),
            **order_costs(graph, order, config.count, verified_count),
        }

    return {
        "task": task_name,
        "fingerprint": graph.fingerprint,
        "count": config.count,
        "eliminations": result.eliminations,
        **described(result.best_order),
        "greedy": described(result.greedy_order),
        "pretrained_greedy": described(result.pretrained_greedy_order),
    }


def run_stage(context: StageContext, task_name: str, seed: int | None = None) -> dict[str, Any]:
    """Runs finetune: writes the policy of the task, its best order and its learning curve.

    Args:
        context: Files, parameters, console.
        task_name: Name of the task, or module:function.
        seed: The seed of the training; None for one training with each of the parameters' seeds.

    Returns:
        The content of data/finetune/TASK/SEED.json; without a seed, these contents by seed.

    Raises:
        ElimaxError: If an input is missing or broken, the training diverges, or a file cannot be
            written.
    """
    if seed is not None:
        return _run_seed(context, task_name, seed)
    return {str(each): _run_seed(context, task_name, each) for each in context.seeds}


def _run_seed(context: StageContext, task_name: str, seed: int) -> dict[str, Any]:
    layout = context.layout
    with stage_process(layout, "finetune", task_name, seed):
        config, graph = finetune_config(context, task_name), read_graph(layout, task_name)
        pretrained = require_file(layout.pretrained_policy, command("pretrain"))
        policy, _ = load_policy(pretrained)
        depends_on = {
            "params": dataclasses.asdict(config),
            "seed": seed,
            "inputs": input_digests(layout, layout.graph(task_name), pretrained),
        }
        checkpoint = checkpoint_of(layout, "finetune", task_name, depends_on, seed)
        state = checkpoint.load(lambda path: load_training(path, policy.config, seed=seed))
        with (
            track(layout, "finetune", task_name, depends_on, seed) as tracker,
            context.console.progress(config.updates, f"finetune {task_name}") as report,
        ):
            tracker.uses(f"graph-{stem(task_name)}", "graph")
            tracker.uses("policy-pretrained", "policy")
            result = finetune(
                policy,
                graph,
                config,
                seed=seed,
                on_update=Follower(tracker, report, checkpoint, state),
                resume=state,
            )
            content = describe_result(task_name, graph, result, config)
            path = _write(context, task_name, seed, result, content)
            tracker.summary({key: content[key] for key in ("all", "nontrivial", "eliminations")})
            tracker.artifact(path, f"policy-{item_name(task_name, seed)}", "policy")
        checkpoint.remove()
    rows = [
        [name, counts["all"], counts["nontrivial"]]
        for name, counts in (
            ("pretrained greedy", content["pretrained_greedy"]),
            ("finetuned greedy", content["greedy"]),
            ("finetuned best", content),
        )
    ]
    title = f"{task_name}, seed {seed}"
    context.console.table(["order", "all", "nontrivial"], rows, title)
    return content


def _write(
    context: StageContext,
    task_name: str,
    seed: int,
    result: FinetuneResult,
    content: dict[str, Any],
) -> Path:
    """Writes the three files of the stage and returns the path of the policy."""
    layout = context.layout
    path = layout.policy(task_name, seed)
    with write_errors(path):
        metadata = {"stage": "finetune", "task": task_name, "fingerprint": content["fingerprint"]}
        save_policy(path, result.policy, metadata)
    write_csv(layout.finetune_curve(task_name, seed), result.curve)
    write_json(layout.finetuned(task_name, seed), content)
    return path
