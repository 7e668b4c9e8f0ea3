"""`jacve`: a Jacobian by vertex elimination, a drop-in for `jax.jacrev`."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, Literal, ParamSpec, TypeAlias, TypeVar

from elimax.interpreter.execution.emission import eliminated, quickest
from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.order import CarriesOrder, EliminationOrder, check_order
from elimax.interpreter.orders.names import OrderName
from elimax.interpreter.orders.order_cache import cached_order
from elimax.interpreter.orders.planners import planner_order
from elimax.interpreter.orders.portfolio import best_classic, named_order
from elimax.interpreter.output.blocks import BlockForm, Output, check_output, written_block
from elimax.interpreter.tracing.call import trace_call
from elimax.interpreter.tracing.call_checks import check_callable
from elimax.interpreter.tracing.flat_call import CallArguments, unflatten_jacobian

P = ParamSpec("P")
R = TypeVar("R")

Order: TypeAlias = (
    Literal["auto", "best_classic", "policy"]
    | OrderName
    | EliminationOrder
    | CarriesOrder
    | Sequence[int]
)
"""What `jacve` takes as an order."""


def jacve(
    fun: Callable[P, Any],
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    allow_int: bool = False,
    *,
    order: Order = "auto",
    output: Output = "dense",
) -> Callable[P, Any]:
    """Jacobian of `fun` by vertex elimination; a drop-in replacement of `jax.jacrev`.

    Args:
        fun: Function of arrays or pytrees of arrays that returns the same.
        argnums: Which positional arguments to differentiate with respect to.
        has_aux: Whether `fun` returns a pair whose second entry is not differentiated.
        holomorphic: Whether `fun` is a holomorphic function of complex numbers; if it is not, the
            Jacobian is the derivative along the real axis, as that of `jax.jacfwd`. Without it,
            the block of a real output and a complex input z is the J with dy = Re(J dz).
        allow_int: Whether to accept integer inputs, whose Jacobian is zero.
        order: "auto" (the order with the lowest price, see `graph.price`, that `orders.auto`
            finds, or, if the output is dense, one of JAX's modes where its program promises to be
            quicker, see `emission`; the same every time), "best_classic" (the one of the
            portfolio with the fewest nontrivial multiplications), "policy" (what the learned
            policy plays, or forward or reverse where that is cheaper; needs the extra `learn`),
            the name of one of the portfolio, an `EliminationOrder`, a `Plan`, or vertex numbers.
        output: What the leaves of the Jacobian are: "dense" arrays of shape out.shape + in.shape,
            "structured" (`StructuredJacobian`) or "bcoo" (`jax.experimental.sparse.BCOO`), which
            leave out zeros that are known while tracing.

    Returns:
        A function with the arguments of `fun` that returns the Jacobian: the tree of the outputs
        with, at every leaf, the tree of the differentiated inputs. With `has_aux` a pair of that
        and the auxiliary data.

    Raises:
        InvalidOrderError: When called, if the order does not fit the graph of `fun`.
        MissingExtraError: When called, if the order is "policy" and `learn` is not installed.
        TracingError: When called, if `fun` has side effects other than those of `jax.debug`.
        TypeError: If `fun` is not a function; when called, if inputs or outputs cannot be
            differentiated, or if `fun` asks for the value of something that depends on a
            differentiated argument, as a Python `if` does. That is the one thing that
            `jax.jacrev` can do outside of `jax.jit` and `jacve` cannot; arguments that are not
            differentiated keep their values.
        ValueError: When called, if a position is out of range, or there is nothing to
            differentiate.
    """
    with_value = value_and_jacve(
        fun, argnums, has_aux, holomorphic, allow_int, order=order, output=output
    )

    @functools.wraps(fun)
    def jacobian(*args: P.args, **kwargs: P.kwargs) -> Any:
        value, jac = with_value(*args, **kwargs)
        return (jac, value[1]) if has_aux else jac

    return jacobian


def value_and_jacve(
    fun: Callable[P, R],
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    allow_int: bool = False,
    *,
    order: Order = "auto",
    output: Output = "dense",
) -> Callable[P, tuple[R, Any]]:
    """Value and Jacobian of `fun`, sharing one evaluation.

    Args:
        fun: As for `jacve`.
        argnums: As for `jacve`.
        has_aux: As for `jacve`.
        holomorphic: As for `jacve`.
        allow_int: As for `jacve`.
        order: As for `jacve`.
        output: As for `jacve`.

    Returns:
        A function that returns the pair (value, Jacobian); with `has_aux` the value is the pair
        (output, auxiliary data).

    Raises:
        ValueError: If there is no such `output`.
    """
    check_output(output)
    check_callable(fun)

    @functools.wraps(fun)
    def value_and_jacobian(*args: P.args, **kwargs: P.kwargs) -> tuple[R, Any]:
        arguments = CallArguments.of(args, kwargs, argnums)
        traced = trace_call(fun, arguments, has_aux, holomorphic, allow_int)
        program, active, leaves = traced.program, traced.active, arguments.leaves
        graph = active.graph
        vertices = check_order(graph, resolve_order(graph, order))
        emit = quickest if is_up_to_us(order, output) else eliminated
        outputs, blocks = emit(program, active, leaves, vertices)
        form = BlockForm(active.is_split, holomorphic, output)
        rows = [
            [written_block(graph, blocks, x, leaves[x], node, out, form) for x in arguments.nodes]
            for node, out in zip(graph.outputs, outputs[: len(graph.outputs)], strict=True)
        ]
        jacobian = unflatten_jacobian(arguments, traced.result, rows)
        return traced.result.unflatten(outputs), jacobian

    return value_and_jacobian


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
