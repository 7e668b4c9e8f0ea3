"""`plan`: what `jacve` would do, before it does."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from interpreter.call_checks import check_callable, check_inputs, check_outputs
from interpreter.counting import count_multiplications
from interpreter.flat_call import FlatCall
from interpreter.graph import ComputationalGraph
from interpreter.jacobian import Order, resolve_order, trace_call
from interpreter.order import EliminationOrder, check_order
from interpreter.orders.auto import long_order
from interpreter.orders.bounds import lower_bound
from interpreter.plan import Plan
from interpreter.plan_cache import cached_order

BOUNDED = 200
"""Vertices to eliminate up to which a plan has a lower bound."""


def plan(
    fun: Callable[..., Any],
    *args: Any,
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    allow_int: bool = False,
    order: Order = "auto",
    seconds: float | None = None,
    kwargs: Mapping[str, Any] | None = None,
) -> Plan:
    """Finds the order in which `jacve(fun, ...)(*args)` would eliminate, and what that costs.

    Args:
        fun: As for `jacve`.
        *args: Example arguments: arrays, or `jax.ShapeDtypeStruct` where only shapes are known.
        argnums: As for `jacve`.
        has_aux: As for `jacve`.
        holomorphic: As for `jacve`.
        allow_int: As for `jacve`.
        order: As for `jacve`.
        seconds: Time for finding an order, with "auto" alone; None for the little that `jacve`
            takes. What is found is remembered, and "auto" means that order from then on.
        kwargs: Keyword arguments of the function.

    Returns:
        The plan, to be passed on as `jacve(fun, ..., order=plan)`. `hessve(f, order=plan)` takes a
        plan of `jax.grad(f, ...)`. If the graph has at most `BOUNDED` vertices to eliminate, the
        plan has a lower bound, which takes up to a second to find.

    Raises:
        InvalidOrderError: If the order does not fit the graph of `fun`.
        TracingError: If `fun` has side effects.
        TypeError: As `jacve` does when called.
        ValueError: As `jacve` does when called; if `seconds` is not above 0, or given with another
            order than "auto".
    """
    if seconds is not None and (order != "auto" or not 0 < seconds < math.inf):
        raise ValueError(
            f"seconds={seconds!r} with order={order!r}: seconds is a time above 0, for order='auto'"
        )
    call = (fun, args, dict(kwargs or {}), argnums, has_aux)
    graph = _graph(*call, holomorphic, allow_int)
    if seconds is None:
        found = resolve_order(graph, order)
    else:
        found = cached_order(graph, None, partial(long_order, seconds=seconds), seconds)
    if not isinstance(found, EliminationOrder):
        found = EliminationOrder(check_order(graph, found), graph.fingerprint)
    bound = optimal = None
    if len(graph.eliminable) <= BOUNDED:
        bound = lower_bound(graph, "nontrivial")
        optimal = True if bound == count_multiplications(graph, found).nontrivial else None
    return Plan.of_graph(graph, found, bound, optimal)


def _graph(
    fun: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    argnums: int | Sequence[int],
    has_aux: bool,
    holomorphic: bool,
    allow_int: bool,
) -> ComputationalGraph:
    """The graph that `jacve` eliminates."""
    check_callable(fun)
    leaves, tree = jax.tree.flatten((args, kwargs))
    graphs = []

    def note_graph(missing: Sequence[Any]) -> None:
        values = iter(missing)
        filled = [next(values) if _is_abstract(leaf) else leaf for leaf in leaves]
        call = FlatCall(fun, argnums, has_aux, *jax.tree.unflatten(tree, filled))
        check_inputs(call.active_leaves, holomorphic, allow_int)
        traced = trace_call(call)
        outputs = [
            traced.program.node_avals[x] if isinstance(x, int) else jnp.asarray(x.value)
            for x in traced.program.outputs
        ]
        check_outputs(call.named_outputs(outputs), holomorphic)
        graphs.append(traced.graph)

    # Arguments with values keep them, as the function may steer by them.
    jax.eval_shape(note_graph, [leaf for leaf in leaves if _is_abstract(leaf)])
    (graph,) = graphs
    return graph


def _is_abstract(leaf: Any) -> bool:
    return isinstance(leaf, jax.ShapeDtypeStruct)
