"""What all stages share: where files are, what the parameters are, how to print."""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from elimax.interpreter.errors import InvalidOrderError
from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.counting import MultiplicationCount, count_multiplications
from elimax.interpreter.graph.order import EliminationOrder, check_order
from elimax.interpreter.graph.price import order_cost
from elimax.interpreter.graph.structure import Objective
from elimax.interpreter.orders import PORTFOLIO
from elimax.pipeline.checkout.configs import build, checked_value
from elimax.pipeline.checkout.files import Layout, read_json
from elimax.pipeline.checkout.machine import file_digest
from elimax.pipeline.checkout.params import Seed, section, seed_list
from elimax.pipeline.console import Console
from elimax.pipeline.errors import FileError

Config = TypeVar("Config")

SHOWN = ("forward", "reverse", "markowitz", "markowitz_high")
"""Classical orders that every table shows; of the others, only the best is shown."""


@dataclasses.dataclass(frozen=True)
class StageContext:
    """One call of a stage.

    Attributes:
        layout: Paths of all files.
        params: All parameters, overrides applied.
        console: Where the stage prints.
    """

    layout: Layout
    params: Mapping[str, Any]
    console: Console

    def config(self, config_class: type[Config], name: str, task: str | None = None) -> Config:
        """Builds the config of a stage from its section and the values of the task.

        Raises:
            ParamsError: If a key or a value is wrong.
        """
        return build(config_class, section(self.params, name, task), name)

    @property
    def count(self) -> Objective:
        """What decides between orders: a count of multiplications, or the price.

        Raises:
            ParamsError: If `count` is not "all", "nontrivial" or "price".
        """
        return checked_value(self.params.get("count", "all"), Objective, "count")

    @property
    def seed(self) -> int:
        """The seed of everything random except finetuning.

        Raises:
            ParamsError: If `seed` is not an integer in the range of seeds.
        """
        return checked_value(self.params.get("seed", 0), Seed, "seed")

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds of finetuning, one training each.

        Raises:
            ParamsError: If `seeds` is not a list of distinct seeds.
        """
        return seed_list(self.params)


def command(stage: str, task: str | None = None) -> str:
    """Returns the command line of a stage, for error messages."""
    return f"elimax {stage}" if task is None else f"elimax {stage} {task}"


def read_graph(layout: Layout, task: str) -> ComputationalGraph:
    """Reads the graph of a task.

    Args:
        layout: Paths of all files.
        task: Name of the task.

    Returns:
        The graph.

    Raises:
        FileError: If extract has not written the file, or it is broken or for another task.
        GraphFormatError: If it holds no graph.
    """
    path, hint = layout.graph(task), command("extract", task)
    content = read_json(path, hint, keys=("task", "graph", "counts"))
    if content["task"] != task:
        raise FileError(
            f"{path} holds the graph of {content['task']}, expected that of {task}; "
            f"write it with: {hint}"
        )
    return ComputationalGraph.from_dict(content["graph"])


def read_order(path: Path, graph: ComputationalGraph, hint: str, name: str) -> EliminationOrder:
    """Reads the order in a file of finetune or search, made for the given graph.

    Args:
        path: The file.
        graph: The graph that the order must belong to.
        hint: The command that writes the file, for error messages.
        name: Name of the returned order.

    Returns:
        The order.

    Raises:
        FileError: If the file is missing or broken, or its order is for another graph.
    """
    content = read_json(path, hint, keys=("order", "fingerprint"))
    if content["fingerprint"] != graph.fingerprint:
        raise FileError(
            f"{path} is for the graph {content['fingerprint']}, expected {graph.fingerprint}; "
            f"write it again with: {hint}"
        )
    return order_from(content, graph, path, hint, name)


def order_from(
    content: Any, graph: ComputationalGraph, path: Path, hint: str, name: str
) -> EliminationOrder:
    """Takes the order out of a part of a file.

    Args:
        content: The part, with the key `order`.
        graph: The graph that the order must fit.
        path: The file, for error messages.
        hint: The command that writes it, for error messages.
        name: Name of the returned order.

    Returns:
        The order.

    Raises:
        FileError: If there is no order, or it does not fit this graph.
    """
    try:
        vertices = check_order(graph, content["order"])
    except (TypeError, ValueError, KeyError, InvalidOrderError) as error:
        raise FileError(f"{path} holds no order ({error}); write it with: {hint}") from None
    return EliminationOrder(vertices, graph.fingerprint, name)


def two_counts(count: MultiplicationCount) -> dict[str, int]:
    """Returns both counts of multiplications as plain JSON data."""
    return {"all": int(count.all), "nontrivial": int(count.nontrivial)}


def order_costs(
    graph: ComputationalGraph,
    order: EliminationOrder,
    count: Objective,
    counted: Callable[..., MultiplicationCount] = count_multiplications,
) -> dict[str, int]:
    """Returns what an order costs, as plain JSON data.

    Args:
        graph: The graph.
        order: An order of it.
        count: What decides between orders.
        counted: Counts the multiplications of an order.

    Returns:
        Both counts, and the price where that decides.

    Raises:
        InvalidOrderError: If the order does not fit the graph.
    """
    costs = two_counts(counted(graph, order))
    return {**costs, "price": order_cost(graph, order, "price")} if count == "price" else costs


def cheapest(counts: Mapping[str, Mapping[str, int]], count: Objective) -> str:
    """Returns the name with the lowest count.

    Args:
        counts: Both counts by name, and the price where that decides.
        count: The one that decides; the other breaks ties, then the position in the mapping.

    Raises:
        InvalidOrderError: If there is no candidate.
    """
    if not counts:
        raise InvalidOrderError("there is no order to choose from: give at least one candidate")
    other = "nontrivial" if count == "all" else "all"
    return min(counts, key=lambda name: (counts[name][count], counts[name][other]))


def table_names(counts: Mapping[str, Mapping[str, int]], count: Objective) -> list[str]:
    """Returns the names of the orders that a table shows, of all that were counted.

    Args:
        counts: Both counts by name, those of the whole portfolio among them.
        count: Which count decides what the best of the portfolio is.

    Returns:
        `SHOWN`, the best of the portfolio if it is not among them, and all orders outside of it.
    """
    best = cheapest({name: counts[name] for name in PORTFOLIO}, count)
    learned = [name for name in counts if name not in PORTFOLIO]
    return list(dict.fromkeys((*SHOWN, best, *learned)))


def input_digests(layout: Layout, *paths: Path) -> dict[str, str]:
    """Returns the digests of input files by their path, for the record."""
    return {layout.shown(path): file_digest(path) for path in paths}
