"""A native kernel as a function of JAX arrays, which `jit`, `vmap` and derivatives take.

`vmap` hands the kernel the whole batch. Derivatives are those of the program that the kernel was
compiled from, and devices other than the CPU run that program itself.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.core
import jax.numpy as jnp
import numpy as np

from elimax.interpreter.native.kernel_primitive import KernelCall, are_kernels_called
from elimax.interpreter.native.scalar_program import CONSTANT, ScalarProgram
from elimax.interpreter.native.scalarise import MOST, needed, scalar_program, variables_of
from elimax.interpreter.tracing.flat_call import with_weak_type_of

Arrays = Sequence[Any]


def natively(function: Callable[..., Any], arguments: Arrays, most: int = MOST) -> Any:
    """Evaluates a function of arrays by a native kernel.

    Args:
        function: Maps the arrays to a tree; what does not depend on them is left to JAX.
        arguments: The arrays, all float32 or all float64.
        most: Statements, and entries of outputs, that the kernel may have.

    Returns:
        What the function returns.

    Raises:
        NotScalarError: If the function cannot be written as a program of single numbers, see
            `scalarise`.
    """
    trees: list[tuple[list[Any], Any]] = []

    def flat(*values: Any) -> list[Any]:
        leaves, tree = jax.tree.flatten(function(*values))
        computed = [isinstance(leaf, jax.core.Tracer) for leaf in leaves]
        trees.append(([None if x else y for x, y in zip(computed, leaves, strict=True)], tree))
        return [leaf for leaf, x in zip(leaves, computed, strict=True) if x]

    closed = jax.make_jaxpr(flat)(*arguments)
    (known, tree), results = trees[0], iter(_results(closed, arguments, most))
    return jax.tree.unflatten(tree, [next(results) if x is None else x for x in known])


def _results(closed: Any, arguments: Arrays, most: int) -> Arrays:
    if not closed.out_avals:
        return []
    # Tracers of a surrounding trace are inputs like the others; what is not read is not an input.
    jaxpr, read = closed.jaxpr, needed(closed.jaxpr).variables
    known: list[Any] = []
    arrays = []
    values = (*closed.consts, *arguments)
    for k, (variable, value) in enumerate(zip(variables_of(jaxpr), values, strict=True)):
        is_input = k >= len(closed.consts) or isinstance(value, jax.core.Tracer)
        if is_input and variable not in read:
            value = np.broadcast_to(np.zeros((), value.dtype), value.shape)
        elif is_input:
            arrays.append(jnp.ravel(value))
        known.append(None if is_input and variable in read else value)
    program = scalar_program(jaxpr, known, most)
    # Outputs that are constant are left to XLA, which broadcasts them over a batch.
    constants = [_constant(program, entries) for entries in program.outputs]
    computed = [k for k, x in enumerate(constants) if x is None]
    program = dataclasses.replace(program, outputs=tuple(program.outputs[k] for k in computed))
    found = iter(_at_point(program, jaxpr, known, computed)(*arrays) if computed else ())
    results = [next(found) if x is None else x for x in constants]
    return [
        with_weak_type_of(jnp.asarray(x.reshape(aval.shape), aval.dtype), aval)
        for x, aval in zip(results, closed.out_avals, strict=True)
    ]


def _constant(program: ScalarProgram, entries: Sequence[int]) -> np.ndarray | None:
    """The entries of an output if all of them are known."""
    statements = [program.statements[k] for k in entries]
    if all(x.operation == CONSTANT for x in statements):
        return np.array([x.value for x in statements], program.dtype)
    return None


def _at_point(
    program: ScalarProgram, jaxpr: Any, known: Sequence[Any], computed: Sequence[int]
) -> Callable[..., Arrays]:
    """The function at one point, of flat arrays to flat arrays of the kernel's dtype.

    Args:
        program: What the kernel computes.
        jaxpr: What it was made from.
        known: For each of `variables_of` its value, or None for an argument.
        computed: Numbers of the jaxpr's results that the program computes.

    Returns:
        The function.
    """

    def plain(*arrays: Any) -> list[Any]:
        given = iter(arrays)
        inputs = [
            next(given).reshape(variable.aval.shape) if x is None else jnp.asarray(x)
            for variable, x in zip(variables_of(jaxpr), known, strict=True)
        ]
        consts = len(jaxpr.constvars)
        results = jax.core.eval_jaxpr(jaxpr, inputs[:consts], *inputs[consts:])
        return [jnp.ravel(results[k]).astype(program.dtype) for k in computed]

    @jax.custom_batching.custom_vmap
    def once(*arrays: Any) -> list[Any]:
        found = _for_batch(program, plain, (False,) * len(arrays), 1)(*arrays)
        return [x.reshape(x.shape[1:]) for x in found]

    @once.def_vmap
    def batched(size: int, is_batched: Sequence[bool], *arrays: Any) -> tuple[Any, Any]:
        found = _for_batch(program, plain, tuple(is_batched), size)(*arrays)
        return found, [True] * len(found)

    point = jax.custom_jvp(once)

    @point.defjvp
    def derivative(primals: Arrays, tangents: Arrays) -> tuple[Any, Any]:
        return jax.jvp(plain, primals, tangents)

    return point


def _for_batch(
    program: ScalarProgram,
    plain: Callable[..., Arrays],
    is_batched: tuple[bool, ...],
    size: int,
) -> Callable[..., Arrays]:
    """The function of arrays (size, n), or (n,) where they are the same for all points."""

    def without_kernel(*arrays: Any) -> list[Any]:
        axes = [0 if x else None for x in is_batched]
        return list(jax.vmap(plain, axes, axis_size=size)(*arrays))

    @jax.custom_batching.custom_vmap
    def call(*arrays: Any) -> list[Any]:
        if not are_kernels_called():
            return without_kernel(*arrays)
        return KernelCall(program, is_batched, size, without_kernel).bind(*arrays)

    @call.def_vmap
    def batched(times: int, is_added: Sequence[bool], *arrays: Any) -> tuple[Any, Any]:
        # Nested batches become one of times * size points.
        flags = tuple(x or y for x, y in zip(is_batched, is_added, strict=True))
        joined = []
        for x, is_old, is_new in zip(arrays, is_batched, is_added, strict=True):
            if is_old and not is_new:
                x = jnp.broadcast_to(x, (times, *x.shape))
            elif is_new and not is_old:
                x = jnp.broadcast_to(x[:, None], (times, size, x.shape[-1]))
            joined.append(x.reshape(times * size, x.shape[-1]) if is_old or is_new else x)
        found = _for_batch(program, plain, flags, times * size)(*joined)
        return [x.reshape(times, size, x.shape[-1]) for x in found], [True] * len(found)

    return call
