"""Opaque edges for the second counter: when they are applied, composed or written, and the price.

What `pair_structure` decides is stated here a second time. An opaque edge is a function: what it
would be as an array, what one application costs, and in which directions it goes. Between two nodes
stand several parts, written ones and functions, as a list in one fixed order.

A function is applied once for every column that it meets: for every index along which its neighbour
varies, or is tied to a middle axis, on the far side, unless the product ties that index to the near
side as well. Of all ways to multiply two parts the one with the lowest price is taken: what it
multiplies, plus the weight of the rounds of loops, which run twice in a pullback.
"""

import itertools
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from elimax.interpreter.graph.independent_labels import (
    FREE,
    IndependentCount,
    Labelled,
    Names,
    labelled,
    merged,
    product,
    total,
)
from elimax.interpreter.graph.pair_structure import (
    MAX_GROWTH,
    MAX_PARTS,
    MAX_WRITTEN_SUM,
    ROUND,
    PairStructure,
    Structure,
)
from elimax.interpreter.graph.structure import EdgeStructure

KINDS = ("STRUCTURAL", "TRIVIAL", "GENERAL")


class Function(NamedTuple):
    """An opaque edge.

    Attributes:
        array: What it would be if it were written.
        cost: Scalar multiplications of one application.
        goes_forward: Whether it maps tangents.
        goes_back: Whether it maps cotangents.
        is_joint: Whether it joins operands or results.
        rounds: How many rounds of loops one application runs.
    """

    array: Labelled
    cost: int
    goes_forward: bool
    goes_back: bool
    is_joint: bool
    rounds: int


Part = Labelled | Function
Parts = list[Part]


class Priced(NamedTuple):
    """A product of two parts.

    Attributes:
        part: The product.
        cost: What it multiplies.
        price: What it weighs where ways are compared.
    """

    part: Part
    cost: IndependentCount
    price: int


def parts_of(edge: Structure, names: Names) -> Parts:
    """Reads what stands between two nodes of a graph.

    Args:
        edge: A structure.
        names: All labels so far.

    Returns:
        Its parts.
    """
    if isinstance(edge, EdgeStructure):
        return [labelled(edge, names)]
    assert isinstance(edge, PairStructure)
    return [
        labelled(part, names)
        if isinstance(part, EdgeStructure)
        else Function(
            labelled(part.as_array, names),
            part.cost,
            "FORWARD" in _flags(part.direction),
            "REVERSE" in _flags(part.direction),
            part.is_joint,
            part.rounds,
        )
        for part in edge.parts
    ]


def _flags(direction) -> set[str]:
    return {flag.name for flag in direction}


def product_of_lists(later: Parts, earlier: Parts, names: Names) -> tuple[Parts, IndependentCount]:
    """Every part times every part.

    Args:
        later: Parts of J[s, v].
        earlier: Parts of J[v, p].
        names: All labels so far.

    Returns:
        The parts of the product and what it costs.
    """
    result: Parts = []
    paid = FREE
    for one, other in itertools.product(later, earlier):
        part, cost, _ = cheapest(one, other, names)
        paid = paid.plus(cost)
        result = sum_of_lists(result, [part], names)
    return result, paid


def cheapest(later: Part, earlier: Part, names: Names) -> Priced:
    """The product of two parts.

    Args:
        later: A part of J[s, v].
        earlier: A part of J[v, p].
        names: All labels so far.

    Returns:
        The product.
    """
    if isinstance(later, Labelled) and isinstance(earlier, Labelled):
        part, cost = product(later, earlier, names)
        return Priced(part, cost, cost.nontrivial)
    if _is_one_function(later, earlier):
        return Priced(_one_function(later, earlier, names), FREE, 0)
    ways = _ways(later, earlier, names)
    return min(ways, key=lambda way: (way.price, way.cost.nontrivial, way.cost.all))


def _ways(later: Part, earlier: Part, names: Names) -> Iterator[Priced]:
    """Every other way to multiply two parts, of which at least one is a function."""
    near, far = merged(_array(later), _array(earlier), names)
    middle = {*near.into, *far.out}
    result = product(_array(later), _array(earlier), names)[0]
    if isinstance(later, Function):
        if isinstance(earlier, Labelled) and later.goes_forward:
            columns = {x for x in far.into if x in far.varying | middle} - {*near.out}
            yield Priced(result, *_applications(later, columns, names, runs=1))
        if later.goes_forward or later.goes_back:
            yield _after(_writing(later, names), cheapest(later.array, earlier, names))
    if isinstance(earlier, Function):
        if isinstance(later, Labelled) and earlier.goes_back:
            rows = {x for x in near.out if x in near.varying | middle} - {*far.into}
            yield Priced(result, *_applications(earlier, rows, names, runs=2))
        if earlier.goes_forward or earlier.goes_back:
            yield _after(_writing(earlier, names), cheapest(later, earlier.array, names))


def _after(writing: tuple[IndependentCount, int], rest: Priced) -> Priced:
    cost, price = writing
    return Priced(rest.part, rest.cost.plus(cost), rest.price + price)


