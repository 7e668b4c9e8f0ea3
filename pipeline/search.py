"""Stage search: gathers every order that is known for a task and keeps the cheapest."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from interpreter.graph import ComputationalGraph
from interpreter.independent_count import verified_count
from interpreter.order import EliminationOrder
from interpreter.orders import portfolio
from models.checkpoint import load_policy
from models.game import DEFAULT_MAX_STRUCTURES
from models.policy_search import best_sampled_order
from pipeline.files import read_json, require_file, write_json
from pipeline.machine import device
from pipeline.process import stage_process
from pipeline.stage import (
    Count,
    StageContext,
    cheapest,
    command,
    input_digests,
    order_from,
    read_graph,
    read_order,
    table_names,
    two_counts,
)
from pipeline.tracking import track


@dataclasses.dataclass(frozen=True)
class SearchConfig:
    """Section `search` of params.yaml.

    Attributes:
        episodes: Orders that the finetuned policy samples.
        max_structures: The most edge structures that the graph may reach.
    """

    episodes: int = 64
    max_structures: int = DEFAULT_MAX_STRUCTURES

    def __post_init__(self) -> None:
        if self.episodes < 1:
            raise ValueError(f"episodes is {self.episodes}, expected at least 1")


def choose_order(
    graph: ComputationalGraph, candidates: Mapping[str, EliminationOrder], count: Count
) -> dict[str, Any]:
    """Counts all candidates and takes the cheapest; equals go to the one named first.

    Args:
        graph: The graph that all of them are for.
        candidates: Orders by the name of who found them.
        count: Which count decides; the other one breaks ties.

    Returns:
        `fingerprint` of the graph, the best `order` with its counts `all` and `nontrivial`,
        `found_by`, and both counts of all `candidates`.

    Raises:
        InvalidOrderError: If a candidate does not fit the graph.
        CountMismatchError: If the two counters disagree about a candidate.
    """
    counts = {name: two_counts(verified_count(graph, order)) for name, order in candidates.items()}
    best = cheapest(counts, count)
    return {
        "fingerprint": graph.fingerprint,
        "vertices": graph.num_vertices,
        "order": list(candidates[best].vertices),
        **counts[best],
        "found_by": best,
        "candidates": counts,
    }


def gather_candidates(
    context: StageContext, task_name: str, graph: ComputationalGraph
) -> dict[str, EliminationOrder]:
    """Returns every known order: classical ones, those of finetune, and newly sampled ones.

    Classical orders come first, so that a learned order is named only where it is cheaper.

    Raises:
        FileError: If finetune has not run, or its files are broken.
        PolicyFormatError: If the policy cannot be read.
    """
    config = context.config(SearchConfig, "search", task_name)
    layout, hint = context.layout, command("finetune", task_name)
    path = layout.finetuned(task_name)
    content = read_json(path, hint, keys=("greedy", "pretrained_greedy"))
    finetuned = read_order(path, graph, hint, "finetuned")
    candidates = {**portfolio(graph), finetuned.name: finetuned}
    for key, name in (("greedy", "finetuned_greedy"), ("pretrained_greedy", "pretrained_greedy")):
        order = order_from(content[key], graph, path, hint, name)
        candidates[name] = order
    policy, _ = load_policy(require_file(layout.policy(task_name), hint))
    sampled = best_sampled_order(
        policy,
        graph,
        episodes=config.episodes,
        seed=context.seed,
        count=context.count,
        max_structures=config.max_structures,
    )
    return {**candidates, sampled.name: sampled}


def run_stage(context: StageContext, task_name: str) -> dict[str, Any]:
    """Runs search: reads graph, policy and finetune's orders, writes data/orders/TASK.json.

    Args:
        context: Files, parameters, console.
        task_name: Name of the task, or module:function.

    Returns:
        What was written.

    Raises:
        ElimaxError: If an input is missing or broken, or the result cannot be written.
    """
    layout = context.layout
    with stage_process(layout, "search", task_name):
        graph = read_graph(layout, task_name)
        candidates = gather_candidates(context, task_name, graph)
        inputs = input_digests(
            layout,
            layout.graph(task_name),
            layout.policy(task_name),
            layout.finetuned(task_name),
        )
        config = {"params": dict(context.params.get("search") or {}), "inputs": inputs}
        with track(layout, "search", task_name, {**config, **device()}) as tracker:
            content = {"task": task_name, **choose_order(graph, candidates, context.count)}
            write_json(layout.order(task_name), content)
            tracker.summary({key: content[key] for key in ("all", "nontrivial", "found_by")})
            rows = _rows(content["candidates"], context.count)
            tracker.table("candidates", ["order", "all", "nontrivial"], rows)
            tracker.artifact(layout.order(task_name), f"order-{graph.fingerprint}", "order")
    title = f"{task_name}: best by {content['found_by']}"
    context.console.table(["order", "all", "nontrivial"], rows, title)
    return content


def _rows(counts: Mapping[str, Mapping[str, int]], count: Count) -> list[list[Any]]:
    return [
        [name, counts[name]["all"], counts[name]["nontrivial"]]
        for name in table_names(counts, count)
    ]
