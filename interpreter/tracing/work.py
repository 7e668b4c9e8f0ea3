"""How many scalar multiplications one application of a linearised program takes."""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax.extend.core as jex

from elimax.interpreter.tracing.rules.control_flow import consts_and_carry

# Rounds that are assumed of a loop of unknown length.
UNKNOWN_ROUNDS = 8


class Work(NamedTuple):
    """What one application of a linearised program does.

    Attributes:
        multiplications: Scalar multiplications, estimated: products of arrays count with theirs,
            moving entries is free, anything else counts one per entry of its results.
        rounds: How often bodies of loops run, one after the other.
        primitives: Names of all primitives that something that moves reaches.
    """

    multiplications: int
    rounds: int
    primitives: frozenset[str]


def work_of(closed: Any, num_still: int) -> Work:
    """The work of those equations that something that moves reaches.

    Args:
        closed: A closed jaxpr that is linear in its last inputs.
        num_still: Number of inputs before those.

    Returns:
        The multiplications, the rounds and the primitives.
    """
    jaxpr, names = closed.jaxpr, set()
    num_moving = len(jaxpr.invars) - num_still
    total, rounds = _count(jaxpr, [False] * num_still + [True] * num_moving, names)
    return Work(total, rounds, frozenset(names))


def _count(jaxpr: Any, moves: Sequence[bool], names: set[str]) -> tuple[int, int]:
    """The multiplications and rounds of a jaxpr; notes the primitives."""
    moving = _moving(jaxpr, moves)
    total = rounds = 0
    for eqn in jaxpr.eqns:
        ins = _are_moving(eqn.invars, moving)
        if any(ins):
            names.add(eqn.primitive.name)
            of_equation, of_loops = _of_equation(eqn, ins, names)
            total, rounds = total + of_equation, rounds + of_loops
    return total, rounds


def _moving(jaxpr: Any, moves: Sequence[bool]) -> set[Any]:
    """The variables of a jaxpr that what moves reaches."""
    moving = {var for var, is_moving in zip(jaxpr.invars, moves, strict=True) if is_moving}
    for eqn in jaxpr.eqns:
        if any(_are_moving(eqn.invars, moving)):
            moving.update(eqn.outvars)
    return moving


def _are_moving(values: Sequence[Any], moving: set[Any]) -> list[bool]:
    """Which variables are among those that move; literals are not."""
    return [not isinstance(x, jex.Literal) and x in moving for x in values]


def _of_equation(eqn: Any, moves: Sequence[bool], names: set[str]) -> tuple[int, int]:
    size = sum(math.prod(var.aval.shape) for var in eqn.outvars)
    name = eqn.primitive.name
    if name in FREE:
        return 0, 0
    if name in SPECIAL:
        return SPECIAL[name](eqn), 0
    inner = list(jex.jaxprs_in_params(eqn.params))
    if not inner:
        return size, 0
    bodies = [getattr(x, "jaxpr", x) for x in inner]
    counts = [_count(body, _moves_of(eqn, body, moves), names) for body in bodies]
    if name in ("scan", "while"):
        length = int(eqn.params["length"]) if name == "scan" else UNKNOWN_ROUNDS
        total, rounds = map(sum, zip(*counts, strict=True))
        return length * total, length * (1 + rounds)
    total, rounds = map(max, zip(*counts, strict=True))
    return total, rounds


def _moves_of(eqn: Any, body: Any, moves: Sequence[bool]) -> list[bool]:
    """Which inputs of a body move, its operands being the last ones of the equation.

    What a loop carries may start still, and move from the second round on; it counts from the
    first.
    """
    count = len(body.invars)
    if len(moves) < count:
        return [True] * count
    inputs = list(moves[len(moves) - count :])
    first, num_carried = _carried(eqn, body)
    while True:
        outputs = _are_moving(body.outvars, _moving(body, inputs))
        found = [a or b for a, b in zip(inputs[first:], outputs[:num_carried], strict=False)]
        if found == inputs[first : first + num_carried]:
            return inputs
        inputs[first : first + num_carried] = found


def _carried(eqn: Any, body: Any) -> tuple[int, int]:
    """Where, among the inputs of a body, what a loop carries begins, and how much that is."""
    if eqn.primitive.name == "scan":
        return consts_and_carry(eqn.params)
    if eqn.primitive.name == "while" and body is eqn.params["body_jaxpr"].jaxpr:
        return eqn.params["body_nconsts"], len(body.outvars)
    return 0, 0


def _dot_general(eqn: Any) -> int:
    contracting = eqn.params["dimension_numbers"][0][0]
    shape = eqn.invars[0].aval.shape
    return math.prod(eqn.outvars[0].aval.shape) * math.prod(shape[axis] for axis in contracting)


def _convolution(eqn: Any) -> int:
    filters = eqn.invars[1].aval.shape
    outputs = eqn.params["dimension_numbers"].rhs_spec[0]
    taps = math.prod(filters) // max(1, filters[outputs])
    return math.prod(eqn.outvars[0].aval.shape) * taps


def _solve(eqn: Any) -> int:
    """n (n + 1) / 2 for each right-hand side."""
    rows = eqn.invars[0].aval.shape[-1]
    return math.prod(eqn.outvars[0].aval.shape) * (rows + 1) // 2


def _fourier(eqn: Any) -> int:
    size = math.prod(eqn.invars[0].aval.shape)
    length = math.prod(eqn.params["fft_lengths"])
    return 2 * size * max(1, math.ceil(math.log2(max(2, length))))


FREE = frozenset(
    ("add", "sub", "neg", "add_any", "copy", "copy_p", "convert_element_type", "reshape")
    + ("broadcast_in_dim", "squeeze", "transpose", "slice", "concatenate", "pad", "rev", "gather")
    + ("scatter", "scatter-add", "scatter_add", "dynamic_slice", "dynamic_update_slice", "select_n")
    + ("reduce_sum", "split", "stack", "unstack", "real", "imag", "complex", "conj")
    + ("reduce_precision", "optimization_barrier", "device_put", "symbolic_zeros", "zeros_like")
    + ("psum", "pvary", "tile", "cumsum")
)
"""Primitives that move and add entries, in either direction."""

SPECIAL: dict[str, Callable[[Any], int]] = {
    "dot_general": _dot_general,
    "conv_general_dilated": _convolution,
    "triangular_solve": _solve,
    "fft": _fourier,
}
"""Primitives that may multiply more than once for an entry of the result."""
