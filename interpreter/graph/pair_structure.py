"""The counting rule for edges that are not written: linear functions, applied to neighbours.

An equation without a formula (a loop, a factorisation, a function with its own derivative rule),
and any linear function too large to write, is an *opaque* edge: a function that maps tangents
forward, cotangents backward, or both. Multiplying it with a neighbour applies it. This module says
what that costs, and which way is taken, from structures alone, so that count, game and execution
agree.

What stands between a pair of nodes is a written edge, or a set of parts: opaque edges, and written
ones whose sum would be far larger than they are. Products with it are sums over its parts.

| later x earlier | what happens | cost |
|---|---|---|
| opaque x structural or trivial | they stay one opaque edge | free |
| joint opaque x structural | applied to the structural edge | k applications |
| opaque x general | applied to it, or written and multiplied | the cheaper one |
| opaque x opaque | one is written, then the same again | the cheapest |

The columns k of a neighbour are its labels on the far side along which it varies; an axis that the
opaque edge ties (a batch axis) needs one application for all its indices. "Joint" edges lead from
the joined operands of an equation to its joined results; they are applied to what is placed into
them at once, so that one application serves all operands or all results.

What is still opaque at the end leads from an input to an output with nothing but moves before and
after it. Writing it is part of evaluating an edge, like computing a slope, and is in no count.
"""

import dataclasses
import enum
import functools
import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, TypeVar

from elimax.interpreter.graph.structure import (
    UNTIED,
    EdgeStructure,
    Kind,
    Shape,
    add,
    multiply,
)

ROUND = 1000
"""Weight of one round of a loop in scalar multiplications, however little it multiplies.

It helps to decide how a product is computed, and is in no count. A pullback runs the loop twice,
once to keep what it needs.
"""

MAX_PARTS = 4
"""Parts between a pair of nodes up to which opaque edges are kept apart; more are summed."""

MAX_WRITTEN_SUM = 1 << 14
"""Entries up to which a sum of two written edges is always written."""

MAX_GROWTH = 8
"""A larger sum is written if it has at most this many times as many entries as its summands."""


class Direction(enum.IntFlag):
    """Which of its two directions an opaque edge can be applied in."""

    NEITHER = 0
    FORWARD = 1
    REVERSE = 2
    BOTH = 3


@dataclasses.dataclass(frozen=True, slots=True)
class OpaqueStructure:
    """Structure of one opaque edge.

    Attributes:
        as_array: What its structure would be if it were written.
        cost: Scalar multiplications of one application to whole arrays.
        direction: Which way it can be applied.
        is_joint: Whether it leads from or to a hidden vertex that joins operands or results.
        rounds: How many rounds of loops one application runs.
    """

    as_array: EdgeStructure
    cost: int
    direction: Direction
    is_joint: bool = False
    rounds: int = 0

    @property
    def columns(self) -> int:
        """Applications that write it forward: entries of the in axes that are not tied."""
        pairs = zip(self.as_array.in_shape, self.as_array.ties, strict=True)
        return math.prod(size for size, tie in pairs if tie == UNTIED)

    @property
    def rows(self) -> int:
        """Applications that write it in reverse: entries of the out axes that are not tied."""
        shape = self.as_array.out_shape
        return math.prod(n for axis, n in enumerate(shape) if axis not in self.as_array.ties)

    @property
    def is_written_forward(self) -> bool:
        """Whether writing it is cheaper forward than in reverse."""
        if self.direction == Direction.BOTH:
            forward = self.price(self.columns, Direction.FORWARD)
            return forward <= self.price(self.rows, Direction.REVERSE)
        return self.direction == Direction.FORWARD

    @property
    def writing_price(self) -> int:
        """Weight of writing it, where ways are compared."""
        if self.is_written_forward:
            return self.price(self.columns, Direction.FORWARD)
        return self.price(self.rows, Direction.REVERSE)

    @property
    def writing_cost(self) -> int:
        """Scalar multiplications of writing it."""
        return self.cost * (self.columns if self.is_written_forward else self.rows)

    def price(self, applications: int, direction: Direction) -> int:
        """Weight, in multiplications, of applications made at once, where ways are compared."""
        loops = 1 if direction == Direction.FORWARD else 2
        return self.cost * applications + ROUND * self.rounds * loops


Part = EdgeStructure | OpaqueStructure


