"""Edges of an equation without a formula: one function of all operands that move, for all results.

| operands and results | edges |
|---|---|
| few applications write all of it, no loop | one written edge per operand and result |
| one operand, one result | one opaque edge |
| several | operand to operands, operands to results (opaque), results to result |

"Operands" and "results" are hidden nodes that join them: an edge to one places entries, an edge
from it cuts them out. So one application carries the tangents of all operands, or the cotangents of
all results. Operands that do not have the same tied axes are joined in separate nodes.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp

from elimax.interpreter.algebra.labelled import Labelled, arrange
from elimax.interpreter.algebra.linear_map import Columnwise, LinearMap
from elimax.interpreter.graph.pair_structure import Direction, Structure, opaque_edge
from elimax.interpreter.graph.structure import (
    UNTIED,
    EdgeStructure,
    Kind,
    edge_structure,
)
from elimax.interpreter.tracing.bundle import (
    Bundle,
    Member,
    bundled,
    shared_by_all,
    tie_structure,
)
from elimax.interpreter.tracing.linearisation import (
    Analysis,
    Linearisation,
    Moving,
    analyse,
    encoded_avals,
)
from elimax.interpreter.tracing.rules.registry import varies_along_ties

MAX_WRITING = 2
"""Applications up to which all edges of an equation are written; with a loop none are."""


class Side(NamedTuple):
    """An end of an edge of an opaque equation.

    Attributes:
        sort: "operand", "operands" (a bundle of them), "results" (the bundle) or "result".
        number: Number among the moving operands, the bundles, or the moving results.
    """

    sort: str
    number: int


class OpaqueEdge(NamedTuple):
    """An edge of an opaque equation.

    Attributes:
        pred: Where it starts.
        succ: Where it ends.
        structure: Its structure.
        value: Computes its value at a point.
        drops: Whether zeros of a written edge exclude, see `LocalJacobian`.
    """

    pred: Side
    succ: Side
    structure: Structure
    value: Callable[[Linearisation], Any]
    drops: bool = False


class Body(Protocol):
    """How an equation is differentiated through the graph of its body."""

    def linearise(self, inputs: Sequence[Any]) -> Linearisation:
        """Evaluates the equation at a point, with its derivative."""
        ...


BodyRule = Callable[[Moving, Analysis], Body | None]

_BODIES: dict[str, BodyRule] = {}


def register_body(name: str) -> Callable[[BodyRule], BodyRule]:
    """Makes a function decide whether eliminating the bodies of some equations is quicker.

    Args:
        name: Name of the primitive.

    Returns:
        A decorator.
    """

    def decorate(rule: BodyRule) -> BodyRule:
        _BODIES[name] = rule
        return rule

    return decorate


class OpaqueEquation:
    """An equation without a formula, as it stands in the graph.

    Attributes:
        moving: The equation, and what of it moves.
        analysis: What is known of its derivative.
        hidden: Shapes of the hidden nodes that it needs, by side: operands first, then results.
        written: The direction in which its edges are written; None if they are functions.
        edges: Its edges.
    """

    def __init__(self, moving: Moving) -> None:
        """Analyses an equation; no value is needed.

        Args:
            moving: The equation, and what of it moves.

        Raises:
            Exception: What JAX raises if it cannot differentiate the equation.
        """
        self.moving, self.analysis = moving, analyse(moving)
        ins, outs = encoded_avals(moving)
        self._bundles, self._results = bundled(ins, outs, self.analysis.ties)
        self.hidden: dict[Side, tuple[int, ...]] = {}
        self.written = _writing_direction(self.analysis, self._bundles, self._results)
        self.edges = (
            self._joint_edges() if self.written is None else self._written_edges(self.written)
        )

    @functools.cached_property
    def body(self) -> Body | None:
        """How it is differentiated through its body; None if that is not quicker."""
        rule = _BODIES.get(self.moving.equation.name)
        return None if rule is None else rule(self.moving, self.analysis)

    def linearise(
        self, inputs: Sequence[Any], is_pulled: bool = True, *, may_enter: bool = False
    ) -> Linearisation:
        """Evaluates the equation at a point, with its derivative.

        Args:
            inputs: Values of all its operands.
            is_pulled: Whether the pullback is needed as well as the pushforward.
            may_enter: Whether its body may be eliminated.

        Returns:
            Its results and its derivative.
        """
        if may_enter and self.body is not None:
            return self.body.linearise(inputs)
        analysis = self.analysis
        by_jvp = analysis.is_pushed_by_jvp or (analysis.rounds > 0 and not is_pulled)
        return Linearisation.of(self.moving, analysis.direction, inputs, by_jvp)

    def _written_edges(self, direction: Direction) -> list[OpaqueEdge]:
        """One written edge for each pair of an operand and a result."""
        edges = []
        varies = varies_along_ties(self.moving.equation)
        operands, results = _written_members(direction, self._bundles, self._results)
        for i, j in sorted(self.analysis.ties):
            source, target = operands[i], results[j]
            structure = _structure(_alone(source), _alone(target), varies)
            make = _written_forward if direction == Direction.FORWARD else _written_backward
            value = functools.partial(make, structure, source, target)
            ends = Side("operand", i), Side("result", j)
            edges.append(OpaqueEdge(*ends, structure, value, self.analysis.drops))
        return edges

    def _joint_edges(self) -> list[OpaqueEdge]:
        """Placements, one function for each bundle of operands, and cuts."""
        edges, results, analysis = [], self._results, self.analysis
        end = Side("results", 0) if results.is_joined else Side("result", 0)
        for number, bundle in enumerate(self._bundles):
            start = Side("operands", number)
            if bundle.is_joined:
                self.hidden[start] = bundle.shape
                for member in bundle.members:
                    structure, pattern = bundle.placement(member)
                    value = functools.partial(_constant, pattern)
                    side = Side("operand", member.number)
                    edges.append(OpaqueEdge(side, start, structure, value))
            else:
                start = Side("operand", bundle.members[0].number)
            array = _structure(bundle, results, varies_along_ties(self.moving.equation))
            is_joint = bundle.is_joined or results.is_joined
            structure = opaque_edge(
                array, analysis.cost, analysis.direction, is_joint, analysis.rounds
            )
            value = functools.partial(_function, array, bundle, results, analysis.direction)
            edges.append(OpaqueEdge(start, end, structure, value))
        if results.is_joined:
            self.hidden[end] = results.shape
            for member in results.members:
                structure, pattern = results.cut(member)
                value = functools.partial(_constant, pattern)
                edges.append(OpaqueEdge(end, Side("result", member.number), structure, value))
        return edges


def _writing_direction(
    analysis: Analysis, bundles: Sequence[Bundle], results: Bundle
) -> Direction | None:
    """The direction in which all edges are written; None if that takes too many applications."""
    if analysis.rounds:
        # The loop should run once for all operands, and the order decides which way is cheaper.
        return None
    counts = {}
    for direction in (Direction.FORWARD, Direction.REVERSE):
        members = _written_members(direction, bundles, results)
        counts[direction] = sum(x.width for x in members[direction == Direction.REVERSE])
    possible = [x for x in counts if x & analysis.direction]
    best = min(possible, key=counts.__getitem__)
    return best if counts[best] <= MAX_WRITING else None


def _written_members(
    direction: Direction, bundles: Sequence[Bundle], results: Bundle
) -> tuple[list[Member], list[Member]]:
    """Operands and results as their edges are written in a direction.

    One unit vector of a result serves all operands, so it may be shared along an axis only if all
    of them share that axis. Every result shares all.
    """
    if direction == Direction.REVERSE:
        return shared_by_all(bundles, results)
    operands = sorted(member for bundle in bundles for member in bundle.members)
    return operands, list(results.members)


def _alone(member: Member) -> Bundle:
    return Bundle((member,), None)


def _structure(source: Bundle, target: Bundle, varies: bool) -> EdgeStructure:
    """The edge between two nodes as an array: tied along shared axes."""
    ties = tie_structure(source, target)
    rank = len(target.shape)
    carried = range(rank + len(source.shape))
    if not varies:
        carried = [
            label
            for label in carried
            if not (label in ties or (label >= rank and ties[label - rank] != UNTIED))
        ]
    return edge_structure(target.shape, source.shape, ties, carried, Kind.GENERAL)


def _constant(pattern: Any, linear: Linearisation) -> Any:
    del linear
    return pattern


def _function(
    array: EdgeStructure,
    source: Bundle,
    target: Bundle,
    direction: Direction,
    linear: Linearisation,
) -> LinearMap:
    """The equation's derivative from one node to another."""

    def forward(x: Any, many: bool = False) -> Any:
        split, join = _over_first(source.split, target.join, many)
        return join(dict(enumerate(linear.push(split(x), many=many))))

    def backward(y: Any, many: bool = False) -> Any:
        split, join = _over_first(target.split, source.join, many)
        return join(dict(enumerate(linear.pull(split(y), many=many))))

    return LinearMap.of(
        array,
        target.dtype,
        Columnwise(forward) if direction & Direction.FORWARD else None,
        Columnwise(backward) if direction & Direction.REVERSE else None,
    )


