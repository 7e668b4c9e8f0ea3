"""When `order="auto"` leaves a batch to a native kernel.

XLA computes single numbers of a batch one by one, and copies those that several results need; a
kernel computes each of them once for many points, and compiles faster. It has fewer primitives, and
for a few points calling it takes longer than computing.
"""

import math

import jax

from elimax.interpreter.native.kernel_primitive import are_kernels_called
from elimax.interpreter.native.scalarise import can_be_taken_apart
from elimax.interpreter.tracing.active_graph import ActiveGraph
from elimax.interpreter.tracing.program import Program

LEAST_POINTS = 32
"""From this many points on a kernel is quicker on most of the systems of `benchmarks.races`."""

MOST_STATEMENTS = 3000
"""Statements and entries of outputs up to which a kernel compiles about as fast as XLA; larger
programs are mostly products of matrices, which XLA computes well for large batches."""


def suits_kernel(program: Program, active: ActiveGraph, points: int) -> bool:
    """Whether a native kernel is likely to be possible, and quicker than XLA.

    Args:
        program: The program, with all its outputs.
        active: What differentiates it.
        points: How many points are evaluated at once.

    Returns:
        Whether it is. Taking the elimination apart may still fail, see `natively`.
    """
    if points < LEAST_POINTS or not are_kernels_called() or not _has_only_cpus():
        return False
    sizes = [math.prod(shape) for shape in active.graph.node_shapes]
    ins = sum(sizes[node] for node in active.moving_inputs)
    outs = sum(sizes[node] for node in {*active.graph.output_nodes})
    if max(sum(sizes), ins * outs) > MOST_STATEMENTS:
        return False
    return all(
        can_be_taken_apart(equation.name)
        for equation in program.equations
        if any(isinstance(operand, int) for operand in equation.operands)
    )


def _has_only_cpus() -> bool:
    return all(device.platform == "cpu" for device in jax.devices())
