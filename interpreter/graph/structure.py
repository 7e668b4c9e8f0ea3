"""The counting rule: structures of edge Jacobians, their products and their sums.

An edge Jacobian J[out axes; in axes] is stored as labels and a value. Every axis carries a label;
an out axis and an in axis that share one are *tied* (a Kronecker delta). The value is an array over
the *carried* labels and is constant along the others. Everything that costs, in the game, in the
searchers and in the interpreter, is decided here and nowhere else.

Labels are integers: out axis i has label i, and in axis j has label `len(out_shape) + j`, or the
label of the out axis that it is tied to. Axes of size one are neither tied nor carried: they cost
nothing, and leaving them out keeps the number of distinct structures small.

Source: elimination after Griewank & Walther, Evaluating Derivatives (2nd ed., 2008), chapter 9;
the array form follows the mathematics of Lohoff & Neftci (NeurIPS 2024), section 3.
"""

import dataclasses
import enum
import functools
import math
from collections.abc import Iterable
from typing import Literal, NamedTuple

Shape = tuple[int, ...]

UNTIED = -1

Count = Literal["all", "nontrivial"]
"""Which scalar multiplications are counted: all, or those that are not by +1 or -1."""


Objective = Literal["all", "nontrivial", "price"]
"""What an order is to have little of: multiplications, or its price (`graph.price`)."""


def check_count(count: str) -> None:
    """Refuses a count that is neither of the two.

    Args:
        count: What a user gave.

    Raises:
        ValueError: If it is not "all" or "nontrivial".
    """
    if count not in ("all", "nontrivial"):
        raise ValueError(f"count is {count!r} but must be 'all' or 'nontrivial'")


def check_objective(objective: str) -> None:
    """Refuses what is neither a count nor the price.

    Args:
        objective: What a user gave.

    Raises:
        ValueError: If it is not "all", "nontrivial" or "price".
    """
    if objective not in ("all", "nontrivial", "price"):
        raise ValueError(f"count is {objective!r} but must be 'all', 'nontrivial' or 'price'")


class Kind(enum.IntEnum):
    """What multiplying by an edge Jacobian costs; set by the primitive, never by the value.

    STRUCTURAL: a 0/1 pattern that no float decides (broadcast, slice, reduce_sum, ...); free.
    TRIVIAL: constant +1 or -1 (add, sub, neg); free when ones are skipped, else paid for.
    GENERAL: everything else, other constants and data-dependent masks included.
    """

    STRUCTURAL = 0
    TRIVIAL = 1
    GENERAL = 2


@dataclasses.dataclass(frozen=True, slots=True)
class EdgeStructure:
    """Shape, ties and carried labels of one edge Jacobian.

    Attributes:
        out_shape: Shape of the successor vertex.
        in_shape: Shape of the predecessor vertex.
        ties: For each in axis the out axis that it is tied to, or `UNTIED`.
        carried: Sorted labels along which the value varies.
        kind: What a product with it costs.
    """

    out_shape: Shape
    in_shape: Shape
    ties: tuple[int, ...]
    carried: tuple[int, ...]
    kind: Kind

    @property
    def in_labels(self) -> tuple[int, ...]:
        """The label of every in axis."""
        rank = len(self.out_shape)
        return tuple(rank + j if tie == UNTIED else tie for j, tie in enumerate(self.ties))

    @property
    def labels(self) -> tuple[int, ...]:
        """All labels, sorted: out axes first, then the in axes that are not tied."""
        rank = len(self.out_shape)
        return (*range(rank), *(label for label in self.in_labels if label >= rank))

    def size(self, label: int) -> int:
        """Number of entries along a label."""
        rank = len(self.out_shape)
        return self.out_shape[label] if label < rank else self.in_shape[label - rank]

    @property
    def carried_shape(self) -> Shape:
        """Shape of the value array, one axis per carried label."""
        return tuple(self.size(label) for label in self.carried)


def edge_structure(
    out_shape: Shape,
    in_shape: Shape,
    ties: Iterable[int],
    carried: Iterable[int],
    kind: Kind,
) -> EdgeStructure:
    """Builds a structure in canonical form.

    Axes of size one lose their ties, and no label of size one is carried.

    Args:
        out_shape: Shape of the successor vertex.
        in_shape: Shape of the predecessor vertex.
        ties: For each in axis the out axis that it is tied to, or `UNTIED`.
        carried: Labels along which the value varies, in any order; duplicates are dropped.
        kind: What a product with it costs.

    Returns:
        The structure; equal structures compare and hash equal.
    """
    kept = tuple(UNTIED if in_shape[j] == 1 else tie for j, tie in enumerate(ties))
    rank = len(out_shape)
    sizes = (*out_shape, *in_shape)
    # A tied in axis is addressed by the label of its out axis.
    resolved = {
        kept[label - rank] if label >= rank and kept[label - rank] != UNTIED else label
        for label in carried
    }
    return EdgeStructure(
        tuple(out_shape),
        tuple(in_shape),
        kept,
        tuple(sorted(label for label in resolved if sizes[label] != 1)),
        kind,
    )


class Product(NamedTuple):
    """Structure of a product of two edge Jacobians and what it costs.

    Attributes:
        structure: Structure of the product.
        all: Scalar multiplications, with +1 and -1 paid for like any other value.
        nontrivial: Scalar multiplications when products with +1 and -1 are skipped.
    """

    structure: EdgeStructure
    all: int
    nontrivial: int


