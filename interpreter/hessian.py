"""`hessve`: a Hessian by elimination of the gradient's graph, in place of `jax.hessian`.

A Hessian is the Jacobian of the gradient and symmetric, so of the blocks (j, i) of two inputs only
those with i <= j are computed, and the others are their transposes. The elimination skips what
leads to no wanted block (`elimax.interpreter.graph.wanted`).
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, ParamSpec

import jax
import jax.numpy as jnp

from elimax.interpreter.differentiation import Order, execution_of, resolve_order
from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.order import check_order
from elimax.interpreter.jacobian import jacve
from elimax.interpreter.output.blocks import BlockForm, Output, check_output, written_block
from elimax.interpreter.plan import Plan
from elimax.interpreter.tracing.call import active_part, traced_program
from elimax.interpreter.tracing.call_checks import check_callable, check_inputs, check_outputs
from elimax.interpreter.tracing.flat_call import CallArguments, CallResult, with_weak_type_of
from elimax.interpreter.tracing.partial_trace import PartialJaxpr, partial_jaxpr
from elimax.interpreter.tracing.program import Program
from elimax.interpreter.ways import Emission, executed

P = ParamSpec("P")


def hessve(
    fun: Callable[P, Any],
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    *,
    order: Order = "auto",
    output: Output = "dense",
) -> Callable[P, Any]:
    """Hessian of `fun` by vertex elimination; a drop-in replacement for `jax.hessian`.

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
        order: As for `jacve`, but for the graph of the gradient and without "fastest"; of a `Plan`
            only the order is used.
        output: As for `jacve`. Both halves of the Hessian are computed unless it is "dense".

    Returns:
        A function with the arguments of `fun` that returns the Hessian: the tree of the outputs
        with, at every leaf, the tree of the differentiated inputs, twice; leaves have the shape
        out.shape + in.shape + in.shape. With `has_aux` a pair of that and the auxiliary data.

    Raises:
        InvalidOrderError: When called, if the order does not fit the graph of the gradient.
        TracingError: When called, as `jacve` does.
        TypeError: If `fun` is not a function; when called, if inputs or outputs cannot be
            differentiated.
        ValueError: If there is no such `output`.
    """
    check_output(output)
    check_callable(fun)

    @functools.wraps(fun)
    def hessian(*args: P.args, **kwargs: P.kwargs) -> Any:
        arguments = CallArguments.of(args, kwargs, argnums)
        check_inputs(arguments.named, holomorphic, allow_int=False)
        if not holomorphic:
            _check_real(arguments)
        gradient = _trace_gradient(fun, arguments, has_aux, holomorphic)
        result = gradient.result
        blocks, aux = _eliminate(arguments, gradient, holomorphic, order, output)
        tree = jax.tree.unflatten(
            result.tree,
            [
                arguments.unflatten_row([arguments.unflatten_row(row) for row in rows])
                for rows in blocks
            ],
        )
        if not has_aux:
            return tree
        return tree, result.unflatten([*[None] * result.num_outputs, *aux])[1]

    return hessian


def _check_real(arguments: CallArguments) -> None:
    """Refuses complex inputs: conjugates in the gradient have no complex derivative."""
    for name, leaf in arguments.named.items():
        if jnp.issubdtype(leaf.dtype, jnp.complexfloating):
            raise TypeError(
                f"the inputs of a Hessian must be real, but {name} is {leaf.dtype}: pass "
                "holomorphic=True if the function is holomorphic, or its real and imaginary parts"
            )


class _TracedGradient(NamedTuple):
    """The first derivative of a function.

    Attributes:
        program: Its program: one block per output and differentiated leaf, outputs first, then
            auxiliary data.
        result: The tree of what the function itself returns.
        is_symmetric: Whether the second derivative is known to be symmetric.
    """

    program: Program
    result: CallResult
    is_symmetric: bool


def _trace_gradient(
    fun: Callable[..., Any], arguments: CallArguments, has_aux: bool, holomorphic: bool
) -> _TracedGradient:
    """Traces the first derivative, calling the function once."""
    notes = []
    place = {node: k for k, node in enumerate(arguments.traced)}

    def flat(*values: Any) -> list[Any]:
        args, kwargs = arguments.with_traced(values)
        result, outputs = CallResult.of(fun(*args, **kwargs), has_aux)
        notes.append(result)
        return outputs

    def gradient(*values: Any) -> list[Any]:
        # Calls are kept, so that their derivatives are those of jax.grad.
        called = partial_jaxpr(flat, values, keeps_calls=True)
        (result,) = notes
        check_outputs(result.named(called.avals), holomorphic)
        rows, aux = _first_derivative(called, result.num_outputs, values, holomorphic)
        notes.append(not _may_be_asymmetric(called.closed.jaxpr))
        return [*(row[place[node]] for row in rows for node in arguments.nodes), *aux]

    program = traced_program(gradient, arguments)
    return _TracedGradient(program, *notes)


def _first_derivative(
    called: PartialJaxpr, num_outputs: int, values: Sequence[Any], holomorphic: bool
) -> tuple[list[Any], list[Any]]:
    """One row per output, with one block per value, and the auxiliary data."""
    numbers = tuple(range(len(values)))

    def primary(*leaves: Any) -> tuple[list[Any], list[Any]]:
        flat = called.evaluate(leaves)
        return flat[:num_outputs], flat[num_outputs:]

    def scalar(*leaves: Any) -> tuple[Any, list[Any]]:
        (out,), aux = primary(*leaves)
        return out, aux

    if num_outputs == 1 and called.avals[0].shape == ():
        row, aux = jax.grad(scalar, numbers, has_aux=True, holomorphic=holomorphic)(*values)
        return [row], aux
    # What "auto" finds may change, and with it the graph that users' orders are for.
    return jacve(primary, numbers, True, holomorphic, order="best_classic")(*values)


def _may_be_asymmetric(jaxpr: Any) -> bool:
    """Whether some rule inside need not be the derivative of anything.

    Users write such rules; those of JAX's factorisations assume symmetric matrices.
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
    arguments: CallArguments,
    gradient: _TracedGradient,
    holomorphic: bool,
    order: Order,
    output: Output,
) -> tuple[list[list[list[Any]]], list[Any]]:
    """The blocks [output][j][i] of a Hessian, and the auxiliary data."""
    program, leaves, nodes = gradient.program, arguments.leaves, arguments.nodes
    # A block is mirrored by moving the axes of an array, which other outputs do not have.
    is_half = gradient.is_symmetric and output == "dense"
    num_rows = gradient.result.num_outputs * len(nodes)
    active = active_part(program, arguments, num_rows)
    graph = active.graph
    wanted = wanted_blocks(graph, nodes) if is_half else None
    vertices = check_order(graph, resolve_order(graph, order, wanted))
    form = BlockForm(active.is_split, holomorphic, output)

    def written(emit: Emission, values: Sequence[Any]) -> tuple[list[list[list[Any]]], list[Any]]:
        flat, computed = emit(program, active, values, vertices, wanted)

        def block(first: int, j: int, i: int) -> Any:
            row, column = (i, j) if is_half and i > j else (j, i)
            # The dtype is that of leaf j; of complex leaves `written_block` also reads the shape.
            leaf = values[nodes[column if holomorphic else j]]
            node, out = graph.outputs[first + row], flat[first + row]
            found = written_block(graph, computed, nodes[column], leaf, node, out, form)
            if (row, column) != (j, i):
                rank = values[nodes[row]].ndim
                found = jnp.moveaxis(found, range(out.ndim - rank, out.ndim), range(-rank, 0))
            return with_weak_type_of(found, values[nodes[j]])

        numbers = range(len(nodes))
        blocks = [
            [[block(first, j, i) for i in numbers] for j in numbers]
            for first in range(0, num_rows, len(nodes))
        ]
        return blocks, flat[num_rows:]

    # Only the order of a plan is used, not its execution.
    execution = "xla" if isinstance(order, Plan) else execution_of(order)
    return executed(written, program, active, leaves, execution, output)
