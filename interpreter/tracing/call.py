"""From a function to its computational graph."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.tracing.active_graph import ActiveGraph, active_graph
from elimax.interpreter.tracing.call_checks import check_callable, check_inputs, check_outputs
from elimax.interpreter.tracing.flat_call import CallArguments, CallResult
from elimax.interpreter.tracing.partial_trace import partial_jaxpr
from elimax.interpreter.tracing.program import (
    Constant,
    Operand,
    Program,
    check_effects,
    program_of,
    silent,
)

_MASK_NOTE = (
    "A mask that picks entries, as in x[mask], must be known while elimax traces the function. If "
    "it depends on a differentiated argument, jax.jacrev allows it outside of jax.jit and jacve "
    "does not: write jnp.where(mask, x, 0) instead of x[mask], or make the mask of arguments that "
    "are not differentiated"
)


class TracedCall(NamedTuple):
    """What the elimination of one call works on.

    Attributes:
        arguments: The arguments of the call.
        result: The tree of what the function returned.
        program: The function as a list of equations, auxiliary outputs last.
        active: Its active edges and graph, auxiliary outputs left out.
    """

    arguments: CallArguments
    result: CallResult
    program: Program
    active: ActiveGraph


def trace(
    fun: Callable[..., Any],
    *args: Any,
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    allow_int: bool = False,
    kwargs: Mapping[str, Any] | None = None,
) -> ComputationalGraph:
    """Traces a function to the computational graph that `jacve` eliminates.

    Nested `jit`, `remat` and `closed_call` are inlined; edges that are on no path from a
    differentiated input to an output are dropped.

    Args:
        fun: As for `jacve`.
        *args: Example arguments: arrays, or `jax.ShapeDtypeStruct` where only shapes are known.
        argnums: As for `jacve`.
        has_aux: As for `jacve`; auxiliary data are not outputs of the graph.
        holomorphic: As for `jacve`.
        allow_int: As for `jacve`.
        kwargs: Keyword arguments of the function.

    Returns:
        The graph. Input leaves of all arguments are numbered, differentiated or not. If a complex
        node may not be a holomorphic function of the complex nodes before it, all complex nodes
        have one more axis, of size two.

    Raises:
        TracingError: If the function has side effects.
        TypeError: As `jacve` does when called.
        ValueError: As `jacve` does when called.
    """
    check_callable(fun)
    leaves, tree = jax.tree.flatten((args, dict(kwargs or {})))
    is_abstract = [isinstance(leaf, jax.ShapeDtypeStruct) for leaf in leaves]
    graphs = []

    def note_graph(missing: Sequence[Any]) -> None:
        values = iter(missing)
        filled = [next(values) if x else y for x, y in zip(is_abstract, leaves, strict=True)]
        positional, keywords = jax.tree.unflatten(tree, filled)
        arguments = CallArguments.of(positional, keywords, argnums)
        graphs.append(trace_call(fun, arguments, has_aux, holomorphic, allow_int).active.graph)

    if any(is_abstract):
        # Arguments with values keep them, as the function may branch on them.
        jax.eval_shape(note_graph, [leaf for leaf, x in zip(leaves, is_abstract, strict=True) if x])
    else:
        note_graph([])
    return graphs[0]


def trace_call(
    fun: Callable[..., Any],
    arguments: CallArguments,
    has_aux: bool = False,
    holomorphic: bool = False,
    allow_int: bool = False,
) -> TracedCall:
    """Traces a call to the graph that `jacve` eliminates, calling the function once.

    Args:
        fun: The function.
        arguments: Its arguments.
        has_aux: As for `jacve`.
        holomorphic: As for `jacve`.
        allow_int: As for `jacve`.

    Returns:
        The program and its graph.

    Raises:
        TracingError: If the function has side effects.
        TypeError: If inputs or outputs cannot be differentiated.
        ValueError: If the function returns nothing.
    """
    check_inputs(arguments.named, holomorphic, allow_int)
    results = []

    def flat(*values: Any) -> list[Any]:
        args, kwargs = arguments.with_traced(values)
        result, outputs = CallResult.of(fun(*args, **kwargs), has_aux)
        results.append(result)
        return outputs

    program = traced_program(flat, arguments)
    (result,) = results
    outputs = [_described(program, output) for output in program.outputs[: result.num_outputs]]
    check_outputs(result.named(outputs), holomorphic)
    active = active_part(program, arguments, result.num_outputs)
    return TracedCall(arguments, result, program, active)


def traced_program(fun: Callable[..., list[Any]], arguments: CallArguments) -> Program:
    """The program of a function of the differentiated leaves of a call.

    Args:
        fun: Maps one value for each number of `arguments.traced` to a list of arrays. It is called
            once.
        arguments: The arguments of the call; all of its leaves are inputs of the program.

    Returns:
        The program.

    Raises:
        TracingError: If the function has side effects.
    """
    traced = arguments.traced
    try:
        closed, results, is_known = partial_jaxpr(fun, [arguments.leaves[node] for node in traced])
    except jax.errors.NonConcreteBooleanIndexError as error:
        # JAX raises it without the tracer, so it says nothing about what is differentiated.
        if _MASK_NOTE not in getattr(error, "__notes__", ()):
            error.add_note(_MASK_NOTE)
        raise
    check_effects(closed.effects)
    program = program_of(closed, traced, arguments.avals)
    unknown = iter(program.outputs)
    outputs = (
        Constant(value, is_literal=False) if known else next(unknown)
        for value, known in zip(results, is_known, strict=True)
    )
    return dataclasses.replace(program, outputs=tuple(outputs))


def active_part(program: Program, arguments: CallArguments, num_outputs: int) -> ActiveGraph:
    """The active part of a program, for its first outputs.

    Args:
        program: The program.
        arguments: The arguments of the call that was traced.
        num_outputs: Number of outputs that are differentiated; auxiliary ones are evaluated but
            have no rows in the Jacobian.

    Returns:
        The active edges and their graph.
    """
    equations = tuple(map(silent, program.equations))
    outputs = program.outputs[:num_outputs]
    primary = dataclasses.replace(program, equations=equations, outputs=outputs)
    return active_graph(primary, arguments.active)


def _described(program: Program, output: Operand) -> Any:
    """Something with the shape and the dtype of an output."""
    return program.node_avals[output] if isinstance(output, int) else jnp.asarray(output.value)