def _over_first(
    split: Callable[..., Any], join: Callable[..., Any], many: bool
) -> tuple[Callable[..., Any], Callable[..., Any]]:
    return (jax.vmap(split), jax.vmap(join)) if many else (split, join)


def _written_forward(
    structure: EdgeStructure, source: Member, target: Member, linear: Linearisation
) -> Any:
    """A written edge from pushed unit vectors; those of an operand serve all results."""
    columns = linear.columns(source.number, source.own_axes)[target.number]
    rank = len(target.shape)
    labels = (*(rank + axis for axis in source.own_axes), *range(rank))
    return _carried(Labelled(columns, labels), structure)


def _written_backward(
    structure: EdgeStructure, source: Member, target: Member, linear: Linearisation
) -> Any:
    """A written edge from pulled unit vectors; those of a result serve all operands."""
    rows = linear.rows(target.number, target.own_axes)[source.number]
    return _carried(
        Labelled(rows, (*target.own_axes, *structure_labels(source, target))), structure
    )


def structure_labels(source: Member, target: Member) -> tuple[int, ...]:
    """The label of every axis of an operand: that of the result's axis that it shares."""
    rank = len(target.shape)
    return tuple(
        rank + axis if x == UNTIED else target.shared.index(x)
        for axis, x in enumerate(source.shared)
    )


def _carried(value: Labelled, structure: EdgeStructure) -> Any:
    """An array over all labels as one over the carried ones, constant along the others."""
    labels = sorted(value.labels)
    array = arrange(value, tuple(labels))
    index = tuple(
        slice(None) if label in structure.carried or structure.size(label) == 1 else 0
        for label in labels
    )
    return jnp.asarray(array[index]).reshape(structure.carried_shape)
