"""`hessve`: a Hessian by elimination of the gradient's graph, in the place of `jax.hessian`.

A Hessian is the Jacobian of the gradient and symmetric, so of the blocks (j, i) of two inputs only
those with i <= j are computed, and the others are their transposes. Elimination saves on them what
leads to no wanted block (`interpreter.wanted`).
"""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from interpreter.call_checks import check_callable, check_inputs, check_outputs
from interpreter.execution import edge_jacobians, eliminate, evaluate_nodes, read
from interpreter.flat_call import FlatCall, with_weak_type_of
from interpreter.graph import ComputationalGraph
from interpreter.jacobian import Order, jacve, resolve_order
from interpreter.order import check_order
from interpreter.outputs import BlockForm, check_output, written_block
from interpreter.program import Program, trace_program
from interpreter.realification import in_real_parts
from interpreter.tracing import graph_of, local_edges


def hessve(
    fun: Callable[..., Any],
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    *,
    order: Order = "auto",
    output: str = "dense",
) -> Callable[..., Any]:
    """Hessian of `fun` by vertex elimination; a drop-in replacement of `jax.hessian`.

    Where `fun` is a scalar, the graph that is eliminated is that of `jax.grad(fun, argnums)`, with
    respect to the same arguments; otherwise it is that of `jacve(fun, argnums)`. The Hessian's
    symmetry is used unless `fun` has derivative rules of its own (`jax.custom_jvp`,
    `jax.custom_vjp`) or factorises symmetric matrices (`cholesky`, `eigh`): such rules need not be
    the derivatives of anything.

    Args:
        fun: Function of arrays or pytrees of arrays that returns the same.
        argnums: Which positional arguments to differentiate with respect to.
        has_aux: Whether `fun` returns a pair whose second entry is not differentiated.
        holomorphic: Whether `fun` is a holomorphic function of complex numbers.
        order: As for `jacve`, of the graph of the gradient.
        output: As for `jacve`. Both halves of the Hessian are computed unless it is "dense".

    Returns:
        A function with the arguments of `fun` that returns the Hessian: the tree of the outputs
        with, at every leaf, the tree of the differentiated inputs, twice; leaves have the shape
        out.shape + in.shape + in.shape. With `has_aux` a pair of that and the auxiliary data.

    Raises:
        InvalidOrderError: When called, if the order does not fit the graph of the gradient.
        TracingError: When called, as `jacve` does.
        TypeError: If `fun` is no function; when called, if inputs or outputs cannot be
            differentiated.
        ValueError: If there is no such `output`.
    """
    check_output(output)
    check_callable(fun)

    @functools.wraps(fun)
    def hessian(*args: Any, **kwargs: Any) -> Any:
        call = FlatCall(fun, argnums, has_aux, args, kwargs)
        check_inputs(call.active_leaves, holomorphic, allow_int=False)
        if not holomorphic:
            _check_real(call)
        gradient, is_symmetric = _gradient(call, holomorphic)
        program = trace_program(gradient, call.leaves)
        is_half = is_symmetric and output == "dense"
        blocks, aux = _eliminate(call, program, is_half, holomorphic, order, output)
        tree = call.unflatten_jacobian(
            [[call.unflatten_row(row) for row in rows] for rows in blocks]
        )
        if not has_aux:
            return tree
        return tree, call.unflatten_outputs([*[None] * call.num_outputs, *aux])[1]

    return hessian


def _check_real(call: FlatCall) -> None:
    """Refuses complex inputs: conjugates in the gradient have no complex derivative."""
    for name, leaf in call.active_leaves.items():
        if jnp.issubdtype(leaf.dtype, jnp.complexfloating):
            raise TypeError(
                f"a Hessian wants real inputs, but {name} is {leaf.dtype}: pass holomorphic=True "
                "if the function is holomorphic, or its real and imaginary parts"
            )


