"""Stage search: gathers every known order of a task and keeps the cheapest."""

import dataclasses
import os
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.independent_count import verified_count
from elimax.interpreter.graph.order import EliminationOrder
from elimax.interpreter.graph.price import order_cost
from elimax.interpreter.orders import PORTFOLIO, certify, lower_bound, portfolio
from elimax.interpreter.orders.annealing.anneal import anneal
from elimax.models.checkpoint import load_policy
from elimax.models.policy_search import best_sampled_order
from elimax.models.ranges import Range
from elimax.pipeline.checkout.context import (
    Objective,
    StageContext,
    cheapest,
    command,
    input_digests,
    order_costs,
    order_from,
    read_graph,
    read_order,
)
from elimax.pipeline.checkout.files import (
    Layout,
    item_name,
    read_json,
    require_file,
    stem,
    write_json,
)
from elimax.pipeline.checkout.process import stage_process
from elimax.pipeline.stages import shown
from elimax.pipeline.tracking import Tracker, track

ANNEALED: dict[Objective, str] = {
    "all": "annealing",
    "nontrivial": "annealing_nontrivial",
    "price": "annealing_price",
}
"""What annealed orders are called, by what is saved."""


def objectives(count: Objective) -> tuple[Objective, ...]:
    """What orders are searched for: both counts, and the price where that decides."""
    return tuple(which for which in ANNEALED if which != "price" or count == "price")


@dataclasses.dataclass(frozen=True)
class SearchConfig:
    """Section `search` of params.yaml.

    Attributes:
        episodes: Orders that each finetuned policy samples.
        annealing: Orders that annealing evaluates for each count; none if the best known order is
            already proven optimal.
        proof_states: States examined to prove that a count is the lowest.
    """

    episodes: Annotated[int, Range(1, 1_000_000)] = 64
    annealing: Annotated[int, Range(0, 10**12)] = 6_000_000
    proof_states: Annotated[int, Range(0, 10**9)] = 2000


def choose_order(
    graph: ComputationalGraph,
    candidates: Mapping[str, EliminationOrder],
    count: Objective,
    proof_states: int,
) -> dict[str, Any]:
    """Counts all candidates and takes the cheapest; ties go to the one named first.

    Args:
        graph: The graph that all of them are for.
        candidates: Orders, by the name of what found them.
        count: Which count decides; the other one breaks ties.
        proof_states: States examined to prove that a count is the lowest.

    Returns:
        `fingerprint` of the graph; the best `order` with its counts `all` and `nontrivial`, and
        `found_by`; both counts of all `candidates`; `by_count`: for each count the order that is
        best by it with the same keys, and the `bound` that no order can be below, `optimal` if it
        is reached.

    Raises:
        InvalidOrderError: If a candidate does not fit the graph.
        CountMismatchError: If the two counters disagree about a candidate.
    """
    counts = {
        name: order_costs(graph, order, count, verified_count) for name, order in candidates.items()
    }
    by_count: dict[str, dict[str, Any]] = {}
    for which in objectives(count):
        best = cheapest(counts, which)
        certificate = certify(graph, which, counts[best][which], limit=proof_states)
        by_count[which] = {
            "order": list(candidates[best].vertices),
            **counts[best],
            "found_by": best,
            **certificate._asdict(),
        }
    return {
        "fingerprint": graph.fingerprint,
        "vertices": graph.num_vertices,
        **{key: by_count[count][key] for key in ("order", *objectives(count), "found_by")},
        "by_count": by_count,
        "candidates": counts,
    }


def annealed_orders(
    graph: ComputationalGraph,
    candidates: Mapping[str, EliminationOrder],
    evaluations: int,
    seed: int,
    count: Objective = "all",
) -> dict[str, EliminationOrder]:
    """Anneals from the known orders, by both counts.

    Args:
        graph: The graph.
        candidates: Known orders.
        evaluations: Orders to evaluate for each count.
        seed: Seed of the search.
        count: What decides between orders.

    Returns:
        "annealing" and "annealing_nontrivial", and "annealing_price" where the price decides;
        without those whose count cannot get lower.
    """
    found = {}
    for which in objectives(count):
        least = min(order_cost(graph, order, which) for order in candidates.values())
        if evaluations == 0 or least == lower_bound(graph, which):
            continue
        starts = _starts(graph, candidates, which)
        found[ANNEALED[which]] = anneal(
            graph, starts, which, evaluations=evaluations, seed=seed
        ).order
    return found


def _starts(
    graph: ComputationalGraph, candidates: Mapping[str, EliminationOrder], count: Objective
) -> list[EliminationOrder]:
    """The cheapest candidate, and the cheapest of the other kind, classical or learned.

    Learned orders are often alike; annealing from elsewhere may find what they all miss.
    """

    def cost(name: str) -> int:
        return order_cost(graph, candidates[name], count)

    best = min(candidates, key=cost)
    others = [name for name in candidates if (name in PORTFOLIO) != (best in PORTFOLIO)]
    return [candidates[name] for name in (best, *sorted(others, key=cost)[:1])]


