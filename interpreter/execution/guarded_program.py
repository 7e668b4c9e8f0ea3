"""A program from which JAX's modes keep out what zeros exclude, as an elimination does.

Where select, max or clamp chose another entry, the tangent or cotangent is 0; and 0 times an
infinite slope, as that of a square root at 0, is nan (see `algebra.masks`). So an equation whose
slope may be infinite is *guarded* if such a zero may meet it: where the tangent is 0, so is the
product. And where an infinite tangent may meet a mask of zeros and ones by which JAX would
multiply, the mask selects instead.
"""

import dataclasses
from collections.abc import Collection, Sequence
from typing import Any

import jax.extend.core as jex
import jax.numpy as jnp
import numpy as np

from elimax.interpreter.execution.guards import GuardedEquation, Mode, guard_of
from elimax.interpreter.tracing.active_graph import ActiveGraph
from elimax.interpreter.tracing.known_values import known_value
from elimax.interpreter.tracing.program import (
    Constant,
    Equation,
    Operand,
    Program,
)
from elimax.interpreter.tracing.rules.registry import is_differentiable

TAME = frozenset(
    ("abs", "add", "add_any", "asinh", "atan", "broadcast_in_dim", "ceil", "clamp", "complex")
    + ("concatenate", "conj", "conv_general_dilated", "convert_element_type", "copy", "copy_p")
    + ("cos", "cumsum", "dot_general", "dynamic_slice", "dynamic_update_slice", "erf", "erfc")
    + ("expand_dims", "fft", "floor", "gather", "imag", "logistic", "max", "min", "mul", "neg")
    + ("pad", "real", "reduce_max", "reduce_min", "reduce_precision", "reduce_sum", "reshape")
    + ("rev", "round", "scatter", "scatter-add", "scatter-sub", "select_n", "sign", "sin", "slice")
    + ("sort", "split", "square", "squeeze", "stack", "sub", "tanh", "transpose", "unstack")
)
"""Primitives whose values and slopes are finite where the operands are finite and not huge."""

CURVED = frozenset(
    ("asinh", "atan", "conv_general_dilated", "cos", "div", "dot_general", "erf", "erfc")
    + ("integer_pow", "logistic", "mul", "reduce_max", "reduce_min", "sin", "square", "tanh")
)
"""Those of them, and div and integer_pow, whose slope is not finite where an operand is not."""

POLES = frozenset(("asinh", "atan", "logistic", "tanh"))
"""Those of them that complex numbers make infinite, or infinitely steep, somewhere."""

EXTREMES = frozenset(("max", "min", "reduce_max", "reduce_min"))
"""Primitives whose derivative JAX takes as a product with a mask."""


def guarded(program: Program, active: ActiveGraph, mode: Mode) -> Program | None:
    """Guards the equations of a program that need it in one of JAX's modes.

    Inputs that are differentiated are taken to be finite; others may be nan where they are masked.

    Args:
        program: The program, with all its outputs.
        active: What differentiates it.
        mode: The mode.

    Returns:
        A program with the same values and derivatives, except for excluded infinities; None if
        there is no guard for an equation that needs one.
    """
    dropping = {edge.equation for edge in active.edges if edge.drops}
    if not dropping:
        return program
    indices = sorted({edge.equation for edge in active.edges})
    moving = _moving_nodes(program, active, indices)
    risky = _risky(program, indices, moving)
    # Zeros and infinities travel with the tangents, or against them with the cotangents.
    met_from = _after if mode == "jacfwd" else _before
    meets_zeros = risky & met_from(program, indices, dropping)
    extremes = {index for index in dropping if program.equations[index].name in EXTREMES}
    meets_infinities = extremes & met_from(program, indices, risky)
    equations = list(program.equations)
    for index in meets_zeros | meets_infinities:
        equation = equations[index]
        operands = tuple(
            k
            for k, node in enumerate(equation.operands)
            if isinstance(node, int) and node in moving and is_differentiable(equation.in_avals[k])
        )
        guard = guard_of(equation, operands, active.opaque.get(index), index in meets_infinities)
        if guard is None:
            return None
        fields = {x.name: getattr(equation, x.name) for x in dataclasses.fields(Equation)}
        equations[index] = GuardedEquation(**fields, mode=mode, guard=guard)
    return dataclasses.replace(program, equations=tuple(equations))


