"""`jacve`: a Jacobian by vertex elimination, in the place of `jax.jacrev`."""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp

from interpreter.execution import (
    dense_block,
    edge_jacobians,
    eliminate,
    evaluate_nodes,
    read,
)
from interpreter.flat_call import FlatCall, check_inputs, check_outputs
from interpreter.graph import ComputationalGraph
from interpreter.order import EliminationOrder, check_order
from interpreter.orders.portfolio import best_classic, named_order
from interpreter.program import trace_program
from interpreter.realification import complex_block, in_real_parts, real_aval
from interpreter.tracing import graph_of, local_edges

Order = str | EliminationOrder | Sequence[int]


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
        holomorphic: Whether `fun` is a holomorphic function of complex numbers. If it is not, the
            Jacobian is the derivative along the real axis, as that of `jax.jacfwd`.
        allow_int: Whether to accept integer inputs, whose Jacobian is zero.
        order: "auto" (the best classical order by nontrivial multiplications), the name of an
            order of the portfolio, an `EliminationOrder`, or vertex numbers.
        output: "dense".

    Returns:
        A function with the arguments of `fun` that returns the Jacobian: the tree of the outputs
        with, at every leaf, the tree of the differentiated inputs, whose leaves have the shape
        out.shape + in.shape. With `has_aux` a pair of that and the auxiliary data.

    Raises:
        InvalidOrderError: When called, if the order does not fit the graph of `fun`.
        TracingError: When called, if `fun` has side effects.
        TypeError: When called, if inputs or outputs cannot be differentiated.
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
        ValueError: If `output` is not "dense".
    """
    if output != "dense":
        raise ValueError(f"output={output!r} is not available; choose output='dense'")

    @functools.wraps(fun)
    def value_and_jacobian(*args: Any, **kwargs: Any) -> Any:
        call = FlatCall(fun, argnums, has_aux, args, kwargs)
        check_inputs(call.active_leaves, holomorphic, allow_int)
        program = trace_program(call.flat_fun, call.leaves)
        # Auxiliary outputs are evaluated but have no rows in the Jacobian.
        primary = dataclasses.replace(program, outputs=program.outputs[: call.num_outputs])
        in_parts, edges = in_real_parts(primary, local_edges(primary, call.active))
        graph = graph_of(in_parts, edges)
        vertices = check_order(graph, resolve_order(graph, order))
        values = evaluate_nodes(program, call.leaves)
        outputs = [jnp.asarray(read(values, node)) for node in program.outputs]
        differentiated = outputs[: call.num_outputs]
        check_outputs(differentiated, holomorphic)
        blocks = eliminate(graph, edge_jacobians(program, edges, values), vertices)
        is_split = in_parts is not primary

        def block(node: int, out: Any, x: int) -> Any:
            aval, leaf = (real_aval(a) if is_split else a for a in (out, call.leaves[x]))
            dense = dense_block(graph, blocks, node, x, aval.shape, leaf.dtype)
            return complex_block(dense, out.ndim) if is_split and holomorphic else dense

        rows = [
            [block(node, out, x) for x in call.nodes]
            for node, out in zip(graph.outputs, differentiated, strict=True)
        ]
        return call.unflatten_outputs(outputs), call.unflatten_jacobian(rows)

    return value_and_jacobian


def resolve_order(graph: ComputationalGraph, order: Order) -> EliminationOrder | Sequence[int]:
    """Turns what a user may pass as an order into one for this graph.

    Args:
        graph: The graph.
        order: "auto", a name, an order or vertex numbers.

    Returns:
        An order or vertex numbers, not yet checked.

    Raises:
        InvalidOrderError: If a name is unknown.
    """
    if not isinstance(order, str):
        return order
    if order != "auto":
        return named_order(graph, order)
    if graph.fingerprint not in _AUTO_ORDERS:
        _AUTO_ORDERS[graph.fingerprint] = best_classic(graph, count="nontrivial")
    return _AUTO_ORDERS[graph.fingerprint]


# What "auto" chose for the graphs of this process, by fingerprint.
_AUTO_ORDERS: dict[str, EliminationOrder] = {}
