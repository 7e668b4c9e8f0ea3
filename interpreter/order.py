"""Elimination orders and the check that one fits a graph."""

import collections
import dataclasses
import operator
from collections.abc import Mapping, Sequence, Set
from typing import Any, Protocol, runtime_checkable

from interpreter.errors import GraphFormatError, InvalidOrderError
from interpreter.graph import ComputationalGraph

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
                raise ValueError(f"schema {content['schema']!r}, schema {ORDER_SCHEMA} is wanted")
            vertices = tuple(operator.index(vertex) for vertex in content["vertices"])
            return cls(vertices, str(content["fingerprint"]), str(content["name"]))
        except (KeyError, TypeError, ValueError) as error:
            raise GraphFormatError(
                f"cannot read the elimination order ({error!r}): find the order again"
            ) from error


@runtime_checkable
class CarriesOrder(Protocol):
    """Something that holds an elimination order beside other things, as a `Plan` does."""

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
                f"the order {order.name!r} was made for the graph {order.fingerprint}, this is "
                f"{graph.fingerprint}: find an order for this graph, or pass the plain vertex "
                "numbers if you know that they mean the same here"
            )
        vertices = order.vertices
    else:
        vertices = _vertex_numbers(order)
    if vertices and sorted(vertices) == list(graph.eliminable):
        return vertices
    eliminable = set(graph.eliminable)
    faults = {
        "misses": sorted(eliminable - set(vertices)),
        "repeats": sorted(v for v, n in collections.Counter(vertices).items() if n > 1),
        "may not eliminate": sorted(set(vertices) - eliminable),
    }
    if not any(faults.values()):
        return vertices
    listed = "; ".join(f"it {what} {_abridged(which)}" for what, which in faults.items() if which)
    raise InvalidOrderError(
        f"the order does not fit the graph: {listed}. Wanted is every eliminable vertex exactly "
        f"once, {len(eliminable)} of 1 to {graph.num_vertices} (pure outputs are not eliminated)"
    )


def _vertex_numbers(order: Sequence[int]) -> tuple[int, ...]:
    if not isinstance(order, Mapping | Set):  # Sets have no order
        try:
            return tuple(operator.index(vertex) for vertex in order)
        except TypeError:
            pass
    raise InvalidOrderError(
        "an order is 'auto', the name of one, an EliminationOrder, a Plan, or a list of vertex "
        f"numbers, whole numbers from 1, but was given {order!r:.60} of type {type(order).__name__}"
    )


def _abridged(vertices: list[int], shown: int = 8) -> str:
    text = ", ".join(map(str, vertices[:shown]))
    return text if len(vertices) <= shown else f"{text}, ... ({len(vertices)} in all)"
