"""Pictures of graphs: where nodes stand, which edges are drawn."""

import itertools
import xml.etree.ElementTree as ElementTree

import jax.numpy as jnp
import pytest
from hypothesis import given, settings

from elimax.interpreter.graph.explanation import edges_after
from elimax.interpreter.orders import forward_order
from elimax.interpreter.tracing.call import trace
from elimax.pipeline.pages.graph_svg import (
    ROW,
    draw,
    lay_out,
    legend,
)
from support.random_programs import scalar_programs
from support.traced_tasks import task_graph


def tags(text: str) -> list[str]:
    """Names of all elements."""
    return [element.tag.rpartition("}")[2] for element in ElementTree.fromstring(text).iter()]


@given(scalar_programs())
@settings(max_examples=20)
def test_nodes_stand_apart_and_edges_lead_right(program) -> None:
    """Successors are to the right; two nodes of a column are at least a row apart."""
    graph = trace(program, *program.inputs, argnums=range(len(program.inputs)))
    picture = lay_out(graph)
    for pred, succ in graph.edges:
        assert picture.places[pred][0] < picture.places[succ][0]
    columns: dict[float, list[float]] = {}
    for x, y in picture.places.values():
        assert 0 <= x <= picture.width and 0 <= y <= picture.height
        columns.setdefault(x, []).append(y)
    for heights in columns.values():
        ordered = sorted(heights)
        assert all(b - a > ROW * 0.999 for a, b in itertools.pairwise(ordered))


@pytest.mark.parametrize("step", [0, 10, 38])
def test_every_edge_is_drawn_once(step: int) -> None:
    """And the next vertex is marked with its edges."""
    graph = task_graph("kerr_metric")
    order = forward_order(graph)
    edges = edges_after(graph, order, step)
    coming = order.vertices[step] if step < 38 else None
    text = draw(lay_out(graph), edges, order.vertices[:step], coming, {1: "a < b"})
    names = tags(text)
    assert names.count("path") == len(edges)
    assert names.count("rect") == graph.num_inputs
    assert names.count("polygon") == len(graph.output_nodes)
    assert text.count('opacity="0.3"') == len(set(order.vertices[:step]) - outputs(graph))
    marked = 0 if coming is None else sum(graph.node(coming) in ends for ends in edges)
    assert text.count('stroke="#c02d2d"') == marked
    assert "a &lt; b" in text


def outputs(graph) -> set[int]:
    """Vertex numbers of the outputs."""
    return {graph.vertex(node) for node in graph.output_nodes}


def test_small_graphs_have_numbers() -> None:
    """Beside the nodes, where there is room; titles tell shapes."""
    graph = trace(lambda x: (jnp.sin(x).sum(), x), jnp.ones((2, 3)))
    text = draw(lay_out(graph), graph.edges)
    assert tags(text).count("text") == len(lay_out(graph).places) == 3
    assert "vertex 1: sin, 2×3" in text and "input 0, 2×3" in text
    large = task_graph("kerr_metric")
    assert tags(draw(lay_out(large), large.edges)).count("text") in (0, len(lay_out(large).places))
    lstm = task_graph("lstm_rollout")
    assert "text" not in tags(draw(lay_out(lstm), lstm.edges))


def test_inputs_without_an_edge_stand_beside_the_others() -> None:
    """A row below them: nothing else would keep them there."""
    places = lay_out(task_graph("kerr_metric")).places
    inputs = sorted(places[node][1] for node in range(1, 6))
    assert places[0][1] == pytest.approx(inputs[-1] + ROW)


def test_a_graph_without_edges() -> None:
    """An input that is returned as it is, and a constant."""
    graph = trace(lambda x: (x, 1.0), 1.0)
    assert tags(draw(lay_out(graph), graph.edges)).count("rect") == 1


def test_the_legend_names_all_colours() -> None:
    """Nodes and kinds of edges."""
    text = "".join(ElementTree.fromstring(legend()).itertext())
    for word in ("input", "output", "next", "structural", "trivial", "general", "eliminated"):
        assert word in text
