"""`order="fastest"`: ways to compute one Jacobian, timed on the shapes and the device at hand.

Which way is fastest depends on the machine, on XLA's flags and on the size of the batch, and no
model of costs knows that as well as a clock. A handful of *contenders* are compiled and run in
turns. Those that are clearly behind leave early; what is not clearly ahead of JAX gives way to it.
"""

import dataclasses
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.core
import jax.numpy as jnp
import numpy as np

from elimax.interpreter import timing
from elimax.interpreter.differentiation import Options, differentiated
from elimax.interpreter.errors import InvalidOrderError, MissingExtraError
from elimax.interpreter.execution.jax_modes import MODES, has_modes
from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.order import EliminationOrder, check_order
from elimax.interpreter.native.kernel_choice import suits_kernel
from elimax.interpreter.orders.order_cache import cached_order
from elimax.interpreter.orders.planners import planner_order
from elimax.interpreter.orders.portfolio import best_classic
from elimax.interpreter.plan import Plan
from elimax.interpreter.tracing.call import TracedCall, trace_call
from elimax.interpreter.tracing.call_checks import is_array
from elimax.interpreter.tracing.flat_call import CallArguments

SECONDS = 20.0
"""Seconds after which a race compiles no further contender and begins no further round."""

BEHIND = 1.5
"""A contender slower than the fastest one by more than this factor leaves after a few rounds."""

ROUNDS = 15

FIRST = "auto"
"""The contender that is always possible."""

PLAYED = 300
"""The learned policy is asked for an order if at most this many vertices are to be eliminated."""

ALWAYS = 4
"""Contenders that are compiled however long that takes."""

COMPILED = 32
"""Compiled functions that a function with `order="fastest"` keeps."""

KEPT = (bool, int, float, complex, str, bytes, type(None))
"""Types of leaves that a compiled function may keep, because they are immutable."""


class Race(NamedTuple):
    """What a race found.

    Attributes:
        plan: The fastest plan.
        seconds: Median time of one call by name of the contender; the winner first.
        left_out: Why a contender was not timed, by its name.
        plans: The plan of every contender.
    """

    plan: Plan
    seconds: dict[str, float]
    left_out: dict[str, str]
    plans: dict[str, Plan]


def race(
    fun: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    options: Options,
    *,
    batch: int | None = None,
    seconds: float = SECONDS,
    orders: Mapping[str, EliminationOrder] | None = None,
) -> Race:
    """Compiles and times ways to compute a Jacobian.

    Args:
        fun: The function.
        args: Its positional arguments, with values.
        kwargs: Its keyword arguments.
        options: As for `differentiated`; its order is not used.
        batch: Number of points that `jax.vmap` evaluates at once, over a leading axis of all
            differentiated arguments, which are repeated for it; None for one call without `vmap`.
        seconds: Time for compiling and running, roughly; the first contenders are always timed.
        orders: More orders by name, from a search; they are always timed.

    Returns:
        The times, and the plan of the fastest contender.

    Raises:
        ValueError: In a trace, where nothing can be timed.
    """
    arguments = CallArguments.of(args, kwargs, options.argnums)
    check_outside(arguments.leaves)
    ends = time.perf_counter() + seconds
    traced = trace_call(fun, arguments, options.has_aux, options.holomorphic, options.allow_int)
    plans = dict(_contenders(traced, orders or {}, batch or 1))
    given = _repeated(arguments, batch)
    calls: dict[str, Callable[[], Any]] = {}
    left_out: dict[str, str] = {}
    for name, plan in plans.items():
        is_given = orders is not None and name in orders
        if len(calls) >= ALWAYS and not is_given and time.perf_counter() > ends:
            left_out[name] = "no time was left"
            continue
        function = jitted(fun, arguments, options._replace(order=plan), batch=batch)
        try:
            call = timing.compile_ahead(function, given).call
            jax.block_until_ready(call())
        except Exception as error:
            if name == FIRST:  # Others may be impossible, but this is what `jacve` itself does.
                raise
            left_out[name] = f"{type(error).__name__}: {error}"
        else:
            calls[name] = call
    ahead, behind = _times(calls, ends)
    winner = _winner(ahead, MODES)
    medians = {name: statistics.median(times) for name, times in {**ahead, **behind}.items()}
    order = sorted(medians, key=lambda name: (name != winner, name in behind, medians[name]))
    return Race(plans[winner], {name: medians[name] for name in order}, left_out, plans)


