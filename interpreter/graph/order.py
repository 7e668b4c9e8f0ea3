"""Elimination orders and the check that one fits a graph."""

import collections
import dataclasses
import math
import operator
from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any, Protocol, runtime_checkable

from elimax.interpreter.errors import GraphFormatError, InvalidOrderError
from elimax.interpreter.graph.computational_graph import ComputationalGraph

ORDER_SCHEMA = 1


@dataclasses.dataclass(frozen=True)
class EliminationOrder:
    """A permutation of the eliminable vertices of one graph.

    Attributes:
        vertices: Vertex numbers, from 1, in the order of their elimination.
        fingerprint: Fingerprint of the graph that the order was made for.
        name: Who made it, for example "reverse" or "ppo".
    """

    vertices: tuple[int, ...]
    fingerprint: str
    name: str = "custom"

    def to_dict(self) -> dict[str, Any]:
        """The order as plain JSON data."""
        return {
            "schema": ORDER_SCHEMA,
            "vertices": list(self.vertices),
            "fingerprint": self.fingerprint,
            "name": self.name,
        }

    @classmethod
    def from_dict(cls, content: Any) -> "EliminationOrder":
        """Reads what `to_dict` wrote.

        Args:
            content: Plain JSON data.

        Returns:
            The order, not yet checked against a graph.

        Raises:
            GraphFormatError: If the data is not an order of this schema.
        """
        try:
            if content["schema"] != ORDER_SCHEMA:
                raise ValueError(f"schema {content['schema']!r}, expected schema {ORDER_SCHEMA}")
            vertices = tuple(operator.index(vertex) for vertex in content["vertices"])
            return cls(vertices, str(content["fingerprint"]), str(content["name"]))
        except (KeyError, TypeError, ValueError) as error:
            raise GraphFormatError(
                f"cannot read the elimination order ({error!r}): find the order again"
            ) from error


@runtime_checkable
class CarriesOrder(Protocol):
    """Something that holds an elimination order among other things, as a `Plan` does."""

    @property
    def order(self) -> EliminationOrder:
        """The order."""
        ...


def check_order(
    graph: ComputationalGraph, order: EliminationOrder | CarriesOrder | Sequence[int]
) -> tuple[int, ...]:
    """Checks that an order lists every eliminable vertex of a graph exactly once.

    Args:
        graph: The graph.
        order: An order, a plan, or plain vertex numbers.

    Returns:
        The vertex numbers.

    Raises:
        InvalidOrderError: If the order was made for another graph, or misses, repeats or invents
            vertices; the message lists them.
    """
    if isinstance(order, CarriesOrder):
        order = order.order
    if isinstance(order, EliminationOrder):
        if order.fingerprint != graph.fingerprint:
            raise InvalidOrderError(
                f"the order {order.name!r} was made for the graph {order.fingerprint}, but this is "
                f"{graph.fingerprint}: find an order for this graph, or pass the plain vertex "
                "numbers if you know that they mean the same here"
            )
        vertices = order.vertices
    else:
        vertices = _vertex_numbers(order)
    eliminable = set(graph.eliminable)
    if len(vertices) == len(eliminable) and set(vertices) == eliminable:
        return vertices
    hidden = {graph.vertex(node) for node in graph.hidden}
    if hidden and hidden.isdisjoint(vertices):
        vertices, eliminable = tuple(vertices), eliminable - hidden
    faults = {
        "misses": sorted(eliminable - set(vertices)),
        "repeats": sorted(v for v, n in collections.Counter(vertices).items() if n > 1),
        "may not eliminate": sorted(set(vertices) - eliminable),
    }
    if not any(faults.values()):
        return _with_hidden(graph, vertices)
    listed = "; ".join(f"it {what} {_abridged(which)}" for what, which in faults.items() if which)
    raise InvalidOrderError(
        f"the order does not fit the graph: {listed}. An order must list every eliminable vertex "
        f"exactly once, {len(eliminable)} of 1 to {graph.num_vertices} (pure outputs are not "
        "eliminated)"
    )


def _with_hidden(graph: ComputationalGraph, vertices: tuple[int, ...]) -> tuple[int, ...]:
    """An order of public vertices with the hidden ones put in.

    The nodes that an equation is applied to go right after the last of its operands, or right after
    the last of its results, whichever the order reaches first. If neither operands nor results are
    eliminated, the smaller side goes first.
    """
    place = {graph.node(vertex): k for k, vertex in enumerate(vertices)}
    hidden = set(graph.hidden)
    before: dict[int, list[int]] = {node: [] for node in hidden}
    after: dict[int, list[int]] = {node: [] for node in hidden}
    for pred, succ in graph.edges:
        if succ in hidden:
            before[succ].append(pred)
        if pred in hidden:
            after[pred].append(succ)

    def last(node: int, near: dict[int, list[int]]) -> int:
        ends = (last(x, near) if x in hidden else place.get(x, -1) for x in near[node])
        return max(ends, default=-1)

    keys = {node: (float(k), 0) for node, k in place.items()}
    for node in graph.hidden:
        operands, results = last(node, before), last(node, after)
        is_forward = results < 0 or 0 <= operands < results
        if operands < 0 and results < 0:
            sizes = [
                sum(math.prod(graph.node_shapes[x]) for x in near[node]) for near in (before, after)
            ]
            is_forward = sizes[0] <= sizes[1]
        # Right after a public vertex; from operands on in program order, back from results against.
        keys[node] = (operands + 0.5, node) if is_forward else (results + 0.5, -node)
    return tuple(graph.vertex(node) for node in sorted(keys, key=keys.__getitem__))


def _vertex_numbers(order: Sequence[int]) -> tuple[int, ...]:
    # Sets have no order, an iterator has it only once, and bytes are not vertices.
    if not isinstance(order, Mapping | Set | Iterator | bytes):
        try:
            return tuple(operator.index(vertex) for vertex in order)
        except TypeError:
            pass
    raise InvalidOrderError(
        "an order must be 'auto', the name of one, an EliminationOrder, a Plan or a list of vertex "
        f"numbers from 1 on, but {order!r:.60} of type {type(order).__name__} was given"
    )


def _abridged(vertices: list[int], shown: int = 8) -> str:
    text = ", ".join(map(str, vertices[:shown]))
    return text if len(vertices) <= shown else f"{text}, ... ({len(vertices)} in all)"
