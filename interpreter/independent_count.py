"""A second counter of multiplications, slow and obvious, that shares nothing with the first.

The counting rule is stated here for a second time, on purpose: `structure` decides what an order
costs, and what is written to disk is compared with what this module says. It therefore uses
neither products nor sums of `structure`, nor `elimination`, only the edges of a graph as data.

An edge Jacobian is a list of labels for its out axes, one for its in axes, and the set of labels
along which its value varies. A label is a number that stands for one index; two axes with one
label have equal indices wherever the Jacobian is not zero. Multiplying means that the middle axes
of both factors are the same indices, so their labels are merged.

Source: elimination after Griewank & Walther, Evaluating Derivatives (2nd ed., 2008), chapter 9.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from interpreter.counting import count_multiplications
from interpreter.elimination import MultiplicationCount
from interpreter.errors import CountMismatchError
from interpreter.graph import ComputationalGraph
from interpreter.order import EliminationOrder, check_order
from interpreter.structure import EdgeStructure


class IndependentCount(NamedTuple):
    """What an order costs according to the second counter.

    Attributes:
        all: Scalar multiplications, those by +1 and -1 included.
        nontrivial: Scalar multiplications without those by +1 and -1.
    """

    all: int
    nontrivial: int


def count_independently(
    graph: ComputationalGraph, order: EliminationOrder | Sequence[int]
) -> IndependentCount:
    """Counts the scalar multiplications of a whole elimination in a second way.

    Args:
        graph: The graph.
        order: An order of all its eliminable vertices.

    Returns:
        Both counts of multiplications.

    Raises:
        InvalidOrderError: If the order does not fit the graph.
    """
    names = itertools.count()
    size: dict[int, int] = {}
    jacobians = {
        pair: _labelled(edge, graph.node_shapes[pair[1]], graph.node_shapes[pair[0]], names, size)
        for pair, edge in graph.edges.items()
    }
    paid_all = paid_nontrivial = 0
    for vertex in check_order(graph, order):
        v = graph.node(vertex)
        incoming = {p: jacobian for (p, s), jacobian in jacobians.items() if s == v}
        outgoing = {s: jacobian for (p, s), jacobian in jacobians.items() if p == v}
        for (p, earlier), (s, later) in itertools.product(incoming.items(), outgoing.items()):
            product, cost = _product(later, earlier, names, size)
            paid_all += cost.all
            paid_nontrivial += cost.nontrivial
            if (p, s) in jacobians:
                product = _sum(jacobians[p, s], product, names, size)
            jacobians[p, s] = product
        for s in outgoing:
            del jacobians[v, s]
        if v not in graph.outputs:
            for p in incoming:
                del jacobians[p, v]
    return IndependentCount(paid_all, paid_nontrivial)


def verified_count(
    graph: ComputationalGraph, order: EliminationOrder | Sequence[int]
) -> MultiplicationCount:
    """Counts an order in both ways and insists that they agree.

    Args:
        graph: The graph.
        order: An order of all its eliminable vertices.

    Returns:
        What `count_multiplications` says.

    Raises:
        InvalidOrderError: If the order does not fit the graph.
        CountMismatchError: If the two counters disagree.
    """
    count = count_multiplications(graph, order)
    second = count_independently(graph, order)
    if (count.all, count.nontrivial) != second:
        raise CountMismatchError(
            f"an order of graph {graph.fingerprint} costs {count.all} multiplications, "
            f"{count.nontrivial} of them nontrivial, but the independent counter says {second.all} "
            f"and {second.nontrivial}: both must agree before an order is kept. The counting rule "
            "is wrong in interpreter/structure.py or interpreter/independent_count.py; report the "
            "function that was traced"
        )
    return count


class _Labelled(NamedTuple):
    """Labels of all axes, the labels that the value varies along, and the name of the kind."""

    out: tuple[int, ...]
    into: tuple[int, ...]
    varying: frozenset[int]
    kind: str

    @property
    def paid(self) -> frozenset[int]:
        """Labels that a product has to run over: a constant +1 or -1 counts everywhere."""
        return frozenset(self.out + self.into) if self.kind == "TRIVIAL" else self.varying


def _labelled(
    edge: EdgeStructure,
    out_shape: tuple[int, ...],
    in_shape: tuple[int, ...],
    names: Iterator[int],
    size: dict[int, int],
) -> _Labelled:
    """Reads an edge of a graph; its labels are those of out axes, then those of in axes."""
    out = tuple(_new(n, names, size) for n in out_shape)
    into = tuple(
        out[tie] if tie >= 0 else _new(n, names, size)
        for n, tie in zip(in_shape, edge.ties, strict=True)
    )
    varying = frozenset((out + into)[label] for label in edge.carried)
    return _Labelled(out, into, varying, edge.kind.name)


def _new(length: int, names: Iterator[int], size: dict[int, int]) -> int:
    name = next(names)
    size[name] = length
    return name


def _product(
    later: _Labelled, earlier: _Labelled, names: Iterator[int], size: dict[int, int]
) -> tuple[_Labelled, IndependentCount]:
    """Merges the labels of the middle axes and counts the entries that are multiplied."""
    # Edges may share labels by accident, because products inherit them: each factor gets its own.
    later, earlier = _renamed(later, names, size), _renamed(earlier, names, size)
    leader: dict[int, int] = {}

    def find(label: int) -> int:
        while label in leader:
            label = leader[label]
        return label

    for one, other in zip(later.into, earlier.out, strict=True):
        if find(one) != find(other):
            leader[find(one)] = find(other)
    out, into = tuple(map(find, later.out)), tuple(map(find, earlier.into))
    visible = {*out, *into}
    varying = {find(label) for label in later.varying | earlier.varying}
    kinds = {later.kind, earlier.kind}
    kind = next(k for k in ("GENERAL", "TRIVIAL", "STRUCTURAL") if k in kinds)
    product = _Labelled(out, into, frozenset(varying & visible), kind)
    if "STRUCTURAL" in kinds:
        return product, IndependentCount(0, 0)
    left, right = ({find(label) for label in factor.paid} for factor in (later, earlier))
    # A sum over an index that one factor does not depend on is taken before multiplying.
    multiplied = {x for x in left | right if x in visible or x in left & right}
    cost = math.prod(size[x] for x in multiplied)
    return product, IndependentCount(cost, 0 if "TRIVIAL" in kinds else cost)


def _renamed(jacobian: _Labelled, names: Iterator[int], size: dict[int, int]) -> _Labelled:
    own = {x: _new(size[x], names, size) for x in {*jacobian.out, *jacobian.into}}
    return _Labelled(
        tuple(own[x] for x in jacobian.out),
        tuple(own[x] for x in jacobian.into),
        frozenset(own[x] for x in jacobian.varying),
        jacobian.kind,
    )


def _sum(
    first: _Labelled, second: _Labelled, names: Iterator[int], size: dict[int, int]
) -> _Labelled:
    """Keeps the ties that both have; where only one has a tie, the value varies along both axes."""
    out = [_new(size[x], names, size) for x in first.out]
    into = [_new(size[x], names, size) for x in first.into]
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
    return _Labelled(tuple(out), tuple(into), frozenset(varying), "GENERAL")
