"""What a traced program is expected to take in time on a CPU, in nanoseconds.

Two programs that compute the same are compared by it: an elimination, and a mode of JAX.

The weights were fitted to the run times of 223 programs: 48 functions of public packages for one
point, by both modes of JAX and by elimination forward, in reverse and as `order="auto"` has it.
What was fitted are ratios of times within one function; absolute times are not to be read off.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import jax.extend.core as jex

from interpreter.work import UNKNOWN_ROUNDS

FREE = frozenset(
    ("broadcast_in_dim", "convert_element_type", "copy", "expand_dims", "iota", "reshape")
    + ("slice", "split", "squeeze", "stop_gradient", "unstack")
)
"""Primitives that say where entries stand, which costs their reader nothing."""

KERNELS = frozenset(
    ("argmax", "argmin", "cholesky", "concatenate", "conv_general_dilated", "cumsum")
    + ("dynamic_slice", "dynamic_update_slice", "eigh", "fft", "gather", "lu", "pad", "reduce_and")
    + ("reduce_max", "reduce_min", "reduce_or", "reduce_sum", "scatter", "scatter-add", "sort")
    + ("stack", "svd", "transpose", "triangular_solve")
)
"""Primitives that read more entries than they write, or elsewhere, and so often end a kernel."""


OF_EQUATION, OF_ENTRY, OF_KERNEL, OF_MOVED = 6.3, 0.06, 60.0, 0.2
OF_CONTRACTION, OF_MULTIPLICATION, OF_LOOP, OF_ROUND = 300.0, 0.05, 20.0, 21.0
"""Nanoseconds for each of what `Contents` counts."""

MANY = 1.2
"""How many times more work on entries the cheaper one of two programs may do: where a function runs
in a batch, that is all that counts."""


class Contents(NamedTuple):
    """What there is in a program, as often as it is run.

    Attributes:
        equations: Equations that are fused with others.
        entries: What they compute.
        kernels: Equations that end a kernel.
        moved: Entries that they read or write.
        contractions: Products of matrices.
        multiplications: Scalar multiplications of those.
        loops: Loops.
        rounds: Rounds of loops.
    """

    equations: int = 0
    entries: int = 0
    kernels: int = 0
    moved: int = 0
    contractions: int = 0
    multiplications: int = 0
    loops: int = 0
    rounds: int = 0

    def plus(self, other: "Contents", times: int = 1) -> "Contents":
        """The contents of two programs, of which the other is run several times."""
        return Contents(*(x + times * y for x, y in zip(self, other, strict=True)))


class ProgramPrice(NamedTuple):
    """What a program takes.

    Attributes:
        once: For one point.
        each: What every point adds where many are evaluated in a batch.
    """

    once: float
    each: float

    def is_below(self, other: "ProgramPrice") -> bool:
        """Whether a program is cheaper than another, and not much costlier in a batch."""
        return self.once < other.once and self.each <= MANY * other.each


def program_price(jaxpr: Any, wanted: Sequence[bool]) -> ProgramPrice:
    """Prices a program.

    Args:
        jaxpr: The program, an open jaxpr.
        wanted: For every result whether it is wanted.

    Returns:
        What it takes.
    """
    contents = contents_of(jaxpr, wanted)
    each = (
        OF_ENTRY * contents.entries
        + OF_MOVED * contents.moved
        + OF_MULTIPLICATION * contents.multiplications
    )
    once = (
        OF_EQUATION * contents.equations
        + OF_KERNEL * contents.kernels
        + OF_CONTRACTION * contents.contractions
        + OF_LOOP * contents.loops
        + OF_ROUND * contents.rounds
    )
    return ProgramPrice(once + each, each)


def contents_of(jaxpr: Any, wanted: Sequence[bool]) -> Contents:
    """Looks at what a program does for some of its results.

    Args:
        jaxpr: The program, an open jaxpr.
        wanted: For every result whether it is wanted.

    Returns:
        The contents of the equations that some wanted result needs.
    """
    pairs = zip(jaxpr.outvars, wanted, strict=True)
    needed = {x for x, is_wanted in pairs if is_wanted and not isinstance(x, jex.Literal)}
    total = Contents()
    for eqn in reversed(jaxpr.eqns):
        is_needed = [var in needed for var in eqn.outvars]
        if any(is_needed):
            total = total.plus(_of_equation(eqn, is_needed))
            needed.update(x for x in eqn.invars if not isinstance(x, jex.Literal))
    return total


def _of_equation(eqn: Any, wanted: Sequence[bool]) -> Contents:
    name = eqn.primitive.name
    bodies = [getattr(x, "jaxpr", x) for x in jex.jaxprs_in_params(eqn.params)]
    if name not in KERNELS and bodies:
        return _of_bodies(eqn, bodies, wanted)
    entries = _entries(eqn.outvars)
    if name == "dot_general":
        contracted = eqn.params["dimension_numbers"][0][0]
        length = math.prod(eqn.invars[0].aval.shape[axis] for axis in contracted)
        return Contents(contractions=1, multiplications=entries * length)
    if name in FREE:
        return Contents()
    if name in KERNELS:
        return Contents(kernels=1, moved=max(entries, _entries(eqn.invars)))
    return Contents(equations=1, entries=entries)


def _of_bodies(eqn: Any, bodies: Sequence[Any], wanted: Sequence[bool]) -> Contents:
    """The contents of a call, of the longest branch, or of all rounds of a loop."""
    name = eqn.primitive.name
    if name not in ("scan", "while"):
        of_bodies = [
            contents_of(body, wanted if len(body.outvars) == len(wanted) else _all(body))
            for body in bodies
        ]
        return max(of_bodies)
    rounds = int(eqn.params["length"]) if name == "scan" else UNKNOWN_ROUNDS
    total = Contents(loops=1, rounds=rounds)
    for body in bodies:
        total = total.plus(contents_of(body, _all(body)), rounds)
    return total


def _all(body: Any) -> list[bool]:
    return [True] * len(body.outvars)


def _entries(variables: Iterable[Any]) -> int:
    return sum(math.prod(variable.aval.shape) for variable in variables)
