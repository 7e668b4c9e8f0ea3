"""Ways to compute a Jacobian: compiled by XLA, by a native kernel, or by a mode of JAX."""

import contextlib
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, TypeVar

import jax.numpy as jnp

from elimax.interpreter.errors import NotScalarError
from elimax.interpreter.execution.emission import Emitted, eliminated, quickest
from elimax.interpreter.execution.guards import Mode
from elimax.interpreter.execution.jax_modes import MODES, in_mode
from elimax.interpreter.execution.points import points_at_once
from elimax.interpreter.native.call import natively
from elimax.interpreter.native.kernel_choice import MOST_STATEMENTS, suits_kernel
from elimax.interpreter.native.scalarise import MOST
from elimax.interpreter.output.blocks import Output
from elimax.interpreter.plan import Execution
from elimax.interpreter.tracing.active_graph import ActiveGraph
from elimax.interpreter.tracing.call_checks import is_array
from elimax.interpreter.tracing.program import Program

T = TypeVar("T")

Emission: TypeAlias = Callable[..., Emitted]
"""A function that runs a program and differentiates it; it takes the arguments of `eliminated`."""


def executed(
    written: Callable[[Emission, Sequence[Any]], T],
    program: Program,
    active: ActiveGraph,
    leaves: Sequence[Any],
    execution: Execution,
    output: Output,
) -> T:
    """Computes a Jacobian in the chosen way.

    Args:
        written: Maps an emission and values of the input leaves to a tree of finished blocks.
        program: The program, with all its outputs.
        active: What differentiates it.
        leaves: Value of every input leaf.
        execution: What computes it.
        output: As for `jacve`. With "auto", JAX's modes are considered for "dense" only, as what
            they return has no structure.

    Returns:
        What `written` returns.

    Raises:
        NotImplementedError: If a mode is asked for that might turn what zeros exclude into nan.
        NotScalarError: If a kernel is asked for and is not possible.
    """
    if execution == "native":
        return _by_kernel(written, leaves, MOST)
    if execution == "auto":
        if suits_kernel(program, active, points_at_once(leaves)):
            with contextlib.suppress(NotScalarError):
                return _by_kernel(written, leaves, MOST_STATEMENTS)
        return written(quickest if output == "dense" else eliminated, leaves)
    if execution in MODES:
        return written(_mode_emission(execution), leaves)
    return written(eliminated, leaves)


def _mode_emission(mode: Mode) -> Emission:
    return lambda program, active, leaves, _: in_mode(mode, program, active, leaves)


def _by_kernel(
    written: Callable[[Emission, Sequence[Any]], T], leaves: Sequence[Any], most: int
) -> T:
    """Eliminates by a native kernel, which reads all leaves of floating-point numbers."""
    numbers = [
        k
        for k, leaf in enumerate(leaves)
        if is_array(leaf) and jnp.issubdtype(leaf.dtype, jnp.floating)
    ]

    def of_arrays(*arrays: Any) -> T:
        values = list(leaves)
        for k, array in zip(numbers, arrays, strict=True):
            values[k] = array
        return written(eliminated, values)

    found: T = natively(of_arrays, [jnp.asarray(leaves[k]) for k in numbers], most)
    return found
