"""When the body of a scan is eliminated: where that saves more than it costs.

The cost of JAX's way is counted as the multiplications of the linearised body, for as many tangents
or cotangents as write the whole Jacobian; `scan_steps` describes the alternative.
"""

import dataclasses
import math
from typing import Any, NamedTuple

import jax.extend.core as jex
import jax.numpy as jnp

from elimax.interpreter.execution.scan_steps import ScanSteps
from elimax.interpreter.graph.elimination import CountingElimination
from elimax.interpreter.graph.order import check_order
from elimax.interpreter.graph.pair_structure import OpaqueStructure, parts_of, written_structure
from elimax.interpreter.graph.price import order_price
from elimax.interpreter.graph.structure import UNTIED
from elimax.interpreter.orders.moves_last import moves_last_orders
from elimax.interpreter.orders.portfolio import named_order
from elimax.interpreter.tracing.active_graph import ActiveGraph, active_graph
from elimax.interpreter.tracing.linearisation import Analysis, Moving
from elimax.interpreter.tracing.opaque_equation import register_body
from elimax.interpreter.tracing.program import Program, program_of, silent
from elimax.interpreter.tracing.rules.control_flow import consts_and_carry
from elimax.interpreter.tracing.uses import active_uses

AT_ONCE = 0.4
"""Weight of a multiplication for all steps at once, against one inside the loop.

Below 0.15 an extended Kalman filter and a Lorenz integrator are entered, which makes them slower;
above 0.5 an integrator with controls is not, though entering it halves its time.
"""

OF_STEP, OF_PRODUCT = 20, 8
"""Weights, in multiplications, of keeping the Jacobians of a step, and of calling a product of
matrices in the body, which XLA does not fuse with its neighbours."""

MAX_KEPT = 1 << 22
"""Most entries of the Jacobians of all steps, which are kept."""

MAX_VERTICES = 300
"""Most vertices to eliminate of a body that is considered."""

ORDERS = ("forward", "reverse", "markowitz")
"""A body gets the cheapest of these orders, and of those with moves last."""


@register_body("scan")
def scan_steps(moving: Moving, analysis: Analysis) -> ScanSteps | None:
    """Decides whether the body of a scan is eliminated.

    Args:
        moving: The equation.
        analysis: What is known of its derivative.

    Returns:
        How its steps are differentiated; None if that saves too little.
    """
    equation = silent(moving.equation)
    length = equation.params["length"]
    program = program_of(equation.params["jaxpr"])
    is_complex = any(jnp.issubdtype(x.dtype, jnp.complexfloating) for x in program.node_avals)
    if length < 2 or is_complex or _calls_out(equation.params["jaxpr"]):
        return None
    consts, carry = consts_and_carry(equation.params)
    moves, outputs = _moving_parts(program, moving, consts, carry)
    differentiated = dataclasses.replace(
        program, outputs=tuple(program.outputs[k] for k in outputs)
    )
    active = active_graph(differentiated, moves)
    if not 0 < len(active.graph.eliminable) <= MAX_VERTICES:
        return None
    body = _body_cost(active)
    applications = _applications(moving, analysis)
    names = [program.equations[k].name for k in {edge.equation for edge in active.edges}]
    products = names.count("dot_general")
    # Both for one step, in multiplications.
    ours = OF_STEP + AT_ONCE * body.once + applications * body.each
    theirs = applications * (analysis.cost / length + OF_PRODUCT * products)
    if body.once == 0 or ours > theirs or length * body.each > MAX_KEPT:
        return None
    return ScanSteps(moving, consts, carry, program, active, body.order, outputs)


def _calls_out(jaxpr: Any) -> bool:
    """Whether the body calls something that JAX can neither repeat nor map over."""
    return any(
        eqn.primitive.name.endswith(("callback", "ffi_call"))
        or any(map(_calls_out, jex.jaxprs_in_params(eqn.params)))
        for eqn in getattr(jaxpr, "jaxpr", jaxpr).eqns
    )


def _moving_parts(
    program: Program, moving: Moving, consts: int, carry: int
) -> tuple[list[bool], tuple[int, ...]]:
    """Which inputs of the body move, and the numbers of its outputs that move and are wanted."""
    moves = [k in moving.operands for k in range(program.num_inputs)]
    # What moves at the end of a step moves at the start of the next one, up to a fixed point.
    while True:
        reached = {node for node, is_moving in enumerate(moves) if is_moving}
        reached |= {use.succ for use in active_uses(program, moves)}
        outputs = [k for k, x in enumerate(program.outputs) if isinstance(x, int) and x in reached]
        carried = [k for k in outputs if k < carry]
        if all(moves[consts + k] for k in carried):
            break
        for k in carried:
            moves[consts + k] = True
    carried = [k for k in range(carry) if moves[consts + k]]
    return moves, (*carried, *(k for k in moving.results if k >= carry))


class _BodyCost(NamedTuple):
    """Scalar multiplications of one step.

    Attributes:
        once: Those of eliminating the body.
        each: Those of every tangent.
        order: The order of the elimination, checked.
    """

    once: int
    each: int
    order: tuple[int, ...]


def _body_cost(active: ActiveGraph) -> _BodyCost:
    graph = active.graph
    orders = [*(named_order(graph, name) for name in ORDERS), *moves_last_orders(graph)]
    best = min(orders, key=lambda order: order_price(graph, order))
    order = check_order(graph, best)
    elimination = CountingElimination(graph)
    total = 0
    for vertex in order:
        total += elimination.cost(vertex).all
        elimination.eliminate(vertex)
    each = 0
    for succ in graph.output_nodes:
        for edge in elimination.predecessors[succ].values():
            total += sum(x.writing_cost for x in parts_of(edge) if isinstance(x, OpaqueStructure))
            each += math.prod(written_structure(edge).carried_shape)
    return _BodyCost(total, each, order)


def _applications(moving: Moving, analysis: Analysis) -> int:
    """How many applications write the whole Jacobian, forward or in reverse."""
    equation, ties = moving.equation, analysis.ties
    columns = rows = 0
    for i, k in enumerate(moving.operands):
        found = [axes for (source, _), axes in ties.items() if source == i]
        sizes = enumerate(equation.in_avals[k].shape)
        untied = [n for axis, n in sizes if any(axes[axis] == UNTIED for axes in found)]
        columns += math.prod(untied)
    for j, r in enumerate(moving.results):
        found = [axes for (_, target), axes in ties.items() if target == j]
        sizes = enumerate(equation.out_avals[r].shape)
        untied = [n for axis, n in sizes if any(axis not in axes for axes in found)]
        rows += math.prod(untied)
    return max(1, min(columns, rows))
