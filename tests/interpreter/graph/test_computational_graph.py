"""Computational graphs: numbering, eliminable vertices, validation, JSON and fingerprints."""

import copy
import dataclasses
import json

import jax.numpy as jnp
import pytest

from elimax.interpreter.errors import GraphFormatError
from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.structure import Kind, edge_structure
from elimax.interpreter.tracing.call import trace
from support.repository import ROOT
from support.traced_tasks import task_graph

SCALAR = edge_structure((), (), [], [], Kind.GENERAL)


def small_graph() -> ComputationalGraph:
    """A graph with arrays, a shared value, and an output that another output uses."""

    def function(x, y):
        z = jnp.sin(x) * y
        return z, z.sum(), x

    return trace(function, jnp.ones((2, 3)), jnp.ones((2, 3)), argnums=(0, 1))


def test_nodes_and_vertices_are_numbered_in_program_order():
    """Inputs come first; vertex n is node I + n - 1."""
    graph = small_graph()
    assert (graph.num_inputs, graph.num_vertices, graph.num_nodes) == (2, 3, 5)
    assert graph.primitives == ("sin", "mul", "reduce_sum")
    assert graph.node(1) == 2 and graph.vertex(2) == 1
    assert graph.outputs == (3, 4, 0)
    assert graph.output_nodes == {0, 3, 4}


def test_outputs_are_eliminable_only_if_they_are_used():
    """The product is an output that the sum uses; the sum is a pure output."""
    assert small_graph().eliminable == (1, 2)


def test_vertices_without_edges_are_eliminable():
    """Constants and dead values keep their number and cost nothing."""
    graph = trace(lambda x: (jnp.floor(x), jnp.sin(x) * jnp.floor(x))[1], 1.0)
    assert set(graph.eliminable) == {1, 2, 3}
    assert not any(graph.node(1) in edge for edge in graph.edges)


def test_round_trip_through_json():
    """to_dict writes plain JSON, from_dict reads an equal graph with the same fingerprint."""
    graph = small_graph()
    text = json.dumps(graph.to_dict())
    again = ComputationalGraph.from_dict(json.loads(text))
    assert again == graph
    assert again.fingerprint == graph.fingerprint
    assert json.dumps(again.to_dict()) == text


def test_fingerprint_ignores_names_and_sees_the_rest():
    """Other names, same orders; other outputs, shapes or kinds, other orders."""
    graph = small_graph()
    renamed = dataclasses.replace(graph, primitives=("cos", "mul", "reduce_sum"))
    assert renamed.fingerprint == graph.fingerprint
    assert len(graph.fingerprint) == 16
    changed = dataclasses.replace(graph, outputs=(3, 4))
    fewer = dataclasses.replace(graph, edges={k: v for k, v in graph.edges.items() if k != (0, 2)})
    others = {changed.fingerprint, fewer.fingerprint, graph.fingerprint}
    assert len(others) == 3


def test_fingerprint_is_pinned():
    """A stored order stays readable: the digest of a fixed graph never changes."""
    edges = {(0, 1): SCALAR, (1, 2): SCALAR}
    graph = ComputationalGraph(1, ((), (), ()), ("sin", "sin"), (2,), edges)
    assert graph.fingerprint == "0068f864f3b28d58"


@pytest.mark.parametrize("name", ["kerr_metric", "mlp", "lstm_rollout", "planar_arm_20"])
def test_committed_orders_carry_the_fingerprints_of_their_graphs(name):
    """Scalars, arrays, slices and unrolled loops, digested as when the orders were found."""
    stored = json.loads((ROOT / "data" / "orders" / f"{name}.json").read_text())
    assert task_graph(name).fingerprint == stored["fingerprint"]


def test_edge_order_does_not_matter_for_the_fingerprint():
    """Edges are a mapping: the order of their insertion is no property of the graph."""
    graph = small_graph()
    turned = dataclasses.replace(graph, edges=dict(reversed(graph.edges.items())))
    assert turned.fingerprint == graph.fingerprint


@pytest.mark.parametrize("edge", [(2, 1), (1, 1), (0, 9), (-1, 2), (0, 0)])
def test_edges_lead_from_earlier_nodes_to_later_vertices(edge):
    """An edge backwards, to itself, to an input or out of the graph is refused by name."""
    with pytest.raises(GraphFormatError, match=r"does not lead from an earlier node"):
        ComputationalGraph(1, ((), (), ()), ("sin", "sin"), (2,), {edge: SCALAR})


def test_edge_shapes_must_be_those_of_the_nodes():
    """The message shows both shapes."""
    with pytest.raises(GraphFormatError, match=r"edge \(0, 1\) has shapes .* but its nodes have"):
        ComputationalGraph(1, ((3,), ()), ("sin",), (1,), {(0, 1): SCALAR})


def test_number_of_shapes_is_checked():
    """The message says how many shapes were wanted from what."""
    with pytest.raises(GraphFormatError, match="1 inputs and 2 vertices needs a shape for each"):
        ComputationalGraph(1, ((), ()), ("sin", "sin"), (1,), {})


@pytest.mark.parametrize("content", [None, [], "graph", 7])
def test_other_data_is_no_graph(content):
    """Anything but a dictionary is refused with its type."""
    with pytest.raises(GraphFormatError, match=type(content).__name__):
        ComputationalGraph.from_dict(content)


def test_other_schema_is_refused():
    """The message names the schema found and the one wanted."""
    content = small_graph().to_dict() | {"schema": 99}
    with pytest.raises(GraphFormatError, match="schema 99; expected schema 1: extract"):
        ComputationalGraph.from_dict(content)


@pytest.mark.parametrize(
    "key", ["num_inputs", "node_shapes", "primitives", "outputs", "structures", "edges"]
)
def test_torn_graph_is_refused(key):
    """A dictionary that lost an entry is refused, and the message names the entry."""
    content = small_graph().to_dict()
    del content[key]
    with pytest.raises(GraphFormatError, match=f"'{key}'.*extract the graph again"):
        ComputationalGraph.from_dict(content)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("edges", 0), [0, 2]),
        (("edges", 0), [0, 2, 99]),
        (("edges", 0), "abc"),
        (("structures", 0, "kind"), "free"),
        (("structures", 0, "kind"), 3),
        (("structures", 0, "ties"), None),
        (("structures", 0), {}),
        (("node_shapes", 0), 4),
        (("num_inputs",), "two"),
        (("outputs",), None),
    ],
)
def test_malformed_entries_are_refused(path, value):
    """Wrong types and numbers out of range end in the same error, not in a Python one."""
    content = copy.deepcopy(small_graph().to_dict())
    *way, last = path
    part = content
    for step in way:
        part = part[step]
    part[last] = value
    with pytest.raises(GraphFormatError):
        ComputationalGraph.from_dict(content)


def test_lists_and_tuples_read_the_same():
    """What JSON turns into lists, and what Python keeps as tuples, are the same graph."""
    content = small_graph().to_dict()
    assert ComputationalGraph.from_dict(json.loads(json.dumps(content))) == (
        ComputationalGraph.from_dict(content)
    )