@dataclasses.dataclass(frozen=True, slots=True)
class PairStructure:
    """What stands between a pair of nodes where it is not one written edge.

    Attributes:
        parts: Its summands, sorted: written edges that are kept apart, and opaque edges.
    """

    parts: tuple[Part, ...]

    @property
    def out_shape(self) -> Shape:
        """Shape of the successor."""
        return array_structure(self.parts[0]).out_shape

    @property
    def in_shape(self) -> Shape:
        """Shape of the predecessor."""
        return array_structure(self.parts[0]).in_shape

    @property
    def kind(self) -> Kind:
        """Kind of the only part; a sum is general."""
        return array_structure(self.parts[0]).kind if len(self.parts) == 1 else Kind.GENERAL

    @property
    def carried(self) -> tuple[int, ...]:
        """Labels along which the whole would vary if it were written."""
        return written_structure(self).carried


Structure = EdgeStructure | PairStructure
Payload = TypeVar("Payload")
Member = tuple[Part, Payload]


class Way(enum.Enum):
    """How a product of two parts is computed."""

    MULTIPLY = enum.auto()
    """Both are written: one contraction."""
    COMPOSE = enum.auto()
    """They become one opaque edge."""
    APPLY_LATER = enum.auto()
    """The later one is applied to the columns of the earlier one."""
    APPLY_EARLIER = enum.auto()
    """The transpose of the earlier one is applied to the rows of the later one."""
    WRITE_LATER = enum.auto()
    """The later one is written; then the product of that."""
    WRITE_EARLIER = enum.auto()
    """The earlier one is written; then the product of that."""


class PartProduct(NamedTuple):
    """A product of two parts.

    Attributes:
        structure: Structure of the product.
        all: Scalar multiplications, by +1 and -1 included.
        nontrivial: Scalar multiplications without those.
        way: How it is computed.
        price: What it weighs where ways are compared.
    """

    structure: Part
    all: int
    nontrivial: int
    way: Way
    price: int


class PairProduct(NamedTuple):
    """A product of what stands between two pairs of nodes.

    Attributes:
        structure: Structure of the product.
        all: Scalar multiplications, by +1 and -1 included.
        nontrivial: Scalar multiplications without those.
        price: What it weighs where ways are compared.
    """

    structure: Structure
    all: int
    nontrivial: int
    price: int


def opaque_edge(
    as_array: EdgeStructure,
    cost: int,
    direction: Direction,
    is_joint: bool = False,
    rounds: int = 0,
) -> PairStructure:
    """The structure of an edge that is not written.

    Args:
        as_array: What its structure would be if it were written.
        cost: Scalar multiplications of one application.
        direction: Which way it can be applied.
        is_joint: Whether it joins operands or results.
        rounds: How many rounds of loops one application runs.

    Returns:
        The structure.
    """
    return PairStructure((OpaqueStructure(as_array, cost, direction, is_joint, rounds),))


def parts_of(structure: Structure) -> tuple[Part, ...]:
    """The parts of what stands between a pair of nodes."""
    return (structure,) if isinstance(structure, EdgeStructure) else structure.parts


def of_parts(parts: Iterable[Part]) -> Structure:
    """What stands between a pair of nodes, from its parts in their order."""
    parts = tuple(parts)
    if len(parts) == 1 and isinstance(parts[0], EdgeStructure):
        return parts[0]
    return PairStructure(parts)


def array_structure(part: Part) -> EdgeStructure:
    """The structure of one part as an array."""
    return part if isinstance(part, EdgeStructure) else part.as_array


def stored_values(structure: Structure) -> int:
    """The numbers that an edge of this structure holds, all parts together, as arrays."""
    return sum(math.prod(array_structure(part).carried_shape) for part in parts_of(structure))


def written_structure(structure: Structure) -> EdgeStructure:
    """The structure of the whole as one array."""
    return functools.reduce(add, map(array_structure, parts_of(structure)))


@functools.cache
def product_of(later: Structure, earlier: Structure) -> PairProduct:
    """The structure of J[s, v] J[v, p] and what it costs.

    Args:
        later: Structure of J[s, v].
        earlier: Structure of J[v, p].

    Returns:
        The structure, and the costs of all products of parts together.

    Raises:
        ValueError: If the shapes in the middle differ.
    """
    if isinstance(later, EdgeStructure) and isinstance(earlier, EdgeStructure):
        product = multiply(later, earlier)
        return PairProduct(*product, price=product.nontrivial)
    total: list[Member[None]] = []
    cost_all = cost_nontrivial = price = 0
    for first, second in itertools.product(parts_of(later), parts_of(earlier)):
        product = product_of_parts(first, second)
        cost_all += product.all
        cost_nontrivial += product.nontrivial
        price += product.price
        total = sum_members(total, [(product.structure, None)], _nothing)
    return PairProduct(of_parts(part for part, _ in total), cost_all, cost_nontrivial, price)