def _gradient(call: FlatCall, holomorphic: bool) -> tuple[Callable[..., list[Any]], bool]:
    """The first derivative on flat inputs, and whether the second one is known to be symmetric.

    It returns one block per output and differentiated leaf, outputs first, then auxiliary data.
    """
    closed = jax.make_jaxpr(call.flat_fun)(*call.leaves)
    outputs = closed.out_avals[: call.num_outputs]
    check_outputs(call.named_outputs(outputs), holomorphic)
    nodes = tuple(dict.fromkeys(call.nodes))
    place = {node: k for k, node in enumerate(nodes)}

    def primary(*leaves: Any) -> tuple[list[Any], list[Any]]:
        flat = call.flat_fun(*leaves)
        return flat[: call.num_outputs], flat[call.num_outputs :]

    def scalar(*leaves: Any) -> tuple[Any, list[Any]]:
        (out,), aux = primary(*leaves)
        return out, aux

    def gradient(*leaves: Any) -> list[Any]:
        if len(outputs) == 1 and outputs[0].shape == ():
            row, aux = jax.grad(scalar, nodes, has_aux=True, holomorphic=holomorphic)(*leaves)
            rows = [row]
        else:
            # What "auto" finds may change, and with it the graph that orders of users are for.
            inner = jacve(primary, nodes, True, holomorphic, order="best_classic")
            rows, aux = inner(*leaves)
        return [*(row[place[node]] for row in rows for node in call.nodes), *aux]

    return gradient, not _may_be_asymmetric(closed.jaxpr)


def _may_be_asymmetric(jaxpr: Any) -> bool:
    """Whether some rule inside need not be the derivative of anything.

    Users write such rules; those of JAX's factorisations suppose symmetric matrices.
    """
    for eqn in jaxpr.eqns:
        if eqn.primitive.name.startswith(("custom_jvp", "custom_vjp", "cholesky", "eigh")):
            return True
        for param in jax.tree.leaves(list(eqn.params.values())):
            inner = getattr(param, "jaxpr", param)
            if hasattr(inner, "eqns") and _may_be_asymmetric(inner):
                return True
    return False


def wanted_blocks(graph: ComputationalGraph, nodes: Sequence[int]) -> frozenset[tuple[int, int]]:
    """The half of a Hessian that is computed where it is symmetric.

    Args:
        graph: Graph of the gradient: for every output of the function one output per entry of
            `nodes`.
        nodes: Differentiated input nodes.

    Returns:
        Blocks of the gradient's Jacobian, as (input node, output node).
    """
    return frozenset(
        (nodes[i], output)
        for k, output in enumerate(graph.outputs)
        for i in range(k % len(nodes) + 1)
    )


def _eliminate(
    call: FlatCall, program: Program, is_half: bool, holomorphic: bool, order: Order, output: str
) -> tuple[list[list[list[Any]]], list[Any]]:
    """The blocks [output][j][i] of a Hessian, and the auxiliary data."""
    nodes, num_rows = call.nodes, call.num_outputs * len(call.nodes)
    primary = dataclasses.replace(program, outputs=program.outputs[:num_rows])
    in_parts, edges = in_real_parts(primary, local_edges(primary, call.active))
    graph = graph_of(in_parts, edges)
    wanted = wanted_blocks(graph, nodes) if is_half else None
    vertices = check_order(graph, resolve_order(graph, order, wanted))
    values = evaluate_nodes(program, call.leaves)
    flat = [jnp.asarray(read(values, node)) for node in program.outputs]
    edge_values = edge_jacobians(program, edges, values)
    computed = eliminate(graph, edge_values, vertices, wanted)
    form = BlockForm(in_parts is not primary, holomorphic, output)

    def block(first: int, j: int, i: int) -> Any:
        row, column = (i, j) if is_half and i > j else (j, i)
        # Only complex leaves are looked at for more than the dtype, which is that of row j.
        leaf = call.leaves[nodes[column if holomorphic else j]]
        node, out = graph.outputs[first + row], flat[first + row]
        written = written_block(graph, computed, nodes[column], leaf, node, out, form)
        if (row, column) != (j, i):
            rank = call.leaves[nodes[row]].ndim
            written = jnp.moveaxis(written, range(out.ndim - rank, out.ndim), range(-rank, 0))
        return with_weak_type_of(written, call.leaves[nodes[j]])

    numbers = range(len(nodes))
    blocks = [
        [[block(first, j, i) for i in numbers] for j in numbers]
        for first in range(0, num_rows, len(nodes))
    ]
    return blocks, flat[num_rows:]
