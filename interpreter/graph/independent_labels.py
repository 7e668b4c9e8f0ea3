"""Written edges for the second counter: labels, their products and their sums.

The counting rule is stated here for a second time, on purpose, and shares nothing with `structure`
but the edges of a graph as data.

An edge Jacobian is a list of labels for its out axes, one for its in axes, and the set of labels
along which its value varies. A label is a number that stands for one index; two axes with one
label have equal indices wherever the Jacobian is not zero. Multiplying means that the middle axes
of both factors are the same indices, so their labels are merged.
"""

import itertools
import math
from collections.abc import Iterable
from typing import NamedTuple

from elimax.interpreter.graph.structure import EdgeStructure


class IndependentCount(NamedTuple):
    """What a product, or an order, costs according to the second counter.

    Attributes:
        all: Scalar multiplications, those by +1 and -1 included.
        nontrivial: Scalar multiplications without those by +1 and -1.
    """

    all: int
    nontrivial: int

    def plus(self, other: "IndependentCount") -> "IndependentCount":
        """The sum of two counts, entry by entry."""
        return IndependentCount(self.all + other.all, self.nontrivial + other.nontrivial)


FREE = IndependentCount(0, 0)


class Names:
    """All labels of one count.

    Attributes:
        size: Number of entries along every label.
    """

    def __init__(self) -> None:
        """Starts without labels."""
        self._numbers = itertools.count()
        self.size: dict[int, int] = {}

    def new(self, length: int) -> int:
        """A new label.

        Args:
            length: Number of entries along it.

        Returns:
            The label.
        """
        name = next(self._numbers)
        self.size[name] = length
        return name

    def entries(self, labels: Iterable[int]) -> int:
        """Number of entries of an array over some labels.

        Args:
            labels: The labels.

        Returns:
            The product of their sizes.
        """
        return math.prod(self.size[x] for x in labels)


class Labelled(NamedTuple):
    """A written edge.

    Attributes:
        out: Label of every out axis.
        into: Label of every in axis.
        varying: Labels along which the value varies.
        kind: Name of the kind.
    """

    out: tuple[int, ...]
    into: tuple[int, ...]
    varying: frozenset[int]
    kind: str

    @property
    def paid(self) -> frozenset[int]:
        """Labels that a product has to run over: a constant +1 or -1 counts everywhere."""
        return frozenset(self.out + self.into) if self.kind == "TRIVIAL" else self.varying


def labelled(edge: EdgeStructure, names: Names) -> Labelled:
    """Reads an edge of a graph.

    Args:
        edge: The edge; its labels are numbered, out axes first, then in axes.
        names: All labels so far.

    Returns:
        The edge with new labels.
    """
    out = tuple(map(names.new, edge.out_shape))
    into = tuple(
        out[tie] if tie >= 0 else names.new(n)
        for n, tie in zip(edge.in_shape, edge.ties, strict=True)
    )
    varying = frozenset((out + into)[label] for label in edge.carried)
    return Labelled(out, into, varying, edge.kind.name)


class Merged(NamedTuple):
    """Two factors whose middle axes have the same labels.

    Attributes:
        later: The later factor.
        earlier: The earlier one.
    """

    later: Labelled
    earlier: Labelled


def merged(later: Labelled, earlier: Labelled, names: Names) -> Merged:
    """Merges the labels of the middle axes.

    Args:
        later: The edge of J[s, v].
        earlier: The edge of J[v, p].
        names: All labels so far.

    Returns:
        Both edges, renamed.
    """
    # Edges may share labels by accident, because products inherit them: each factor gets its own.
    later, earlier = _renamed(later, names), _renamed(earlier, names)
    leader: dict[int, int] = {}

    def find(label: int) -> int:
        while label in leader:
            label = leader[label]
        return label

    for one, other in zip(later.into, earlier.out, strict=True):
        if find(one) != find(other):
            leader[find(one)] = find(other)
    return Merged(*(_mapped(x, find) for x in (later, earlier)))


def product(later: Labelled, earlier: Labelled, names: Names) -> tuple[Labelled, IndependentCount]:
    """The product of two written edges, and the entries that are multiplied.

    Args:
        later: The edge of J[s, v].
        earlier: The edge of J[v, p].
        names: All labels so far.

    Returns:
        The product and its cost.
    """
    later, earlier = merged(later, earlier, names)
    visible = {*later.out, *earlier.into}
    kinds = {later.kind, earlier.kind}
    kind = next(k for k in ("GENERAL", "TRIVIAL", "STRUCTURAL") if k in kinds)
    varying = frozenset((later.varying | earlier.varying) & visible)
    result = Labelled(later.out, earlier.into, varying, kind)
    if "STRUCTURAL" in kinds:
        return result, FREE
    left, right = later.paid, earlier.paid
    # A sum over an index that one factor does not depend on is taken before multiplying.
    cost = names.entries(x for x in left | right if x in visible or x in left & right)
    return result, IndependentCount(cost, 0 if "TRIVIAL" in kinds else cost)


def total(first: Labelled, second: Labelled, names: Names) -> Labelled:
    """The sum: it keeps ties that both have; where only one has a tie, it varies along both axes.

    Args:
        first: One summand.
        second: The other.
        names: All labels so far.

    Returns:
        The sum.
    """
    out = [names.new(names.size[x]) for x in first.out]
    into = [names.new(names.size[x]) for x in first.into]
    varying = set()
    for given in (first, second):
        varying |= {mine for mine, x in zip(out, given.out, strict=True) if x in given.varying}
        varying |= {mine for mine, x in zip(into, given.into, strict=True) if x in given.varying}
    for i, j in itertools.product(range(len(out)), range(len(into))):
        ties = [given.out[i] == given.into[j] for given in (first, second)]
        if all(ties):
            varying = {out[i] if x == into[j] else x for x in varying}
            into[j] = out[i]
        elif any(ties):
            varying |= {out[i], into[j]}
    return Labelled(tuple(out), tuple(into), frozenset(varying), "GENERAL")


def _mapped(edge: Labelled, find) -> Labelled:
    return Labelled(
        tuple(map(find, edge.out)),
        tuple(map(find, edge.into)),
        frozenset(map(find, edge.varying)),
        edge.kind,
    )


def _renamed(edge: Labelled, names: Names) -> Labelled:
    own = {x: names.new(names.size[x]) for x in {*edge.out, *edge.into}}
    return _mapped(edge, own.__getitem__)