@functools.cache
def sum_of(first: Structure, second: Structure) -> Structure:
    """The structure of a sum of edges between the same nodes; it costs no multiplications.

    Args:
        first: Structure of one summand.
        second: Structure of the other.

    Returns:
        The structure of the sum.

    Raises:
        ValueError: If the shapes differ.
    """
    if isinstance(first, EdgeStructure) and isinstance(second, EdgeStructure):
        total = add(first, second)  # refuses different shapes
        if not is_kept_apart(first, second):
            return total
    one, other = ([(part, None) for part in parts_of(x)] for x in (first, second))
    return of_parts(part for part, _ in sum_members(one, other, _nothing))


def _nothing(structure: Part, first: Member[None], second: Member[None]) -> None:
    del structure, first, second


def sum_members(
    first: Sequence[Member[Payload]],
    second: Sequence[Member[Payload]],
    combine: Callable[[Part, Member[Payload], Member[Payload]], Payload],
) -> list[Member[Payload]]:
    """Adds up parts with what belongs to each: nothing, or its value.

    Written parts are added to one another, unless their sum would be much larger than they are
    because ties are broken. Opaque ones are kept apart while there are at most `MAX_PARTS` parts.

    Args:
        first: Parts of one summand.
        second: Parts of the other.
        combine: What belongs to the sum of two parts, called with its structure and the two.

    Returns:
        The parts of the sum, sorted.
    """
    total = list(first)
    for member in second:
        place = next((k for k, x in enumerate(total) if _is_added(x[0], member[0])), None)
        if place is None:
            total.append(member)
        else:
            total[place] = _combined(total[place], member, combine)
    total.sort(key=lambda member: sort_key(member[0]))
    while (pair := _mergeable([part for part, _ in total])) is not None:
        one, other = (total[k] for k in pair)
        total = [x for k, x in enumerate(total) if k not in pair]
        total.append(_combined(one, other, combine))
        total.sort(key=lambda member: sort_key(member[0]))
    return total


def _combined(
    first: Member[Payload],
    second: Member[Payload],
    combine: Callable[[Part, Member[Payload], Member[Payload]], Payload],
) -> Member[Payload]:
    one, other = first[0], second[0]
    if isinstance(one, OpaqueStructure) and isinstance(other, OpaqueStructure):
        structure = _merged(one, other)
    else:
        structure = add(array_structure(one), array_structure(other))
    return structure, combine(structure, first, second)


def _is_added(first: Part, second: Part) -> bool:
    """Whether two parts are written and become one."""
    if isinstance(first, OpaqueStructure) or isinstance(second, OpaqueStructure):
        return False
    return not is_kept_apart(first, second)


def is_kept_apart(first: EdgeStructure, second: EdgeStructure) -> bool:
    """Whether a sum of two written edges is so much larger than they are that it is not written."""
    size = math.prod(add(first, second).carried_shape)
    summands = math.prod(first.carried_shape) + math.prod(second.carried_shape)
    return size > MAX_WRITTEN_SUM and size > MAX_GROWTH * summands


def _mergeable(parts: Sequence[Part]) -> tuple[int, int] | None:
    """The first two parts that can be summed, if there are too many: written, or one direction."""
    if len(parts) <= MAX_PARTS:
        return None
    for i, j in itertools.combinations(range(len(parts)), 2):
        one, other = parts[i], parts[j]
        if isinstance(one, OpaqueStructure) and isinstance(other, OpaqueStructure):
            if one.direction & other.direction:
                return i, j
        elif isinstance(one, EdgeStructure) and isinstance(other, EdgeStructure):
            return i, j
    return None


def _merged(first: OpaqueStructure, second: OpaqueStructure) -> OpaqueStructure:
    """The sum of two opaque edges as one; each application applies both."""
    return OpaqueStructure(
        add(first.as_array, second.as_array),
        first.cost + second.cost,
        Direction(first.direction & second.direction),
        first.is_joint and second.is_joint,
        first.rounds + second.rounds,
    )


