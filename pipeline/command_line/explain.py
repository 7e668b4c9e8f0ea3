"""Command explain: where an order of one function spends multiplications, and where it saves."""

import dataclasses
from typing import Any

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.explanation import (
    EliminationStep,
    Saving,
    costs_by_vertex,
    elimination_steps,
    savings,
)
from elimax.interpreter.graph.order import EliminationOrder
from elimax.interpreter.graph.structure import Count
from elimax.interpreter.orders import portfolio
from elimax.interpreter.tracing.call import trace
from elimax.pipeline.checkout.context import (
    cheapest,
    two_counts,
)
from elimax.pipeline.checkout.files import Layout
from elimax.pipeline.command_line.order_choice import choose_order
from elimax.pipeline.tasks import load_task


@dataclasses.dataclass(frozen=True)
class Explanation:
    """An order of a task next to the orders of the portfolio.

    Attributes:
        task: Name of the task.
        graph: Its graph.
        order: The order that is explained.
        count: Which multiplications are compared.
        steps: Its eliminations.
        others: The eliminations of every order of the portfolio, by name.
        best_classic: The name of the cheapest of them.
    """

    task: str
    graph: ComputationalGraph
    order: EliminationOrder
    count: Count
    steps: list[EliminationStep]
    others: dict[str, list[EliminationStep]]
    best_classic: str

    @property
    def is_best_classic(self) -> bool:
        """Whether the order is the cheapest one of the portfolio itself."""
        return self.steps == self.others[self.best_classic]

    @property
    def rivals(self) -> list[str]:
        """The orders that tables compare with: the best classic one and reverse, if different."""
        names = dict.fromkeys((self.best_classic, "reverse"))
        return [name for name in names if self.others[name] != self.steps]

    def cost(self, name: str | None = None) -> int:
        """Multiplications of an order of the portfolio, or of the order itself."""
        steps = self.steps if name is None else self.others[name]
        return getattr(steps[-1].total, self.count) if steps else 0

    def savings(self, name: str) -> list[Saving]:
        """Savings against an order of the portfolio, largest first."""
        return savings(self.steps, self.others[name], self.count)


def explain_order(
    name: str, graph: ComputationalGraph, order: EliminationOrder, count: Count = "all"
) -> Explanation:
    """Plays an order and the portfolio.

    Args:
        name: Name of the task.
        graph: Its graph.
        order: An order of it.
        count: Which multiplications are compared.

    Returns:
        What every elimination costs in each.

    Raises:
        InvalidOrderError: If the order does not fit the graph.
    """
    steps = elimination_steps(graph, order)
    others = {key: elimination_steps(graph, other) for key, other in portfolio(graph).items()}
    totals = {
        key: two_counts(other[-1].total) if other else {"all": 0, "nontrivial": 0}
        for key, other in others.items()
    }
    return Explanation(name, graph, order, count, steps, others, cheapest(totals, count))


def explain_task(
    layout: Layout, name: str, choice: str | None = None, count: Count = "all"
) -> Explanation:
    """Explains an order of a task.

    Args:
        layout: Where data/orders may lie.
        name: Name of a task, or module:function.
        choice: See `choose_order`.
        count: Which multiplications are compared, "all" or "nontrivial".

    Returns:
        See `explain_order`.

    Raises:
        ElimaxError: If there is no such task, order or file, or the function cannot be traced.
    """
    task = load_task(name)
    graph = trace(task.function, *task.example_inputs(), argnums=task.argnums, allow_int=True)
    return explain_order(name, graph, choose_order(layout, name, graph, choice), count)


def as_json(explained: Explanation) -> dict[str, Any]:
    """The explanation as plain JSON data.

    Args:
        explained: The explanation.

    Returns:
        `task`, `fingerprint`, `vertices`, `order` (its name), `count`, `counts` of the order and of
        the portfolio; `steps` with the cost of the same vertex in each order of the portfolio;
        `savings` by rival.
    """
    elsewhere = {
        key: costs_by_vertex(steps, explained.count) for key, steps in explained.others.items()
    }
    steps = [
        {
            "vertex": step.vertex,
            "primitive": step.primitive,
            "shape": list(step.shape),
            "predecessors": step.predecessors,
            "successors": step.successors,
            **step.cost._asdict(),
            "total": step.total._asdict(),
            "portfolio": {key: costs[step.vertex] for key, costs in elsewhere.items()},
        }
        for step in explained.steps
    ]
    every = {"order": explained.steps, **explained.others}
    return {
        "task": explained.task,
        "fingerprint": explained.graph.fingerprint,
        "vertices": explained.graph.num_vertices,
        "order": explained.order.name,
        "count": explained.count,
        "best_classic": explained.best_classic,
        "counts": {key: two_counts(steps[-1].total) for key, steps in every.items() if steps},
        "steps": steps,
        "savings": {
            key: [{**saving._asdict(), "saved": saving.saved} for saving in explained.savings(key)]
            for key in explained.rivals
        },
    }
