"""Orders by name that are found outside the interpreter.

The interpreter knows nothing about learning. Code that does registers a planner here: a name and a
function that loads it, which is called when an order of that name is asked for.
"""

from collections.abc import Callable
from typing import TypeAlias

from elimax.interpreter.errors import MissingExtraError
from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.order import EliminationOrder

Planner: TypeAlias = Callable[[ComputationalGraph], EliminationOrder]

_LOADERS: dict[str, Callable[[], Planner]] = {}


def register_planner(name: str, load: Callable[[], Planner]) -> None:
    """Registers a planner.

    Args:
        name: What users pass as `order`.
        load: Returns the planner; called for every order. It may import packages of the extra
            `learn`.
    """
    _LOADERS[name] = load


def planner_order(graph: ComputationalGraph, name: str) -> EliminationOrder | None:
    """The order of a planner.

    Args:
        graph: The graph.
        name: Name of the planner.

    Returns:
        Its order; None if the name is not registered.

    Raises:
        MissingExtraError: If a package that the planner needs is not installed.
    """
    if name not in _LOADERS:
        return None
    try:
        planner = _LOADERS[name]()
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"order={name!r} needs the package {error.name}, which is not installed: "
            "pip install 'elimax[learn]'"
        ) from error
    return planner(graph)