class Unification(NamedTuple):
    """Common labels of the two factors of a product.

    Labels of the product keep their numbers; the label of a middle axis that is contracted is
    `contracted_offset + axis`.

    Attributes:
        ties: Ties of the product.
        later: Label of each of the later factor's labels, by label number.
        earlier: Label of each of the earlier factor's labels, by label number.
        contracted_offset: Labels from here on are summed over.
    """

    ties: tuple[int, ...]
    later: dict[int, int]
    earlier: dict[int, int]
    contracted_offset: int


@functools.cache
def unify(later: EdgeStructure, earlier: EdgeStructure) -> Unification:
    """Names the labels of `later @ earlier` in common terms.

    Example: later has out (a), in (a) tied and earlier has out (m), in (k). The middle axis is a
    and m at once, so the product has out (a), in (k), and nothing is contracted.

    Args:
        later: Structure of J[s, v].
        earlier: Structure of J[v, p].

    Returns:
        The common labels.

    Raises:
        ValueError: If the middle shapes differ.
    """
    if later.in_shape != earlier.out_shape:
        raise ValueError(
            f"cannot multiply edge Jacobians: the later one reads shape {later.in_shape}, "
            f"the earlier one writes shape {earlier.out_shape}"
        )
    out_rank, middle_rank = len(later.out_shape), len(earlier.out_shape)
    offset = out_rank + len(earlier.in_shape)
    # A middle axis gets the label of the out axis or in axis of the product that a factor ties it
    # to; if both do, these two are tied in the product. An axis without either is summed over.
    in_axis_of = {tie: j for j, tie in enumerate(earlier.ties) if tie != UNTIED}
    middle = {}
    for axis, tie in enumerate(later.ties):
        if tie != UNTIED:
            middle[axis] = tie
        elif axis in in_axis_of:
            middle[axis] = out_rank + in_axis_of[axis]
        else:
            middle[axis] = offset + axis
    ties = tuple(UNTIED if tie == UNTIED else later.ties[tie] for tie in earlier.ties)
    later_names = {axis: axis for axis in range(out_rank)}
    later_names |= {out_rank + axis: middle[axis] for axis in range(middle_rank)}
    earlier_names = dict(middle)
    earlier_names |= {middle_rank + j: out_rank + j for j in range(len(earlier.in_shape))}
    return Unification(ties, later_names, earlier_names, offset)


@functools.cache
def multiply(later: EdgeStructure, earlier: EdgeStructure) -> Product:
    """The structure of J[s, v] J[v, p] and its cost in scalar multiplications.

    A product with a structural factor is free. Otherwise it costs the product of the sizes of all
    labels that either value carries, except that a contracted label which only one of them carries
    is summed first. In the count `all` a trivial factor is treated as if it carried a value along
    all its labels; in `nontrivial` it is free.

    Args:
        later: Structure of J[s, v].
        earlier: Structure of J[v, p].

    Returns:
        The product's structure and both costs.
    """
    names = unify(later, earlier)
    later_carried = {names.later[label] for label in later.carried}
    earlier_carried = {names.earlier[label] for label in earlier.carried}
    structure = edge_structure(
        later.out_shape,
        earlier.in_shape,
        names.ties,
        {x for x in later_carried | earlier_carried if x < names.contracted_offset},
        max(later.kind, earlier.kind),
    )
    if Kind.STRUCTURAL in (later.kind, earlier.kind):
        return Product(structure, 0, 0)
    cost_all = _cost(
        later,
        earlier,
        names,
        _paid_labels(later, names.later),
        _paid_labels(earlier, names.earlier),
    )
    if Kind.TRIVIAL in (later.kind, earlier.kind):
        return Product(structure, cost_all, 0)
    return Product(structure, cost_all, cost_all)


def _paid_labels(structure: EdgeStructure, names: dict[int, int]) -> set[int]:
    # In the count `all` the ones of a trivial factor are paid for wherever they stand.
    labels = structure.labels if structure.kind == Kind.TRIVIAL else structure.carried
    return {names[label] for label in labels}


def _cost(
    later: EdgeStructure,
    earlier: EdgeStructure,
    names: Unification,
    later_labels: set[int],
    earlier_labels: set[int],
) -> int:
    sizes = {names.later[label]: later.size(label) for label in later.labels}
    sizes |= {names.earlier[label]: earlier.size(label) for label in earlier.labels}
    summed_first = {x for x in later_labels ^ earlier_labels if x >= names.contracted_offset}
    return math.prod(sizes[x] for x in (later_labels | earlier_labels) - summed_first)


@functools.cache
def add(first: EdgeStructure, second: EdgeStructure) -> EdgeStructure:
    """The structure of the sum of two edge Jacobians between the same vertices.

    It is general. A tie stays only where both have it, and a broken tie makes both its labels
    carried. It carries what either carries.

    Args:
        first: Structure of one summand.
        second: Structure of the other.

    Returns:
        The structure of the sum.

    Raises:
        ValueError: If the shapes differ.
    """
    if (first.out_shape, first.in_shape) != (second.out_shape, second.in_shape):
        raise ValueError(
            f"cannot add edge Jacobians of shapes {first.out_shape + first.in_shape} and "
            f"{second.out_shape + second.in_shape}"
        )
    rank = len(first.out_shape)
    ties, carried = [], {*first.carried, *second.carried}
    for j, (tie, other) in enumerate(zip(first.ties, second.ties, strict=True)):
        ties.append(tie if tie == other else UNTIED)
        if tie != other:
            carried |= {x for x in (tie, other) if x != UNTIED} | {rank + j}
    return edge_structure(first.out_shape, first.in_shape, ties, carried, Kind.GENERAL)
