"""Times one task in many orders, under the XLA flags of this process."""

import dataclasses
import functools
import statistics
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from benchmarks.cases import batch_of
from benchmarks.programs import describe, reason
from benchmarks.subjects import STORED, Subject
from elimax.interpreter import timing
from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.counting import count_multiplications
from elimax.interpreter.graph.elimination import Elimination
from elimax.interpreter.graph.order import EliminationOrder
from elimax.interpreter.graph.pair_structure import Structure, product_of, sum_of
from elimax.interpreter.graph.price import Work, order_cost, product_work
from elimax.interpreter.jacobian import jacve
from elimax.interpreter.orders import portfolio
from elimax.pipeline.stages import rivals

OURS = ("forward", "reverse", *STORED, "auto")
"""Orders that are timed on every task, unless they are equal."""
NOISE = (0.01, 0.03, 0.1, 0.3, 1.0)
"""How far vertices move in random orders, as shares of the number of vertices."""


def varied_orders(
    subject: Subject, number: int, rng: np.random.Generator
) -> dict[str, EliminationOrder]:
    """Makes orders of a task from the best to bad ones, all different.

    Args:
        subject: The task.
        number: How many to make; the classical ones are thinned out to a third of it.
        rng: Generator for the random orders.

    Returns:
        Orders by name: `OURS`, classical ones, and these with all vertices moved at random.
    """
    classical = portfolio(subject.graph)
    named = {name: subject.order(name) for name in OURS}
    chosen = rng.permutation(sorted(set(classical) - set(named)))
    different: dict[tuple[int, ...], tuple[str, EliminationOrder]] = {}
    for name, order in (named | {name: classical[name] for name in chosen}).items():
        if len(different) < max(len(OURS), number // 3):
            different.setdefault(order.vertices, (name, order))
    starts = list(different.values())
    for k in range(20 * number):
        if len(different) >= number:
            break
        name, start = starts[k % len(starts)]
        moved = _moved(start, subject.graph, NOISE[k % len(NOISE)], rng)
        different.setdefault(moved.vertices, (f"{name} {NOISE[k % len(NOISE)]:g} {k}", moved))
    return dict(different.values())


def _moved(
    order: EliminationOrder, graph: ComputationalGraph, share: float, rng: np.random.Generator
) -> EliminationOrder:
    """An order with every vertex moved by a normally distributed number of places."""
    vertices = np.asarray(order.vertices)
    places = np.arange(len(vertices)) + share * len(vertices) * rng.standard_normal(len(vertices))
    moved = (int(vertex) for vertex in vertices[np.argsort(places, kind="stable")])
    return EliminationOrder(tuple(moved), graph.fingerprint, "moved at random")


def measure(
    subject: Subject,
    orders: Mapping[str, EliminationOrder],
    batch: int,
    *,
    rounds: int,
    seconds: float,
) -> list[dict[str, Any]]:
    """Compiles and times the Jacobian of a task in every order, and by JAX's two modes.

    Args:
        subject: The task; its published layout is timed, in float32.
        orders: What `varied_orders` returned.
        batch: Points of a batch.
        rounds: Rounds of run times.
        seconds: No round starts after this time, except for the first three.

    Returns:
        One record per order or mode: `name`; `all`, `nontrivial`, `additions`, the `price` of an
        order and its work; `seconds` per call, the median, with `quarter` and `three_quarters`;
        `flops` and `kernels` of the compiled program; or `failed`, the reason.
    """
    single = rivals.in_dtype(subject.task.example_inputs(), "float32")
    task = dataclasses.replace(subject.task, example_inputs=lambda: single)
    arguments, axes = batch_of(task, "published", batch, 0)
    makers = {
        name: functools.partial(make, task.function, argnums=task.argnums)
        for name, make in rivals.RIVALS.items()
    } | {
        name: functools.partial(jacve, task.function, task.argnums, order=order)
        for name, order in orders.items()
    }
    programs, records = {}, {name: _of_order(subject, orders.get(name)) for name in makers}
    for name, make in makers.items():
        try:
            programs[name] = jax.jit(jax.vmap(make(), axes)).lower(*arguments).compile()
        except Exception as error:  # An order that fails does not stop the others.
            records[name]["failed"] = reason(error)
            continue
        facts = describe(programs[name])
        records[name] |= {"flops": facts["flops"], "kernels": facts["kernels"]}
    calls = {name: functools.partial(run, *arguments) for name, run in programs.items()}
    times = timing.measure(calls, rounds=rounds, seconds=seconds, seed=0)
    for name, series in times.items():
        quartiles = statistics.quantiles(series, n=4, method="inclusive")
        low, median, high = (float(f"{x:.4g}") for x in quartiles)
        records[name] |= {"seconds": median, "quarter": low, "three_quarters": high}
    return [{"name": name} | record for name, record in records.items()]


def order_work(graph: ComputationalGraph, order: EliminationOrder) -> Work:
    """Adds up the work of a whole elimination, which its price is made of.

    Args:
        graph: The graph.
        order: An order of it.

    Returns:
        The sum over all products.
    """
    works: list[Work] = []

    def multiplied(later: Structure, earlier: Structure) -> Structure:
        works.append(product_work(later, earlier))
        return product_of(later, earlier).structure

    elimination = Elimination(graph, graph.edges, multiplied, sum_of)
    for vertex in order.vertices:
        elimination.eliminate(vertex)
    return Work(*map(sum, zip(*works, strict=True))) if works else Work(0, 0, 0)


def _of_order(subject: Subject, order: EliminationOrder | None) -> dict[str, Any]:
    if order is None:
        return {}
    count = count_multiplications(subject.graph, order)
    work = order_work(subject.graph, order)
    return {**count._asdict(), **work._asdict(), "price": order_cost(subject.graph, order, "price")}