def check_outside(leaves: Sequence[Any]) -> None:
    """Checks that a call is not being traced.

    Args:
        leaves: Its arguments.

    Raises:
        ValueError: If it is.
    """
    # Inside of jit even a sum of constants is traced.
    found = (*leaves, jax.lax.add(np.float32(0), np.float32(0)))
    if any(isinstance(x, jax.core.Tracer) for x in found):
        raise ValueError(
            'order="fastest" times the Jacobian, which is not possible inside of jax.jit, jax.vmap '
            "or another transformation: find a plan first, plan = elimax.plan(f, *example, "
            "fastest=True), with batch=B as well for jax.vmap, and pass order=plan"
        )


def jitted(
    fun: Callable[..., Any],
    arguments: CallArguments,
    options: Options,
    *,
    wants_value: bool = False,
    batch: int | None = None,
) -> Callable[..., Any]:
    """The Jacobian as a compiled function of the arrays among the arguments.

    Args:
        fun: The function.
        arguments: A call of it, whose other arguments are kept.
        options: As for `differentiated`.
        wants_value: As for `differentiated`.
        batch: None for one call; else differentiated arrays have a leading axis.

    Returns:
        A function of the arrays to what `differentiated` returns; the value is None if it is not
        wanted.
    """
    places = _arrays(arguments)
    # Inside of jit an operation on a JAX array is traced, one on a numpy array is not.
    kept = [np.asarray(x) if isinstance(x, jax.Array) else x for x in _without(arguments, places)]

    def of_arrays(*arrays: Any) -> Any:
        leaves = list(kept)
        for k, array in zip(places, arrays, strict=True):
            leaves[k] = array
        args, kwargs = jax.tree.unflatten(arguments.tree, leaves)
        value, jacobian = differentiated(fun, args, kwargs, options, wants_value=wants_value)
        return (value if wants_value else None), jacobian

    if batch is None:
        return jax.jit(of_arrays)
    axes = [0 if k in arguments.nodes else None for k in places]
    return jax.jit(jax.vmap(of_arrays, axes))