def learned_orders(
    context: StageContext, task_name: str, graph: ComputationalGraph, seed: int
) -> dict[str, EliminationOrder]:
    """Returns what the policy of one seed knows: orders of finetune, and newly sampled ones.

    Args:
        context: Files, parameters.
        task_name: Name of the task.
        graph: Its graph.
        seed: The seed of finetune.

    Returns:
        The best and the greedy order of finetune, the greedy one before it, and the best sample.

    Raises:
        FileError: If finetune has not run with this seed, or its files are broken.
        PolicyFormatError: If the policy cannot be read.
    """
    config = context.config(SearchConfig, "search", task_name)
    layout, hint = context.layout, f"{command('finetune', task_name)} --seed {seed}"
    path = layout.finetuned(task_name, seed)
    content = read_json(path, hint, keys=("greedy", "pretrained_greedy"))
    finetuned = read_order(path, graph, hint, "finetuned")
    orders = {finetuned.name: finetuned}
    for key, name in (("greedy", "finetuned_greedy"), ("pretrained_greedy", "pretrained_greedy")):
        orders[name] = order_from(content[key], graph, path, hint, name)
    policy, _ = load_policy(require_file(layout.policy(task_name, seed), hint))
    sampled = best_sampled_order(
        policy,
        graph,
        episodes=config.episodes,
        seed=context.seed,
        count=context.count,
    )
    return {**orders, sampled.name: sampled}


def cheapest_of_seeds(
    graph: ComputationalGraph,
    by_seed: Mapping[int, Mapping[str, EliminationOrder]],
    count: Objective,
) -> tuple[dict[str, EliminationOrder], dict[str, dict[str, Any]]]:
    """Keeps the cheapest order of all seeds under each name.

    Args:
        graph: The graph that all of them are for.
        by_seed: What `learned_orders` returned, by seed, the same names for each.
        count: Which count decides; ties go to the first seed.

    Returns:
        The cheapest orders by name; and, by seed, both counts of its cheapest order, and the name
        of that order under `found_by`.
    """
    counts = {
        seed: {name: order_costs(graph, order, count) for name, order in orders.items()}
        for seed, orders in by_seed.items()
    }
    best = {}
    for name in next(iter(by_seed.values())):
        of_name = {str(seed): counts[seed][name] for seed in by_seed}
        best[name] = by_seed[int(cheapest(of_name, count))][name]
    seeds = {}
    for seed, of_seed in counts.items():
        name = cheapest(of_seed, count)
        seeds[str(seed)] = {**of_seed[name], "found_by": name}
    return best, seeds


def run_stage(context: StageContext, task_name: str) -> dict[str, Any]:
    """Runs search: reads graph, policies and finetune's orders, writes data/orders/TASK.json.

    With several seeds the file also has the result of each, under `seeds`.

    Args:
        context: Files, parameters, console.
        task_name: Name of the task, or module:function.

    Returns:
        What was written.

    Raises:
        ElimaxError: If an input is missing or broken, or the result cannot be written.
    """
    layout, seeds = context.layout, context.seeds
    with stage_process(layout, "search", task_name):
        remove_other_seeds(layout, task_name, seeds)
        search = context.config(SearchConfig, "search", task_name)
        graph = read_graph(layout, task_name)
        paths = [f(task_name, seed) for seed in seeds for f in (layout.policy, layout.finetuned)]
        for path in paths:
            require_file(path, f"{command('finetune', task_name)} --seed {path.stem}")
        inputs = input_digests(layout, layout.graph(task_name), *paths)
        config = {"params": dataclasses.asdict(search), "seeds": list(seeds), "inputs": inputs}
        with track(layout, "search", task_name, config) as tracker:
            _declare_inputs(tracker, task_name, seeds)
            by_seed = {seed: learned_orders(context, task_name, graph, seed) for seed in seeds}
            learned, of_seeds = cheapest_of_seeds(graph, by_seed, context.count)
            # A learned order is named only where it is cheaper than the classical ones, which come
            # first, and an annealed one only where it is cheaper than all.
            candidates = {**portfolio(graph), **learned}
            candidates |= annealed_orders(
                graph, candidates, search.annealing, context.seed, context.count
            )
            best = choose_order(graph, candidates, context.count, search.proof_states)
            content = {"task": task_name, **best}
            if len(seeds) > 1:
                content["seeds"] = of_seeds
            write_json(layout.order(task_name), content)
            shown.mirror_search(tracker, graph, content, context.count)
            tracker.artifact(layout.order(task_name), f"order-{stem(task_name)}", "order")
    shown.show_search(context.console, content, context.count)
    return content


def remove_other_seeds(layout: Layout, task_name: str, seeds: Sequence[int]) -> None:
    """Deletes what finetune wrote for seeds that are no longer in the parameters, only under DVC.

    The stage depends on the folders of the task. DVC records their hashes when the stage has ended,
    and a fresh clone could never reproduce leftovers in them.

    Args:
        layout: Paths of all files.
        task_name: Name of the task.
        seeds: The seeds of the parameters.
    """
    if "DVC_STAGE" not in os.environ:
        return  # The user may be trying a seed by hand.
    kept = {
        path(task_name, seed)
        for seed in seeds
        for path in (layout.policy, layout.finetuned, layout.finetune_curve)
    }
    for folder in {path.parent for path in kept}:
        for path in folder.glob("[0-9]*.*"):
            if path not in kept:
                path.unlink()


def _declare_inputs(tracker: Tracker, task_name: str, seeds: Sequence[int]) -> None:
    tracker.uses(f"graph-{stem(task_name)}", "graph")
    for seed in seeds:
        tracker.uses(f"policy-{item_name(task_name, seed)}", "policy")
