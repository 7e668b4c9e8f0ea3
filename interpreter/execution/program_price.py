"""What a traced program is expected to take in time on a CPU, in nanoseconds.

It compares two programs that compute the same: an elimination, and a mode of JAX.

The weights were fitted to the run times of 223 programs: 48 functions of public packages for one
point, by both modes of JAX and by elimination forward, in reverse and as `order="auto"` has it;
those of loops afterwards to 84 programs of 17 small loops, where an entry keeps the weight that it
has outside. Only ratios of times within one function were fitted, so absolute times mean nothing.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import jax.extend.core as jex

from elimax.interpreter.tracing.rules.control_flow import consts_and_carry
from elimax.interpreter.tracing.work import UNKNOWN_ROUNDS

FREE = frozenset(
    ("broadcast_in_dim", "convert_element_type", "copy", "expand_dims", "iota", "reshape")
    + ("slice", "split", "squeeze", "stop_gradient", "unstack")
)
"""Primitives that only say where entries are, which costs whatever reads them nothing."""

KERNELS = frozenset(
    ("argmax", "argmin", "cholesky", "concatenate", "cumsum", "dynamic_slice")
    + ("dynamic_update_slice", "eigh", "fft", "gather", "lu", "pad", "reduce_and")
    + ("reduce_max", "reduce_min", "reduce_or", "reduce_sum", "scatter", "scatter-add", "sort")
    + ("stack", "svd", "triangular_solve")
)
"""Primitives that read more entries than they write, or others, and so often end a kernel."""


class Weights(NamedTuple):
    """Nanoseconds for each of the things that a program does.

    Attributes:
        equation: An equation that is fused with others.
        entry: What it computes, each entry.
        kernel: An equation that ends a kernel.
        moved: What that reads or writes, each entry.
        contraction: A product of matrices.
        multiplication: Scalar multiplications of that.
    """

    equation: float
    entry: float
    kernel: float
    moved: float
    contraction: float
    multiplication: float


OUTSIDE = Weights(6.3, 0.06, 60.0, 0.2, 300.0, 0.05)
INSIDE = Weights(1.4, 0.06, 18.0, 0.34, 150.0, 0.12)
"""Outside of loops, and inside, where kernels are called from a loop that is compiled."""

OF_LOOP, OF_ROUND, OF_CARRIED, OF_STACKED, OF_STACKED_ENTRY = 620.0, 9.5, 6.7, 3.2, 0.42
"""Nanoseconds for a loop, and for each of its rounds: as such, for every array that is carried, and
for every array of which a part is read or written, and each entry of that part."""

OF_PLACE = 100.0
"""Nanoseconds for every place to which a convolution moves its window, whatever there is to
multiply: between 90 and 180 for 1 to 8 channels, in one and in two dimensions."""

TRANSPOSED = 0.35
"""Nanoseconds, for each point of a batch, for an entry that is transposed: by a transpose, or by a
product of matrices of which only the second one differs from point to point. Such a product needs
the batch between its rows and columns; where only the first one differs, the batch is more rows."""

BOTH = 0.03
"""Nanoseconds that a multiplication takes longer where both matrices differ from point to point, as
every point then has a small product of its own.

