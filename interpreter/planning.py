"""`plan`: what `jacve` would do, before it does."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax

from elimax.interpreter.differentiation import Options, Order, resolve_order
from elimax.interpreter.graph.counting import count_multiplications
from elimax.interpreter.graph.order import EliminationOrder, check_order
from elimax.interpreter.orders.auto import long_order
from elimax.interpreter.orders.exact.bounds import lower_bound
from elimax.interpreter.plan import Plan
from elimax.interpreter.racing import SECONDS, race
from elimax.interpreter.tracing.call import trace

BOUNDED = 200
"""A plan has a lower bound if at most this many vertices are to be eliminated."""


def plan(
    fun: Callable[..., Any],
    *args: Any,
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    allow_int: bool = False,
    order: Order = "auto",
    seconds: float | None = None,
    fastest: bool = False,
    batch: int | None = None,
    kwargs: Mapping[str, Any] | None = None,
) -> Plan:
    """Finds the order in which `jacve(fun, ...)(*args)` would eliminate, and what that costs.

    Args:
        fun: As for `jacve`.
        *args: Example arguments: arrays, or `jax.ShapeDtypeStruct` where only shapes are known,
            but not with `fastest`.
        argnums: As for `jacve`.
        has_aux: As for `jacve`.
        holomorphic: As for `jacve`.
        allow_int: As for `jacve`.
        order: As for `jacve`.
        seconds: Time for finding an order, with "auto" only; None for the little that `jacve`
            takes. What is found depends on the machine, so pass the plan on to use it. With
            `fastest` the time for compiling and running; 20 s if None.
        fastest: Whether to time ways to compute the Jacobian on this device, with these shapes:
            eliminations in a few orders, a native kernel, JAX's two modes. The plan says which
            won.
        batch: With `fastest`: the number of points that `jax.vmap` will evaluate at once; every
            differentiated argument is repeated that many times.
        kwargs: Keyword arguments of the function.

    Returns:
        The plan, to be passed on as `jacve(fun, ..., order=plan)`. `hessve(f, order=plan)` takes a
        plan of `jax.grad(f, ...)`. If the graph has at most `BOUNDED` vertices to eliminate, the
        plan has a lower bound, which takes up to a second to find.

    Raises:
        InvalidOrderError: If the order does not fit the graph of `fun`.
        TracingError: If `fun` has side effects.
        TypeError: As `jacve` does when called; with `fastest`, if an argument has no values.
        ValueError: As `jacve` does when called; if `seconds` or `batch` is not above 0, or options
            do not go together; with `fastest` in a transformation.
    """
    _check_options(order, seconds, fastest, batch)
    if fastest:
        _check_values((args, kwargs))
        options = Options(argnums, has_aux, holomorphic, allow_int, "auto", "dense")
        limit = SECONDS if seconds is None else seconds
        return race(fun, args, dict(kwargs or {}), options, batch=batch, seconds=limit).plan
    graph = trace(
        fun,
        *args,
        argnums=argnums,
        has_aux=has_aux,
        holomorphic=holomorphic,
        allow_int=allow_int,
        kwargs=kwargs,
    )
    found = resolve_order(graph, order) if seconds is None else long_order(graph, None, seconds)
    if not isinstance(found, EliminationOrder):
        found = EliminationOrder(check_order(graph, found), graph.fingerprint)
    bound = optimal = None
    if len(graph.eliminable) <= BOUNDED:
        bound = lower_bound(graph, "nontrivial")
        optimal = True if bound == count_multiplications(graph, found).nontrivial else None
    return Plan.of_graph(graph, found, bound, optimal)


def _check_options(order: Order, seconds: float | None, fastest: bool, batch: int | None) -> None:
    """Refuses options of `plan` that do not go together."""
    if fastest and (order != "auto" or (batch is not None and batch < 1)):
        raise ValueError(
            "with fastest=True the order must be 'auto', because the race chooses it, and a batch "
            f"must have at least one point, but order={order!r} and batch={batch!r} were given"
        )
    if batch is not None and not fastest:
        raise ValueError(f"batch={batch!r} needs fastest=True as well: only a race uses a batch")
    if seconds is not None and (order != "auto" or not 0 < seconds < math.inf):
        raise ValueError(
            f"seconds={seconds!r} with order={order!r}: seconds must be a finite time above 0, and "
            "is for order='auto' only"
        )


def _check_values(arguments: Any) -> None:
    """Refuses arguments that only have a shape."""
    if any(isinstance(leaf, jax.ShapeDtypeStruct) for leaf in jax.tree.leaves(arguments)):
        raise TypeError(
            "fastest=True runs the Jacobian, but an argument has a shape and no values: pass arrays"
        )
