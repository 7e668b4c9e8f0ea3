"""One Jacobian, from the call to its finished blocks: traced, executed, written."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.order import CarriesOrder, EliminationOrder, check_order
from elimax.interpreter.orders.names import OrderName
from elimax.interpreter.orders.order_cache import cached_order
from elimax.interpreter.orders.planners import planner_order
from elimax.interpreter.orders.portfolio import best_classic, named_order
from elimax.interpreter.output.blocks import BlockForm, Output, written_block
from elimax.interpreter.plan import Execution, Plan
from elimax.interpreter.tracing.call import trace_call
from elimax.interpreter.tracing.flat_call import CallArguments, unflatten_jacobian
from elimax.interpreter.ways import Emission, executed

Order: TypeAlias = (
    Literal["auto", "best_classic", "policy"]
    | OrderName
    | EliminationOrder
    | CarriesOrder
    | Sequence[int]
)
"""What is accepted as an order; `jacve` accepts "fastest" as well."""


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
        wants_value: Whether the value is read.

    Returns:
        The value, whose leaves may be None if it is not read, and the Jacobian.
    """
    arguments = CallArguments.of(args, kwargs, options.argnums)
    traced = trace_call(fun, arguments, options.has_aux, options.holomorphic, options.allow_int)
    program, active = traced.program, traced.active
    graph = active.graph
    vertices = check_order(graph, resolve_order(graph, options.order))
    form = BlockForm(active.is_split, options.holomorphic, options.output)

    def written(emit: Emission, values: Sequence[Any]) -> tuple[list[Any], list[list[Any]]]:
        outputs, blocks = emit(program, active, values, vertices)
        rows = [
            [written_block(graph, blocks, x, values[x], node, out, form) for x in arguments.nodes]
            for node, out in zip(graph.outputs, outputs[: len(graph.outputs)], strict=True)
        ]
        return (outputs if wants_value else [None] * len(outputs)), rows

    outputs, rows = executed(
        written,
        traced.program,
        traced.active,
        arguments.leaves,
        execution_of(options.order),
        options.output,
    )
    jacobian = unflatten_jacobian(arguments, traced.result, rows)
    return traced.result.unflatten(outputs), jacobian


def execution_of(order: Order) -> Execution:
    """What computes a Jacobian; "auto" also leaves that choice to elimax.

    Args:
        order: As for `jacve`.

    Returns:
        That of a plan; "auto" or "xla" for other orders.
    """
    if isinstance(order, Plan):
        return order.execution
    return "auto" if isinstance(order, str) and order == "auto" else "xla"


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