def _applications(
    function: Function, labels: Iterable[int], names: Names, *, runs: int
) -> tuple[IndependentCount, int]:
    """What the applications of a function cost, and their price if its loops run `runs` times."""
    cost = function.cost * names.entries(labels)
    return IndependentCount(cost, cost), cost + runs * function.rounds * ROUND


def _writing(function: Function, names: Names) -> tuple[IndependentCount, int]:
    """What it costs to write a function: one unit vector for each index that is not tied."""
    out, into = {*function.array.out}, {*function.array.into}
    sides = []
    if function.goes_forward:
        sides.append(_applications(function, into - out, names, runs=1))
    if function.goes_back:
        sides.append(_applications(function, out - into, names, runs=2))
    return min(sides, key=lambda side: side[1])


def _is_one_function(later: Part, earlier: Part) -> bool:
    """Whether two parts become one function: one that only moves entries costs nothing."""
    if isinstance(later, Function) and isinstance(earlier, Function):
        can_be = later.goes_forward and earlier.goes_forward
        can_be |= later.goes_back and earlier.goes_back
        return can_be and not (later.array.kind == earlier.array.kind == "GENERAL")
    if isinstance(later, Function):
        assert isinstance(earlier, Labelled)
        return earlier.kind != "GENERAL" and not (later.is_joint and later.goes_forward)
    assert isinstance(later, Labelled) and isinstance(earlier, Function)
    return later.kind != "GENERAL" and not (earlier.is_joint and earlier.goes_back)


def _one_function(later: Part, earlier: Part, names: Names) -> Function:
    functions = [x for x in (later, earlier) if isinstance(x, Function)]
    return Function(
        product(_array(later), _array(earlier), names)[0],
        sum(x.cost for x in functions),
        all(x.goes_forward for x in functions),
        all(x.goes_back for x in functions),
        any(x.is_joint for x in functions),
        sum(x.rounds for x in functions),
    )


def sum_of_lists(first: Parts, second: Parts, names: Names) -> Parts:
    """All parts of both, joined as far as the rule asks for.

    A written part is added to the first written one whose sum with it does not blow up. While there
    are too many parts, the first two that can be joined are.

    Args:
        first: Parts of one summand.
        second: Parts of the other.
        names: All labels so far.

    Returns:
        The parts of the sum, in their order.
    """
    result = list(first)
    for part in second:
        for k, known in enumerate(result):
            if isinstance(known, Labelled) and isinstance(part, Labelled):
                both = total(known, part, names)
                if not _blows_up(both, known, part, names):
                    result[k] = both
                    break
        else:
            result.append(part)
    result = _in_order(result, names)
    while len(result) > MAX_PARTS:
        pairs = itertools.combinations(range(len(result)), 2)
        pair = next((x for x in pairs if _can_be_one(*(result[k] for k in x))), None)
        if pair is None:
            break
        one = _as_one(*(result[k] for k in pair), names)
        result = _in_order([x for k, x in enumerate(result) if k not in pair] + [one], names)
    return result


def _blows_up(both: Labelled, one: Labelled, other: Labelled, names: Names) -> bool:
    size, before = (
        sum(names.entries(x.varying) for x in parts) for parts in ([both], [one, other])
    )
    return size > MAX_WRITTEN_SUM and size > MAX_GROWTH * before


def _can_be_one(one: Part, other: Part) -> bool:
    if isinstance(one, Function) and isinstance(other, Function):
        forward = one.goes_forward and other.goes_forward
        return forward or (one.goes_back and other.goes_back)
    return isinstance(one, Labelled) and isinstance(other, Labelled)


def _as_one(one: Part, other: Part, names: Names) -> Part:
    both = total(_array(one), _array(other), names)
    if isinstance(one, Labelled) or isinstance(other, Labelled):
        return both
    return Function(
        both,
        one.cost + other.cost,
        one.goes_forward and other.goes_forward,
        one.goes_back and other.goes_back,
        one.is_joint and other.is_joint,
        one.rounds + other.rounds,
    )


def _array(part: Part) -> Labelled:
    return part if isinstance(part, Labelled) else part.array


def _in_order(parts: Parts, names: Names) -> Parts:
    """Written parts before functions; then by ties, varying axes, kind and what they cost."""
    return sorted(parts, key=lambda part: _key(part, names))


def _key(part: Part, names: Names) -> tuple[object, ...]:
    array = _array(part)
    ties = tuple(array.out.index(x) if x in array.out else -1 for x in array.into)
    axes = {x: k for k, x in reversed([*enumerate(array.out + array.into)])}
    varying = tuple(sorted(axes[x] for x in array.varying if names.size[x] != 1))
    shape = (ties, varying, KINDS.index(array.kind))
    if isinstance(part, Labelled):
        return (0, *shape)
    direction = part.goes_forward + 2 * part.goes_back
    return (1, *shape, part.cost, direction, part.is_joint, part.rounds)
