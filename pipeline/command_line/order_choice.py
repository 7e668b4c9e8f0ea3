"""Which order of a task a user means: a name, a file, or the best one that search has stored."""

import difflib
import logging
import os
from pathlib import Path

from elimax.interpreter.errors import ElimaxError
from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.order import EliminationOrder, check_order
from elimax.interpreter.orders import PORTFOLIO, named_order
from elimax.interpreter.orders.order_cache import cached_order
from elimax.pipeline.checkout.context import command, read_order
from elimax.pipeline.checkout.files import Layout, read_json
from elimax.pipeline.errors import FileError, PipelineError

_log = logging.getLogger("elimax.orders")


def choose_order(
    layout: Layout, name: str, graph: ComputationalGraph, choice: str | None
) -> EliminationOrder:
    """Finds the order that a user asks for.

    Args:
        layout: Where data/orders may lie.
        name: Name of the task.
        graph: Its graph.
        choice: "best" for the order of search, "auto", the name of one of the portfolio, or a JSON
            file with an order or a plan. None takes that of search if it fits, otherwise "auto".

    Returns:
        The order.

    Raises:
        FileError: If a file is missing or holds no order of this graph.
        PipelineError: If no order has this name.
    """
    if choice is None:
        choice = "auto" if stored_order(layout, name, graph) is None else "best"
    if choice == "auto":
        return cached_order(graph)
    if choice in PORTFOLIO:
        return named_order(graph, choice)
    hint = command("search", name)
    path = layout.order(name) if choice == "best" else Path(choice)
    if choice != "best" and not path.is_file():
        names = ["best", "auto", *PORTFOLIO]
        near = difflib.get_close_matches(choice, names, n=1)
        guess = f", did you mean {near[0]}?" if near else ";"
        raise PipelineError(
            f"no order and no file is called {choice!r}{guess} choose one of "
            f"{', '.join(names)}, or the JSON file of an order or a plan"
        )
    return _order_in(path, graph, hint)


def stored_order(
    layout: Layout, name: str, graph: ComputationalGraph
) -> tuple[str, EliminationOrder] | None:
    """Reads the best order of a task that search has stored.

    Args:
        layout: Where data/orders may lie.
        name: Name of the task.
        graph: Its graph.

    Returns:
        Who found it, and the order. None if the file does not exist, or, with a warning, if it
        belongs to another graph because the function has changed.

    Raises:
        FileError: If the file is truncated.
    """
    path, hint = layout.order(name), command("search", name)
    if not os.path.lexists(path):
        return None
    content = read_json(path, hint, keys=("found_by", "fingerprint"))
    if content["fingerprint"] != graph.fingerprint:
        _log.warning("%s is for another graph and is ignored; renew it with: %s", path, hint)
        return None
    return str(content["found_by"]), read_order(path, graph, hint, str(content["found_by"]))


def _order_in(path: Path, graph: ComputationalGraph, hint: str) -> EliminationOrder:
    """Reads an order of search or finetune, an `EliminationOrder`, or a `Plan`."""
    content = read_json(path, hint)
    inner = content.get("order")
    if not isinstance(inner, dict) and "vertices" in content and inner is None:
        inner = content
    if not isinstance(inner, dict):
        return read_order(path, graph, hint, str(content.get("found_by", path.stem)))
    try:
        order = EliminationOrder.from_dict(inner)
        check_order(graph, order)
    except ElimaxError as error:
        raise FileError(f"{path} holds no order of this graph: {error}") from None
    return order