def _moving_nodes(program: Program, active: ActiveGraph, indices: Sequence[int]) -> set[int]:
    """Inputs that are differentiated, and results that depend on them."""
    num_inputs = active.graph.num_inputs
    inputs = {pred for pred, _ in active.graph.edges if pred < num_inputs}
    return inputs.union(*(program.equations[index].results for index in indices))


def _risky(program: Program, indices: Sequence[int], moving: Collection[int]) -> set[int]:
    """Equations whose slope may be infinite or nan, even if only where something is masked."""
    wild: set[Operand] = {node for node in range(program.num_inputs) if node not in moving}

    def is_wild(operand: Operand) -> bool:
        return not _is_finite(operand) if isinstance(operand, Constant) else operand in wild

    risky = set()
    for index, equation in enumerate(program.equations):
        is_tame = _is_tame(equation)
        has_wild = any(map(is_wild, equation.operands))
        if not is_tame or has_wild:
            wild.update(equation.results)
        bodies = list(jex.jaxprs_in_params(equation.params))
        may_curve = equation.name in CURVED or bool(bodies)
        if not is_tame or (has_wild and may_curve):
            risky.add(index)
    return risky.intersection(indices)


def _is_finite(constant: Constant) -> bool:
    """Whether a constant is known, and all its entries are finite numbers."""
    known = known_value(constant.value)
    return known is not None and bool(np.all(np.isfinite(known)))


def _is_tame(equation: Equation) -> bool:
    """Whether finite operands that are not huge make finite results and slopes."""
    name, operands = equation.name, equation.operands
    if not any(map(is_differentiable, equation.out_avals)):
        return True
    if name == "integer_pow":
        return equation.params["y"] >= 0
    if name in ("div", "rem") and isinstance(operands[1], Constant):
        known = known_value(operands[1].value)
        return known is not None and bool(np.all(known != 0))
    if name in POLES and any(
        jnp.issubdtype(x.dtype, jnp.complexfloating) for x in equation.in_avals
    ):
        return False
    bodies = list(jex.jaxprs_in_params(equation.params))
    return name in TAME or (bool(bodies) and all(map(_is_tame_body, bodies)))


def _is_tame_body(body: Any) -> bool:
    """Whether all primitives that could pass on a derivative are tame."""
    for eqn in getattr(body, "jaxpr", body).eqns:
        bodies = list(jex.jaxprs_in_params(eqn.params))
        is_tame = eqn.primitive.name in TAME or (bool(bodies) and all(map(_is_tame_body, bodies)))
        if not is_tame and any(is_differentiable(var.aval) for var in eqn.outvars):
            return False
    return True


def _after(program: Program, indices: Sequence[int], starts: Collection[int]) -> set[int]:
    """The equations with an operand that depends on results of `starts`."""
    reached: set[Operand] = set()
    found = set()
    for index in indices:
        equation = program.equations[index]
        if any(isinstance(x, int) and x in reached for x in equation.operands):
            found.add(index)
        if index in found or index in starts:
            reached.update(equation.results)
    return found


def _before(program: Program, indices: Sequence[int], starts: Collection[int]) -> set[int]:
    """The equations with a result that `starts` depend on."""
    reached: set[Operand] = set()
    found = set()
    for index in reversed(indices):
        equation = program.equations[index]
        if not reached.isdisjoint(equation.results):
            found.add(index)
        if index in found or index in starts:
            reached.update(x for x in equation.operands if isinstance(x, int))
    return found