def fastest(
    fun: Callable[..., Any], options: Options, *, wants_value: bool
) -> Callable[..., tuple[Any, Any]]:
    """The function that `order="fastest"` makes: races once for every shape, then runs the winner.

    Args:
        fun: The function.
        options: As for `race`.
        wants_value: As for `differentiated`.

    Returns:
        A function of the arguments of `fun` to what `differentiated` returns.
    """
    plans: dict[Any, Plan] = {}
    compiled: dict[Any, Callable[..., Any]] = {}

    def value_and_jacobian(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        arguments = CallArguments.of(args, kwargs, options.argnums)
        check_outside(arguments.leaves)
        shapes = tuple(jax.typeof(x) if is_array(x) else type(x) for x in arguments.leaves)
        key = (arguments.tree, shapes)
        kept = [_content(x) for x in _without(arguments, _arrays(arguments))]
        whole = (key, tuple(kept))

        def run(plan: Plan) -> tuple[Any, Any]:
            chosen = options._replace(order=plan)
            # A compiled function can keep neither auxiliary data nor what may change unnoticed.
            if options.has_aux or None in kept:
                return differentiated(fun, args, kwargs, chosen, wants_value=wants_value)
            if whole not in compiled:
                if len(compiled) >= COMPILED:
                    del compiled[next(iter(compiled))]
                compiled[whole] = jitted(fun, arguments, chosen, wants_value=wants_value)
            return compiled[whole](*arrays_of(arguments))

        if key not in plans:
            plans[key] = race(fun, args, kwargs, options).plan
        try:
            return run(plans.get(whole, plans[key]))
        except InvalidOrderError:
            # An argument that is not an array has changed the program, and so the graph.
            compiled.pop(whole, None)
            plans[whole] = race(fun, args, kwargs, options).plan
            return run(plans[whole])

    return value_and_jacobian


def _content(leaf: Any) -> Any:
    """What identifies a leaf that is kept; None for one that may change unnoticed."""
    if isinstance(leaf, np.ndarray | np.generic | jax.Array):
        array = np.asarray(leaf)
        return array.shape, str(array.dtype), array.tobytes()
    return (type(leaf), repr(leaf)) if isinstance(leaf, KEPT) else None


def _without(arguments: CallArguments, places: Sequence[int]) -> list[Any]:
    """The leaves, with None for some."""
    return [None if k in places else leaf for k, leaf in enumerate(arguments.leaves)]


def arrays_of(arguments: CallArguments) -> list[Any]:
    """The arrays that the functions of `jitted` take."""
    return [jnp.asarray(arguments.leaves[k]) for k in _arrays(arguments)]


def _arrays(arguments: CallArguments) -> list[int]:
    """Leaves that are traced; integers and booleans are not, as they may steer the function."""

    def is_traced(k: int, leaf: Any) -> bool:
        if k in arguments.nodes or not is_array(leaf):
            return k in arguments.nodes
        return not any(jnp.issubdtype(leaf.dtype, kind) for kind in (np.integer, np.bool_))

    return [k for k, leaf in enumerate(arguments.leaves) if is_traced(k, leaf)]


def _repeated(arguments: CallArguments, batch: int | None) -> list[Any]:
    arrays = arrays_of(arguments)
    if batch is None:
        return arrays
    return [
        jnp.array(jnp.broadcast_to(x, (batch, *x.shape))) if k in arguments.nodes else x
        for k, x in zip(_arrays(arguments), arrays, strict=True)
    ]


def _contenders(
    traced: TracedCall, given: Mapping[str, EliminationOrder], points: int
) -> Iterator[tuple[str, Plan]]:
    """Names and plans, the most promising ones first.

    A program that shows values (`jax.debug.print`) does not race: it would show them many times.
    """
    graph = traced.active.graph
    auto = Plan.of_graph(graph, cached_order(graph))
    yield FIRST, dataclasses.replace(auto, execution="auto")
    if any(equation.effects for equation in traced.program.equations):
        return
    plans = {FIRST: auto}
    for name, order in (*given.items(), *_orders(graph)):
        if check_order(graph, order) not in {plan.order.vertices for plan in plans.values()}:
            plans[name] = Plan.of_graph(graph, order)
    fewest = min(plans.values(), key=lambda plan: (plan.nontrivial, plan.all))
    is_kernel = suits_kernel(traced.program, traced.active, points)
    if is_kernel:
        yield "xla", auto
    if not is_kernel or fewest is not auto:
        yield "native", dataclasses.replace(fewest, execution="native")
    if has_modes(traced.program, traced.active):
        for mode in MODES:
            yield mode, dataclasses.replace(auto, execution=mode)
    yield from ((name, plan) for name, plan in plans.items() if name != FIRST)


def _orders(graph: ComputationalGraph) -> Iterator[tuple[str, EliminationOrder]]:
    """Orders besides that of "auto"."""
    yield "best_classic", best_classic(graph, "nontrivial")
    if len(graph.eliminable) <= PLAYED:
        try:
            played = planner_order(graph, "policy")
        except MissingExtraError:
            return
        if played is not None:
            yield "policy", played


def _times(calls: Mapping[str, Callable[[], Any]], ends: float) -> list[dict[str, list[float]]]:
    """Seconds by name, one per round: of those ahead, and of those that left early."""
    first = timing.measure(calls, rounds=3, seconds=0.0, seed=0)
    medians = {name: statistics.median(times) for name, times in first.items()}
    limit = BEHIND * min(medians.values())
    ahead = {name: call for name, call in calls.items() if medians[name] <= limit}
    behind = {name: times for name, times in first.items() if name not in ahead}
    if len(ahead) == 1:
        return [{name: first[name] for name in ahead}, behind]
    left = max(0.0, ends - time.perf_counter())
    return [timing.measure(ahead, rounds=ROUNDS, seconds=left, seed=1), behind]


def _winner(times: Mapping[str, Sequence[float]], modes: Sequence[str]) -> str:
    """The lowest median; but a mode of JAX unless the winner beats it in three of four rounds.

    Among equals noise would choose, and the choice would be slower than JAX as often as faster.
    """
    fastest = min(times, key=lambda name: statistics.median(times[name]))
    rivals = [name for name in modes if name in times]
    if not rivals or fastest in rivals:
        return fastest
    rival = min(rivals, key=lambda name: statistics.median(times[name]))
    is_clear = timing.paired_ratio(times[rival], times[fastest])["low"] > 1.0
    return fastest if is_clear else rival
