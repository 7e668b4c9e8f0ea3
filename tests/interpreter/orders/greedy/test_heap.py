"""The heap that all greedy rules share."""

import jax.numpy as jnp
import pytest

from elimax.interpreter.orders.greedy.degrees import DegreeElimination
from elimax.interpreter.orders.greedy.heap import (
    GreedyRule,
    greedy_order,
    nodes_between,
    variant_name,
)
from elimax.interpreter.tracing.call import trace


class OddLast(GreedyRule):
    """Takes vertices with an even node first; nothing ever changes."""

    name = "odd_last"

    def priority(self, node: int) -> int:
        """The remainder by two."""
        return node % 2


def chain():
    """A chain of five eliminable vertices, nodes 1 to 5."""

    def function(x):
        for _ in range(6):
            x = jnp.sin(x)
        return x

    return trace(function, 1.0)


def test_lowest_priority_then_the_number():
    """Equal priorities go by number, late vertices wait, and the name says all of it."""
    order = greedy_order(OddLast, chain())
    assert (order.vertices, order.name) == ((2, 4, 1, 3, 5), "odd_last")
    order = greedy_order(OddLast, chain(), "high", "nontrivial", late=frozenset({4}))
    assert order.vertices == (2, 5, 3, 1, 4)
    assert order.name == "odd_last_nontrivial_high_moves_last"
    assert order.fingerprint == chain().fingerprint


def test_names_of_variants():
    """What is usual is not said."""
    assert variant_name("rule", "low", "all") == "rule"
    assert variant_name("rule", "high", "nontrivial") == "rule_nontrivial_high"


@pytest.mark.parametrize(("ties", "count"), [("middle", "all"), ("low", "both")])
def test_unknown_variants_are_refused(ties, count):
    """The message shows what was given and what there is."""
    with pytest.raises(ValueError, match=f"ties='{ties}', count='{count}': ties must be 'low' or"):
        greedy_order(OddLast, chain(), ties, count)


def test_nodes_between_two_nodes():
    """Both when the first has more successors and when the second has more predecessors."""

    def function(x, y):
        a, b = jnp.sin(x), jnp.cos(x)
        return a * b * y, jnp.tanh(x)

    elimination = DegreeElimination(trace(function, 1.0, 2.0, argnums=(0, 1)), "all")
    assert sorted(nodes_between(elimination, [(0, 4)])) == [2, 3]
    assert list(nodes_between(elimination, [(1, 5), (0, 5)])) == []
    assert sorted(nodes_between(elimination, [(2, 5), (3, 5)])) == [4, 4]