These two were fitted to 131 functions in batches of 256 or 16: what is chosen takes 0.73 times as
long as the better mode of JAX in the geometric mean, and 0.76 without them."""

MANY = 1.2
"""How many times more work on entries the cheaper one of two programs may do: where a function runs
in a batch, that is all that counts."""


class ProgramPrice(NamedTuple):
    """What a program takes, in nanoseconds.

    Attributes:
        once: For one point.
        each: For every further point of a batch.
    """

    once: float
    each: float

    def plus(self, other: "ProgramPrice", times: int = 1) -> "ProgramPrice":
        """The price of this program and of another one that is run `times` times."""
        return ProgramPrice(self.once + times * other.once, self.each + times * other.each)

    def of(self, points: int) -> float:
        """The price for so many points at once."""
        return self.once + (points - 1) * self.each

    def is_below(self, other: "ProgramPrice", points: int) -> bool:
        """Whether a program is cheaper than another.

        Args:
            other: The price of the other one.
            points: How many points are evaluated at once; 1 if that is not known, as a batch may
                yet come: then the cheaper program must not be much costlier in one.

        Returns:
            Whether it is.
        """
        if points > 1:
            return self.of(points) < other.of(points)
        return self.once < other.once and self.each <= MANY * other.each


NOTHING = ProgramPrice(0.0, 0.0)


def program_price(
    jaxpr: Any,
    wanted: Sequence[bool],
    weights: Weights = OUTSIDE,
    shared: Iterable[Any] = (),
) -> ProgramPrice:
    """Prices a program.

    Args:
        jaxpr: The program, an open jaxpr.
        wanted: For every result whether it is wanted.
        weights: Those of its equations.
        shared: Its constants that are the same for all points of a batch; what is computed from
            them alone is computed once.

    Returns:
        The price of the equations that some wanted result needs.
    """
    pairs = zip(jaxpr.outvars, wanted, strict=True)
    needed = {x for x, is_wanted in pairs if is_wanted and not isinstance(x, jex.Literal)}
    constant = _constant_variables(jaxpr, shared)
    total = NOTHING
    for eqn in reversed(jaxpr.eqns):
        is_needed = [var in needed for var in eqn.outvars]
        if any(is_needed):
            varies = [not (isinstance(x, jex.Literal) or x in constant) for x in eqn.invars]
            price = _of_equation(eqn, is_needed, weights, varies)
            is_constant = not constant.isdisjoint(eqn.outvars)
            total = total.plus(price._replace(each=0.0) if is_constant else price)
            needed.update(x for x in eqn.invars if not isinstance(x, jex.Literal))
    return total


def _constant_variables(jaxpr: Any, shared: Iterable[Any]) -> set[Any]:
    """Variables that are the same for all points of a batch."""
    found = set(shared)
    for eqn in jaxpr.eqns:
        if not eqn.effects and all(isinstance(x, jex.Literal) or x in found for x in eqn.invars):
            found.update(eqn.outvars)
    return found


def _of_equation(
    eqn: Any, wanted: Sequence[bool], weights: Weights, varies: Sequence[bool]
) -> ProgramPrice:
    name = eqn.primitive.name
    bodies = [getattr(x, "jaxpr", x) for x in jex.jaxprs_in_params(eqn.params)]
    if name in ("scan", "while"):
        return _of_loop(eqn, bodies)
    if name not in KERNELS and bodies:
        # Of the branches of a cond the costliest counts.
        return max(
            program_price(body, wanted if len(body.outvars) == len(wanted) else _all(body), weights)
            for body in bodies
        )
    entries = _entries(eqn.outvars)
    if name == "dot_general":
        price = _sum(weights.contraction, weights.multiplication * entries * _length(eqn))
        return price._replace(each=price.each + _of_layout(eqn, varies))
    if name == "conv_general_dilated":
        return _sum(weights.kernel, OF_PLACE * _places(eqn))
    if name in FREE:
        return NOTHING
    if name == "transpose":
        return ProgramPrice(weights.kernel + weights.moved * entries, TRANSPOSED * entries)
    if name in KERNELS:
        return _sum(weights.kernel, weights.moved * max(entries, _entries(eqn.invars)))
    return _sum(weights.equation, weights.entry * entries)


def _of_layout(eqn: Any, varies: Sequence[bool]) -> float:
    """What a product of matrices takes longer in a batch than alone, for each point."""
    first, second = varies
    if not second:
        return 0.0
    if first:
        return BOTH * _entries(eqn.outvars) * _length(eqn)
    return TRANSPOSED * (_entries(eqn.outvars) + _entries(eqn.invars[1:]))


def _length(eqn: Any) -> int:
    contracted = eqn.params["dimension_numbers"][0][0]
    return math.prod(eqn.invars[0].aval.shape[axis] for axis in contracted)


def _places(eqn: Any) -> int:
    """The number of places to which a convolution moves its window, in all images."""
    shape, features = eqn.outvars[0].aval.shape, eqn.params["dimension_numbers"].out_spec[1]
    return math.prod(shape) // max(1, shape[features])


def _of_loop(eqn: Any, bodies: Sequence[Any]) -> ProgramPrice:
    """The price of all rounds of a loop."""
    if eqn.primitive.name == "scan":
        rounds = int(eqn.params["length"])
        consts, carry = consts_and_carry(eqn.params)
        stacked = [*eqn.invars[consts + carry :], *eqn.outvars[carry:]]
    else:
        rounds, carry, stacked = UNKNOWN_ROUNDS, len(eqn.outvars), []
    of_round = OF_ROUND + OF_CARRIED * carry + OF_STACKED * len(stacked)
    total = _sum(OF_LOOP + rounds * of_round, OF_STACKED_ENTRY * _entries(stacked))
    for body in bodies:
        total = total.plus(program_price(body, _all(body), INSIDE), rounds)
    return total


def _sum(call: float, entries: float) -> ProgramPrice:
    return ProgramPrice(call + entries, entries)


def _all(body: Any) -> list[bool]:
    return [True] * len(body.outvars)


def _entries(variables: Iterable[Any]) -> int:
    return sum(math.prod(variable.aval.shape) for variable in variables)
