"""One Jacobian from a call to its blocks: traced, eliminated or executed otherwise, written."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias

import jax.numpy as jnp

from elimax.interpreter.execution.emission import Emitted, eliminated, quickest
from elimax.interpreter.execution.jax_modes import MODES, in_mode
from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.order import CarriesOrder, EliminationOrder, check_order
from elimax.interpreter.native.call import natively
from elimax.interpreter.orders.names import OrderName
from elimax.interpreter.orders.order_cache import cached_order
from elimax.interpreter.orders.planners import planner_order
from elimax.interpreter.orders.portfolio import best_classic, named_order
from elimax.interpreter.output.blocks import BlockForm, Output, written_block
from elimax.interpreter.plan import Execution, Plan
from elimax.interpreter.tracing.call import trace_call
from elimax.interpreter.tracing.call_checks import is_array
from elimax.interpreter.tracing.flat_call import CallArguments, unflatten_jacobian

Order: TypeAlias = (
    Literal["auto", "best_classic", "policy"]
    | OrderName
    | EliminationOrder
    | CarriesOrder
    | Sequence[int]
)
"""What everything takes as an order; `jacve` takes "fastest" as well."""


class Options(NamedTuple):
    """What is asked for, as for `jacve`."""

    argnums: int | Sequence[int]
    has_aux: bool
    holomorphic: bool
    allow_int: bool
    order: Order
    output: Output


def differentiated(
    fun: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    options: Options,
    *,
    wants_value: bool,
) -> tuple[Any, Any]:
    """Traces, eliminates and writes one Jacobian.

    Args:
        fun: The function.
        args: Its positional arguments.
        kwargs: Its keyword arguments.
        options: What is asked for.
        wants_value: Whether somebody reads the value.

    Returns:
        The value, whose leaves may be None if nobody does, and the Jacobian.
    """
    arguments = CallArguments.of(args, kwargs, options.argnums)
    traced = trace_call(fun, arguments, options.has_aux, options.holomorphic, options.allow_int)
    program, active, leaves = traced.program, traced.active, arguments.leaves
    graph = active.graph
    vertices = check_order(graph, resolve_order(graph, options.order))
    form = BlockForm(active.is_split, options.holomorphic, options.output)
    execution = options.order.execution if isinstance(options.order, Plan) else "xla"
    emit = _emission(execution, options)

    def written(values: Sequence[Any]) -> tuple[list[Any], list[list[Any]]]:
        outputs, blocks = emit(program, active, values, vertices)
        rows = [
            [written_block(graph, blocks, x, values[x], node, out, form) for x in arguments.nodes]
            for node, out in zip(graph.outputs, outputs[: len(graph.outputs)], strict=True)
        ]
        return (outputs if wants_value else [None] * len(outputs)), rows

    if execution == "native":
        outputs, rows = _by_kernel(written, leaves)
    else:
        outputs, rows = written(leaves)
    jacobian = unflatten_jacobian(arguments, traced.result, rows)
    return traced.result.unflatten(outputs), jacobian


def _emission(execution: Execution, options: Options) -> Callable[..., Emitted]:
    """What runs a program and differentiates it."""
    if execution in MODES:
        return lambda program, active, leaves, _: in_mode(execution, program, active, leaves)
    is_free = execution == "auto" and options.output == "dense"
    return quickest if is_free or is_up_to_us(options.order, options.output) else eliminated


def _by_kernel(function: Callable[[Sequence[Any]], Any], leaves: Sequence[Any]) -> Any:
    """A function of leaves by a native kernel, which reads all that hold floating numbers."""
    numbers = [
        k
        for k, leaf in enumerate(leaves)
        if is_array(leaf) and jnp.issubdtype(leaf.dtype, jnp.floating)
    ]

    def of_arrays(*arrays: Any) -> Any:
        values = list(leaves)
        for k, array in zip(numbers, arrays, strict=True):
            values[k] = array
        return function(values)

    return natively(of_arrays, [jnp.asarray(leaves[k]) for k in numbers])


def is_up_to_us(order: Order, output: Output) -> bool:
    """Whether a caller asks for the quickest Jacobian, and not for an elimination.

    Args:
        order: As for `jacve`.
        output: As for `jacve`; what JAX's modes return has no structure.

    Returns:
        Whether one of JAX's modes may stand for the elimination.
    """
    return isinstance(order, str) and order == "auto" and output == "dense"


def resolve_order(
    graph: ComputationalGraph, order: Order, wanted: frozenset[tuple[int, int]] | None = None
) -> EliminationOrder | Sequence[int]:
    """Turns what a user may pass as an order into one for this graph.

    Args:
        graph: The graph.
        order: "auto", "best_classic", "policy", a name, an order, a plan, or vertex numbers.
        wanted: Blocks of the Jacobian that are wanted, as (input node, output node); None for all.

    Returns:
        An order or vertex numbers, not yet checked.

    Raises:
        InvalidOrderError: If a name is unknown.
        MissingExtraError: If "policy" is wanted and the extra `learn` is not installed.
    """
    if isinstance(order, CarriesOrder):
        return order.order
    if not isinstance(order, str):
        return order
    if order == "auto":
        return cached_order(graph, wanted)
    if order == "best_classic":
        return best_classic(graph, "nontrivial", wanted)
    return planner_order(graph, order) or named_order(graph, order)