@functools.cache
def product_of_parts(later: Part, earlier: Part) -> PartProduct:
    """The structure of a product of two parts, what it costs and how it is computed.

    Args:
        later: The part of J[s, v].
        earlier: The part of J[v, p].

    Returns:
        The product.

    Raises:
        ValueError: If the shapes in the middle differ, or neither can be applied in any direction.
    """
    if isinstance(later, EdgeStructure) and isinstance(earlier, EdgeStructure):
        return _multiplied(later, earlier)
    if _is_composed(later, earlier):
        return PartProduct(_composed(later, earlier), 0, 0, Way.COMPOSE, 0)
    structure = multiply(array_structure(later), array_structure(earlier)).structure
    ways = []
    if isinstance(later, OpaqueStructure):
        if isinstance(earlier, EdgeStructure) and later.direction & Direction.FORWARD:
            columns = columns_through(later, earlier)
            cost, price = later.cost * columns, later.price(columns, Direction.FORWARD)
            ways.append(PartProduct(structure, cost, cost, Way.APPLY_LATER, price))
        if later.direction:
            ways.append(_after_writing(later, later.as_array, earlier, Way.WRITE_LATER))
    if isinstance(earlier, OpaqueStructure):
        if isinstance(later, EdgeStructure) and earlier.direction & Direction.REVERSE:
            rows = rows_through(later, earlier)
            cost, price = earlier.cost * rows, earlier.price(rows, Direction.REVERSE)
            ways.append(PartProduct(structure, cost, cost, Way.APPLY_EARLIER, price))
        if earlier.direction:
            ways.append(_after_writing(earlier, later, earlier.as_array, Way.WRITE_EARLIER))
    if not ways:
        raise ValueError(
            "cannot multiply edge Jacobians: an opaque edge can be applied in neither direction"
        )
    return min(ways, key=lambda product: (product.price, product.nontrivial, product.all))


def _multiplied(later: EdgeStructure, earlier: EdgeStructure) -> PartProduct:
    structure, cost_all, cost_nontrivial = multiply(later, earlier)
    return PartProduct(structure, cost_all, cost_nontrivial, Way.MULTIPLY, cost_nontrivial)


def _after_writing(written: OpaqueStructure, later: Part, earlier: Part, way: Way) -> PartProduct:
    """What it costs to write one of two parts first."""
    product = product_of_parts(later, earlier)
    cost, price = written.writing_cost, product.price + written.writing_price
    return PartProduct(product.structure, product.all + cost, product.nontrivial + cost, way, price)


def _is_composed(later: Part, earlier: Part) -> bool:
    """Whether a product with at least one opaque part stays opaque."""
    if isinstance(later, OpaqueStructure) and isinstance(earlier, OpaqueStructure):
        is_moved = min(later.as_array.kind, earlier.as_array.kind) != Kind.GENERAL
        return is_moved and bool(later.direction & earlier.direction)
    opaque, other, needed = (
        (later, earlier, Direction.FORWARD)
        if isinstance(later, OpaqueStructure)
        else (earlier, later, Direction.REVERSE)
    )
    assert isinstance(opaque, OpaqueStructure) and isinstance(other, EdgeStructure)
    # A joint edge is applied instead, so that one application serves all operands or results.
    return other.kind != Kind.GENERAL and not (opaque.is_joint and opaque.direction & needed)


def _composed(later: Part, earlier: Part) -> OpaqueStructure:
    """One opaque edge for both; it costs what they cost."""
    opaque = [x for x in (later, earlier) if isinstance(x, OpaqueStructure)]
    direction = functools.reduce(lambda x, y: x & y, (x.direction for x in opaque))
    return OpaqueStructure(
        multiply(array_structure(later), array_structure(earlier)).structure,
        sum(x.cost for x in opaque),
        Direction(direction),
        any(x.is_joint for x in opaque),
        sum(x.rounds for x in opaque),
    )


def columns_through(later: OpaqueStructure, earlier: EdgeStructure) -> int:
    """Applications of a function to the columns of a written edge.

    Args:
        later: The function.
        earlier: The edge.

    Returns:
        The number of different columns: in axes along which the edge varies, or that it ties to an
        axis that the function does not tie.
    """
    rank, ties = len(earlier.out_shape), later.as_array.ties
    return math.prod(
        size
        for axis, (size, tie) in enumerate(zip(earlier.in_shape, earlier.ties, strict=True))
        if (rank + axis in earlier.carried if tie == UNTIED else ties[tie] == UNTIED)
    )


def rows_through(later: EdgeStructure, earlier: OpaqueStructure) -> int:
    """Applications of a transposed function to the rows of a written edge.

    Args:
        later: The edge.
        earlier: The function.

    Returns:
        The number of different rows.
    """
    tied = earlier.as_array.ties
    return math.prod(
        size
        for axis, size in enumerate(later.out_shape)
        if (later.ties.index(axis) not in tied if axis in later.ties else axis in later.carried)
    )


def sort_key(part: Part) -> tuple[object, ...]:
    """A total order of the parts between two nodes: written ones first."""
    array = array_structure(part)
    own = (
        (0,)
        if isinstance(part, EdgeStructure)
        else (1, part.cost, part.direction, part.is_joint, part.rounds)
    )
    return (*own[:1], array.ties, array.carried, int(array.kind), *own[1:])
