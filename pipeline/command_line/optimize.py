"""Command optimize: from a function to a correct and fast plan in one step."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from elimax.interpreter.checking import JacobianCheck, check_against, reference_jacobian
from elimax.interpreter.differentiation import Options
from elimax.interpreter.execution.jax_modes import MODES
from elimax.interpreter.graph.order import EliminationOrder
from elimax.interpreter.graph.structure import Count, Objective
from elimax.interpreter.racing import SECONDS, Race, race
from elimax.pipeline.checkout.context import two_counts
from elimax.pipeline.checkout.machine import device
from elimax.pipeline.command_line.arguments import SearchMethod
from elimax.pipeline.command_line.explain import Explanation, explain_order
from elimax.pipeline.command_line.explain_tables import saving_table, verdict
from elimax.pipeline.command_line.order_search import found_order, search_graph, traced_graph
from elimax.pipeline.console import Console
from elimax.pipeline.extras import is_installed
from elimax.pipeline.tasks import load_task

SAVINGS_SHOWN = 5

FOUND = "found"
"""Name of the order that the search found, among the contenders of the race."""


@dataclasses.dataclass(frozen=True)
class Optimized:
    """What optimize found.

    Attributes:
        search: What `order_search.search_order` returns.
        explained: The order that the search found, next to the classical ones.
        raced: The race; its plan is what is written.
        check: How far the Jacobians by that plan and by the order that was found are from JAX's
            in float64; the larger error of the two.
        batch: Number of points of one call under `jax.vmap`; None for one point without it.
        device: Where the race was run.
    """

    search: Mapping[str, Any]
    explained: Explanation
    raced: Race
    check: JacobianCheck
    batch: int | None
    device: Mapping[str, str]

    @property
    def order(self) -> EliminationOrder:
        """The order that the search found."""
        return self.explained.order


def optimize(
    name: str,
    *,
    method: SearchMethod | None = None,
    count: Objective = "nontrivial",
    seconds: float = 10.0,
    seed: int = 0,
    batch: int | None = None,
) -> Optimized:
    """Searches for an order, races it against others and JAX, and checks the winner.

    Args:
        name: Name of a task, or module:function.
        method: As for `search_order`; None takes "both" if the learned policy can be loaded,
            otherwise "annealing".
        count: What the search saves: multiplications, or the price.
        seconds: Time of the search.
        seed: Seed of the search.
        batch: As for `racing.race`.

    Returns:
        What was found.

    Raises:
        ElimaxError: If the function cannot be loaded, traced or searched.
        JacobianMismatchError: If the Jacobian by the plan is not JAX's.
    """
    if method is None:
        method = "both" if is_installed("equinox") and is_installed("optax") else "annealing"
    task = load_task(name)
    graph = traced_graph(task)
    search = search_graph(name, graph, method, count, seconds, seed)
    order = found_order(graph, search)
    options = Options(task.argnums, False, False, True, order, "dense")
    inputs = task.example_inputs()
    raced = race(
        task.function, inputs, {}, options, batch=batch, seconds=SECONDS, orders={FOUND: order}
    )
    reference = reference_jacobian(task.function, *inputs, argnums=task.argnums)
    checks = [
        check_against(reference, task.function, *inputs, argnums=task.argnums, order=one)
        for one in (order, raced.plan)
    ]
    check = max(checks, key=lambda one: one.max_error)
    compared: Count = "nontrivial" if count == "price" else count
    explained = explain_order(name, graph, order, compared)
    return Optimized(search, explained, raced, check, batch, device())


def say_optimized(optimized: Optimized, console: Console) -> None:
    """Prints what was found.

    Args:
        optimized: What was found.
        console: Where the lines go.
    """
    explained, search, raced = optimized.explained, optimized.search, optimized.raced
    console.table(["order", "all", "nontrivial"], _order_rows(optimized), explained.task)
    count = search["count"]
    cost = f"{search[count]:,}" if count == "price" else f"{search[count]:,} multiplications"
    low = "proven optimal" if search["optimal"] else f"lower bound {search['bound']:,}"
    console.say(
        f"\nfound by {search['method']} in {search['seconds']:.1f} s: {cost} ({count}), {low}"
    )
    for rival in explained.rivals:
        console.say(verdict(explained, rival))
        columns, rows = saving_table(explained, rival, SAVINGS_SHOWN)
        if explained.cost() < explained.cost(rival):
            console.table(columns, rows)
    where = "one point" if optimized.batch is None else f"a batch of {optimized.batch:,}"
    where += f" on {optimized.device['cpu' if _on_cpu(optimized) else 'device']}"
    console.say("")
    console.table(["contender", "us", "times JAX"], _race_rows(raced), f"Time of {where}")
    for contender, reason in raced.left_out.items():
        console.say(f"not timed: {contender} ({' '.join(reason.split())[:150]})")
    console.say(
        f"\ncorrect: {optimized.check.blocks} blocks within {optimized.check.max_error:.1e} of "
        "JAX's in float64"
    )
    winner = next(iter(raced.seconds))
    console.say(f"the plan is {_DESCRIPTIONS.get(winner, f'the order {winner}')}")


def as_json(optimized: Optimized) -> dict[str, Any]:
    """What was found as plain JSON data.

    Args:
        optimized: What was found.

    Returns:
        `search`, `orders` with both counts of each, `seconds` and `left_out` of the race, `winner`,
        `batch`, `device`, `max_error`, `blocks`, and the `plan`.
    """
    raced = optimized.raced
    return {
        "search": dict(optimized.search),
        "orders": {name: dict(zip(("all", "nontrivial"), counts, strict=True))
                   for name, *counts in _order_rows(optimized)},
        "seconds": raced.seconds,
        "left_out": raced.left_out,
        "winner": next(iter(raced.seconds)),
        "batch": optimized.batch,
        "device": dict(optimized.device),
        "max_error": optimized.check.max_error,
        "blocks": optimized.check.blocks,
        "plan": raced.plan.to_dict(),
    }  # fmt: skip


_DESCRIPTIONS = {
    FOUND: "the order that was found",
    "auto": "what jacve does by itself",
    "native": "a native kernel, which this machine compiles",
    "jacfwd": "jax.jacfwd: no elimination is clearly quicker here",
    "jacrev": "jax.jacrev: no elimination is clearly quicker here",
}


def _on_cpu(optimized: Optimized) -> bool:
    return optimized.device["platform"] == "cpu"


def _order_rows(optimized: Optimized) -> list[list[Any]]:
    explained = optimized.explained
    names = dict.fromkeys(("forward", "reverse", explained.best_classic))
    every = {FOUND: explained.steps, **{name: explained.others[name] for name in names}}
    nothing = {"all": 0, "nontrivial": 0}
    counts = {name: two_counts(s[-1].total) if s else nothing for name, s in every.items()}
    return [[name, both["all"], both["nontrivial"]] for name, both in counts.items()]


def _race_rows(raced: Race) -> list[list[Any]]:
    """Contender, microseconds, and how many times as fast as the better mode of JAX it is."""
    rivals = [raced.seconds[mode] for mode in MODES if mode in raced.seconds]
    return [
        [name, round(seconds * 1e6, 1), round(min(rivals) / seconds, 2) if rivals else None]
        for name, seconds in raced.seconds.items()
    ]
