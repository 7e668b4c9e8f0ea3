"""Elimination orders: JSON, and the check that one fits a graph."""

import json
import re

import jax.numpy as jnp
import numpy as np
import pytest

from elimax.interpreter.errors import GraphFormatError, InvalidOrderError
from elimax.interpreter.graph.order import EliminationOrder, check_order
from elimax.interpreter.orders import forward_order
from elimax.interpreter.tracing.call import trace


def chain(length: int = 4):
    """sin applied `length` times: length - 1 eliminable vertices."""

    def function(x):
        for _ in range(length):
            x = jnp.sin(x)
        return x

    return trace(function, 1.0)


def test_round_trip_through_json():
    """An order comes back equal from JSON text."""
    order = EliminationOrder((3, 1, 2), "abc", "ppo")
    assert EliminationOrder.from_dict(json.loads(json.dumps(order.to_dict()))) == order


@pytest.mark.parametrize("key", ["schema", "vertices", "fingerprint", "name"])
def test_torn_order_is_refused(key):
    """An order that lost an entry is refused, and the message names the entry."""
    content = EliminationOrder((1,), "abc").to_dict()
    del content[key]
    with pytest.raises(GraphFormatError, match=f"elimination order.*{key}.*find the order again"):
        EliminationOrder.from_dict(content)


@pytest.mark.parametrize(
    "content", [None, 3, [1, 2], {"schema": 2}, {"schema": 1, "vertices": ["x"]}]
)
def test_other_data_is_no_order(content):
    """Wrong types, schemas and entries end in the same error."""
    with pytest.raises(GraphFormatError, match="cannot read the elimination order"):
        EliminationOrder.from_dict(content)


@pytest.mark.parametrize("vertices", ["12", ["1", "2"], [1.5], [1.0], [float("inf")], 3])
def test_vertices_in_files_are_whole_numbers(vertices):
    """Nothing is rounded or read out of a text."""
    content = {**EliminationOrder((1,), "abc").to_dict(), "vertices": vertices}
    with pytest.raises(GraphFormatError, match="cannot read the elimination order"):
        EliminationOrder.from_dict(content)


@pytest.mark.parametrize("order", [(1, 2, 3), [3, 2, 1], range(1, 4), np.array([2, 1, 3])])
def test_plain_numbers_in_any_sequence_are_an_order(order):
    """Tuples, lists, ranges and arrays of vertex numbers pass and come back as a tuple."""
    assert sorted(check_order(chain(), order)) == [1, 2, 3]


def test_order_made_for_the_graph_passes():
    """The fingerprint fits."""
    graph = chain()
    assert check_order(graph, forward_order(graph)) == (1, 2, 3)


def test_order_of_another_graph_is_refused():
    """The message names the order, both fingerprints, and what to do."""
    graph, other = chain(4), chain(5)
    expected = (
        f"the order 'forward' was made for the graph {other.fingerprint}, but this is "
        f"{graph.fingerprint}: find an order for this graph"
    )
    with pytest.raises(InvalidOrderError, match=re.escape(expected)):
        check_order(graph, forward_order(other))


@pytest.mark.parametrize(
    ("order", "fault"),
    [
        ((1, 2), "it misses 3."),
        ((), "it misses 1, 2, 3."),
        ((1, 2, 2, 3), "it repeats 2."),
        ((1, 2, 3, 4), "it may not eliminate 4."),
        ((1, 2, 3, 9), "it may not eliminate 9."),
        ((0, 1, 2, 3), "it may not eliminate 0."),
        ((1, 1, 7), "it misses 2, 3; it repeats 1; it may not eliminate 7."),
    ],
)
def test_faults_are_listed(order, fault):
    """Missing, repeated and invented vertices are named, and what is wanted is said."""
    with pytest.raises(InvalidOrderError) as caught:
        check_order(chain(), order)
    message = str(caught.value)
    assert f"the order does not fit the graph: {fault}" in message
    assert "every eliminable vertex exactly once, 3 of 1 to 4" in message


@pytest.mark.parametrize(
    "order",
    [{1, 2, 3}, {1: 1, 2: 2, 3: 3}, iter([1, 2, 3]), bytes([1, 2, 3]), 3.5, None, [1.0, 2], ["1"]],
)
def test_what_is_no_order(order):
    """Sets are unordered, iterators are used up by one call, floats are not vertices."""
    expected = rf"'auto', the name of one, .*, but .* of type {type(order).__name__} was given$"
    with pytest.raises(InvalidOrderError, match=expected):
        check_order(chain(), order)


def test_long_lists_are_abridged():
    """A message about many vertices stays readable."""
    with pytest.raises(InvalidOrderError, match=r"1, 2, 3, 4, 5, 6, 7, 8, \.\.\. \(19 in all\)"):
        check_order(chain(20), ())


def test_graph_without_eliminable_vertices_takes_the_empty_order():
    """One equation, a pure output: nothing to eliminate."""
    assert check_order(chain(1), ()) == ()
    with pytest.raises(InvalidOrderError, match="may not eliminate 1"):
        check_order(chain(1), (1,))
