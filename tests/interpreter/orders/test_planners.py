"""Orders that something outside of the interpreter finds."""

import jax.numpy as jnp
import pytest

import elimax
from elimax.interpreter.errors import MissingExtraError
from elimax.interpreter.graph.order import EliminationOrder
from elimax.interpreter.orders import planners
from elimax.interpreter.orders.planners import Planner, planner_order, register_planner


@pytest.fixture(autouse=True)
def _own_planners(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test registers is forgotten after it."""
    monkeypatch.setattr(planners, "_LOADERS", dict(planners._LOADERS))


def test_a_planner_is_loaded_when_it_is_asked_for() -> None:
    """Registering loads nothing; the order is that of the planner, by its name in jacve too."""
    loaded = []

    def load() -> Planner:
        loaded.append(True)
        return lambda graph: EliminationOrder(graph.eliminable[::-1], graph.fingerprint, "mine")

    register_planner("mine", load)
    graph = elimax.trace(lambda x: jnp.sin(jnp.cos(x) * x), 1.0)
    assert not loaded
    order = planner_order(graph, "mine")
    assert order is not None and order.name == "mine" and loaded


def test_a_name_that_nobody_registered_has_no_planner() -> None:
    """The caller then looks elsewhere, and says which names there are."""
    graph = elimax.trace(jnp.sin, 1.0)
    assert planner_order(graph, "nobody") is None
    with pytest.raises(elimax.InvalidOrderError, match="there is no order 'nobody'"):
        elimax.jacve(jnp.sin, order="nobody")(1.0)  # type: ignore[arg-type]


def test_a_missing_package_is_named() -> None:
    """With what to install."""

    def load() -> Planner:
        raise ModuleNotFoundError("No module named 'equinox'", name="equinox")

    register_planner("policy", load)
    text = r"order='policy' needs the package equinox, .*: pip install 'elimax\[learn\]'"
    with pytest.raises(MissingExtraError, match=text):
        elimax.jacve(jnp.sin, order="policy")(1.0)
