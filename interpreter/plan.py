"""`Plan`: how a Jacobian is eliminated; it can be printed, saved and run by `jacve`."""

import dataclasses
import json
import os
from pathlib import Path
from typing import Any, Literal, get_args

from elimax.interpreter.atomic_files import write_atomically
from elimax.interpreter.errors import GraphFormatError
from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.counting import count_multiplications
from elimax.interpreter.graph.elimination import MultiplicationCount
from elimax.interpreter.graph.independent_count import verified_count
from elimax.interpreter.graph.order import EliminationOrder
from elimax.interpreter.graph.price import order_price
from elimax.interpreter.json_files import read_json
from elimax.interpreter.orders.fixed import forward_order, reverse_order

PLAN_SCHEMA = 1

Execution = Literal["xla", "auto", "native", "jacfwd", "jacrev"]
"""What computes a Jacobian: "xla" compiles the elimination like everything else; "native" compiles
it apart to machine code, see `elimax.interpreter.native`; "jacfwd" and "jacrev" are JAX's modes;
"auto" takes what promises to be quickest of them."""

EXECUTIONS: tuple[Execution, ...] = get_args(Execution)


@dataclasses.dataclass(frozen=True)
class Plan:
    """An elimination order of one graph, and what it costs.

    Attributes:
        order: The order.
        all: Scalar multiplications, those by +1 and -1 included.
        nontrivial: Scalar multiplications without those by +1 and -1: what `jacve` executes.
        additions: Scalar additions.
        price: What the order is expected to take in time, see `graph.price`.
        num_vertices: V, the number of vertices of the graph, eliminated or not.
        forward: What forward elimination costs, the order of `jax.jacfwd`.
        reverse: What reverse elimination costs, the order of `jax.jacrev`.
        bound: A number of nontrivial multiplications that no order gets below; None if unknown.
        optimal: Whether no order has fewer nontrivial multiplications; None if unknown.
        execution: What `jacve` computes with; JAX's modes ignore the order.
    """

    order: EliminationOrder
    all: int
    nontrivial: int
    additions: int
    price: int
    num_vertices: int
    forward: MultiplicationCount
    reverse: MultiplicationCount
    bound: int | None = None
    optimal: bool | None = None
    execution: Execution = "xla"

    def __post_init__(self) -> None:
        if self.execution not in EXECUTIONS:
            raise GraphFormatError(
                f"a plan was given the execution {self.execution!r}: choose one of "
                f"{', '.join(EXECUTIONS)}"
            )
        if self.bound is not None and self.bound > self.nontrivial:
            raise GraphFormatError(
                f"a plan of {self.nontrivial} nontrivial multiplications was given the lower bound "
                f"{self.bound}, but no order costs less than a lower bound: make the plan again"
            )
        if self.optimal and self.bound != self.nontrivial:
            raise GraphFormatError(
                f"a plan of {self.nontrivial} nontrivial multiplications is said to be optimal, "
                f"but its bound is {self.bound}: an optimal plan has the bound {self.nontrivial}"
            )

    @classmethod
    def of_graph(
        cls,
        graph: ComputationalGraph,
        order: EliminationOrder,
        bound: int | None = None,
        optimal: bool | None = None,
    ) -> "Plan":
        """Counts what an order of a graph costs.

        Args:
            graph: The graph.
            order: An order of it.
            bound: As the attribute.
            optimal: As the attribute.

        Returns:
            The plan. An order without nontrivial multiplications is optimal, whatever was given.

        Raises:
            InvalidOrderError: If the order does not fit the graph.
        """
        # Counted by both counters, like every order that may end up in a file.
        counts = verified_count(graph, order)
        if counts.nontrivial == 0:
            bound, optimal = 0, True
        return cls(
            order,
            *counts,
            order_price(graph, order).price,
            graph.num_vertices,
            count_multiplications(graph, forward_order(graph)),
            count_multiplications(graph, reverse_order(graph)),
            bound,
            optimal,
        )

    @property
    def fingerprint(self) -> str:
        """Fingerprint of the graph that the plan is for; another one is refused."""
        return self.order.fingerprint

    @property
    def found_by(self) -> str:
        """Who found the order, for example "reverse"."""
        return self.order.name

    def __str__(self) -> str:
        rows = [
            ("", *MultiplicationCount._fields),
            ("this plan", f"{self.all:,}", f"{self.nontrivial:,}", f"{self.additions:,}"),
            ("forward", *(f"{count:,}" for count in self.forward)),
            ("reverse", *(f"{count:,}" for count in self.reverse)),
        ]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        # Hidden vertices are numbered after the public ones; only the latter are shown.
        public = sum(vertex <= self.num_vertices for vertex in self.order.vertices)
        lines = [
            f"Plan for the graph {self.fingerprint}, found by {self.found_by}: eliminates "
            f"{public} of {self.num_vertices} vertices"
        ]
        for name, *counts in rows:
            cells = [x.rjust(width) for x, width in zip(counts, widths[1:], strict=True)]
            lines.append("  ".join([name.ljust(widths[0]), *cells]))
        lines += [f"price: {self.price:,}", self._optimality()]
        lines += [_EXECUTED[self.execution]] if self.execution in _EXECUTED else []
        return "\n".join(lines)

    def _optimality(self) -> str:
        if self.optimal:
            return "optimal: no order has fewer nontrivial multiplications"
        if self.bound is None:
            return "no lower bound is known"
        return f"no order has fewer than {self.bound:,} nontrivial multiplications"

    def to_dict(self) -> dict[str, Any]:
        """The plan as plain JSON data."""
        return {
            "schema": PLAN_SCHEMA,
            "order": self.order.to_dict(),
            **{name: getattr(self, name) for name in _WHOLE_NUMBERS},
            **{name: list(getattr(self, name)) for name in _COUNTS},
            "bound": self.bound,
            "optimal": self.optimal,
            "execution": self.execution,
        }

    @classmethod
    def from_dict(cls, content: Any) -> "Plan":
        """Reads what `to_dict` wrote.

        Args:
            content: Plain JSON data.

        Returns:
            The plan, not yet checked against a graph.

        Raises:
            GraphFormatError: If the data is not a plan of this schema.
        """
        try:
            if content["schema"] != PLAN_SCHEMA:
                raise ValueError(f"schema {content['schema']!r}, expected schema {PLAN_SCHEMA}")
            order = EliminationOrder.from_dict(content["order"])
            numbers = {name: _whole_number(name, content[name]) for name in _WHOLE_NUMBERS}
            forward, reverse = (
                MultiplicationCount(*(_whole_number(name, x) for x in content[name]))
                for name in _COUNTS
            )
            bound, optimal = content["bound"], content["optimal"]
            if not (optimal is None or isinstance(optimal, bool)):
                raise ValueError(f"optimal is {optimal!r} but must be true, false or null")
            bound = None if bound is None else _whole_number("bound", bound)
            return cls(
                order,
                **numbers,
                forward=forward,
                reverse=reverse,
                bound=bound,
                optimal=optimal,
                execution=content.get("execution", "xla"),  # Older files have none.
            )
        except (KeyError, TypeError, ValueError) as error:
            raise GraphFormatError(
                f"cannot read the plan ({error!r}): make it again with elimax.plan"
            ) from error

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the plan as JSON, whole or not at all.

        Args:
            path: The file; its folder exists.

        Raises:
            OSError: If it cannot be written.
        """
        write_atomically(Path(path), f"{_as_text(self.to_dict())}\n".encode())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "Plan":
        """Reads what `save` wrote.

        Args:
            path: The file.

        Returns:
            The plan, not yet checked against a graph; `jacve` does that.

        Raises:
            GraphFormatError: If the file holds no plan of this schema.
            OSError: If it cannot be read.
        """
        return cls.from_dict(read_json(Path(path)))


_WHOLE_NUMBERS = ("all", "nontrivial", "additions", "price", "num_vertices")
_COUNTS = ("forward", "reverse")
_EXECUTED: dict[Execution, str] = {
    "auto": "executed: what promises to be quickest: the elimination by XLA or, in a batch, as a "
    "native kernel, or a mode of JAX",
    "native": "executed: the elimination, as a native kernel",
    "jacfwd": "executed: jax.jacfwd, and not the elimination",
    "jacrev": "executed: jax.jacrev, and not the elimination",
}


def _whole_number(name: str, value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError(f"{name} is {value!r} but must be a non-negative integer")
    return value


def _as_text(content: dict[str, Any]) -> str:
    """JSON with one entry a line, lists of numbers on one line."""
    lines = [f" {json.dumps(key)}: {json.dumps(value)}" for key, value in content.items()]
    return "{\n" + ",\n".join(lines) + "\n}"
