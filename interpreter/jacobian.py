"""`jacve`: a Jacobian by vertex elimination, in the place of `jax.jacrev`."""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp

from interpreter.call_checks import check_callable, check_inputs, check_outputs
from interpreter.execution import edge_jacobians, eliminate, evaluate_nodes, read
from interpreter.flat_call import FlatCall
from interpreter.graph import ComputationalGraph
from interpreter.local_edges import LocalEdge, local_edges
from interpreter.order import CarriesOrder, EliminationOrder, check_order
from interpreter.orders.portfolio import best_classic, named_order
from interpreter.outputs import BlockForm, check_output, written_block
from interpreter.plan_cache import cached_order
from interpreter.program import Program, trace_program
from interpreter.realification import in_real_parts
from interpreter.tracing import graph_of

Order = str | EliminationOrder | CarriesOrder | Sequence[int]


def jacve(
    fun: Callable[..., Any],
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    allow_int: bool = False,
    *,
    order: Order = "auto",
    output: str = "dense",
) -> Callable[..., Any]:
    """Jacobian of `fun` by vertex elimination; a drop-in replacement of `jax.jacrev`.

    Args:
        fun: Function of arrays or pytrees of arrays that returns the same.
        argnums: Which positional arguments to differentiate with respect to.
        has_aux: Whether `fun` returns a pair whose second entry is not differentiated.
        holomorphic: Whether `fun` is a holomorphic function of complex numbers; if it is not, the
            Jacobian is the derivative along the real axis, as that of `jax.jacfwd`. Without it,
            the block of a real output and a complex input z is the J with dy = Re(J dz).
        allow_int: Whether to accept integer inputs, whose Jacobian is zero.
        order: "auto" (the order with the fewest nontrivial multiplications that `orders.auto`
            finds, or has found before, see `plan_cache`), "best_classic" (the cheapest one of the
            portfolio, whatever was found before), the name of one of the portfolio, an
            `EliminationOrder`, a `Plan`, or vertex numbers.
        output: What the leaves of the Jacobian are: "dense" arrays of shape out.shape + in.shape,
            "structured" (`StructuredJacobian`) or "bcoo" (`jax.experimental.sparse.BCOO`), which
            leave out zeros that are known while tracing.

    Returns:
        A function with the arguments of `fun` that returns the Jacobian: the tree of the outputs
        with, at every leaf, the tree of the differentiated inputs. With `has_aux` a pair of that
        and the auxiliary data.

    Raises:
        InvalidOrderError: When called, if the order does not fit the graph of `fun`.
        TracingError: When called, if `fun` has side effects.
        TypeError: If `fun` is no function; when called, if inputs or outputs cannot be
            differentiated.
        ValueError: When called, if a position is out of range, or there is nothing to
            differentiate.
    """
    with_value = value_and_jacve(
        fun, argnums, has_aux, holomorphic, allow_int, order=order, output=output
    )

    @functools.wraps(fun)
    def jacobian(*args: Any, **kwargs: Any) -> Any:
        value, jac = with_value(*args, **kwargs)
        return (jac, value[1]) if has_aux else jac

    return jacobian


def value_and_jacve(
    fun: Callable[..., Any],
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    allow_int: bool = False,
    *,
    order: Order = "auto",
    output: str = "dense",
) -> Callable[..., Any]:
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
    def value_and_jacobian(*args: Any, **kwargs: Any) -> Any:
        call = FlatCall(fun, argnums, has_aux, args, kwargs)
        check_inputs(call.active_leaves, holomorphic, allow_int)
        program, edges, graph, is_split = trace_call(call)
        vertices = check_order(graph, resolve_order(graph, order))
        values = evaluate_nodes(program, call.leaves)
        outputs = [jnp.asarray(read(values, node)) for node in program.outputs]
        differentiated = outputs[: call.num_outputs]
        check_outputs(call.named_outputs(differentiated), holomorphic)
        blocks = eliminate(graph, edge_jacobians(program, edges, values), vertices)
        form = BlockForm(is_split, holomorphic, output)
        rows = [
            [written_block(graph, blocks, x, call.leaves[x], node, out, form) for x in call.nodes]
            for node, out in zip(graph.outputs, differentiated, strict=True)
        ]
        return call.unflatten_outputs(outputs), call.unflatten_jacobian(rows)

    return value_and_jacobian


class TracedCall(NamedTuple):
    """What the elimination of one call works on.

    Attributes:
        program: The function as a list of equations, auxiliary outputs last.
        edges: Its active edges, towards outputs that are not auxiliary.
        graph: Their graph.
        is_split: Whether complex numbers stand in it in real parts.
    """

    program: Program
    edges: Sequence[LocalEdge]
    graph: ComputationalGraph
    is_split: bool


def trace_call(call: FlatCall) -> TracedCall:
    """Traces a call to the graph that `jacve` eliminates.

    Args:
        call: The function and its arguments.

    Returns:
        The program and its graph.

    Raises:
        TracingError: If the function has side effects.
    """
    program = trace_program(call.flat_fun, call.leaves)
    # Auxiliary outputs are evaluated but have no rows in the Jacobian.
    primary = dataclasses.replace(program, outputs=program.outputs[: call.num_outputs])
    in_parts, edges = in_real_parts(primary, local_edges(primary, call.active))
    return TracedCall(program, edges, graph_of(in_parts, edges), in_parts is not primary)


def resolve_order(
    graph: ComputationalGraph, order: Order, wanted: frozenset[tuple[int, int]] | None = None
) -> EliminationOrder | Sequence[int]:
    """Turns what a user may pass as an order into one for this graph.

    Args:
        graph: The graph.
        order: "auto", "best_classic", a name, an order, a plan, or vertex numbers.
        wanted: Blocks of the Jacobian that are wanted, as (input node, output node); None for all.

    Returns:
        An order or vertex numbers, not yet checked.

    Raises:
        InvalidOrderError: If a name is unknown.
    """
    if isinstance(order, CarriesOrder):
        return order.order
    if not isinstance(order, str):
        return order
    if order == "auto":
        return cached_order(graph, wanted)
    if order == "best_classic":
        return best_classic(graph, "nontrivial", wanted)
    return named_order(graph, order)
