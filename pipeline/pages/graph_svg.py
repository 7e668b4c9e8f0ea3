"""Draws a computational graph as SVG text: layered by depth, before or during its elimination.

Layers follow Sugiyama, Tagawa & Toda, "Methods for visual understanding of hierarchical system
structures" (IEEE Trans. SMC 11, 1981): nodes stand at their depth, and a node moves towards the
mean position of its neighbours, so that fewer edges cross.
"""

import html
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.pair_structure import Structure
from elimax.interpreter.graph.structure import Kind

COLUMN, ROW, MARGIN, RADIUS = 30.0, 17.0, 34.0, 4.5
SWEEPS = 12
LABELLED_UP_TO = 60
"""The largest number of nodes whose numbers fit into a picture."""
LABEL_SIZE = 10.0
KIND_COLOURS = {Kind.STRUCTURAL: "#8a8a8a", Kind.TRIVIAL: "#2b9a66", Kind.GENERAL: "#2f6fde"}
INPUT_COLOUR, VERTEX_COLOUR, OUTPUT_COLOUR = "#9b51c9", "#707070", "#d1662a"
NEXT_COLOUR = "#c02d2d"

Place = tuple[float, float]


class GraphPicture(NamedTuple):
    """Where the nodes of a graph stand; the same in all its pictures.

    Attributes:
        graph: The graph.
        places: Place of every node that is drawn, as (x, y).
        width: Width of the picture.
        height: Its height.
    """

    graph: ComputationalGraph
    places: Mapping[int, Place]
    width: float
    height: float


def lay_out(graph: ComputationalGraph) -> GraphPicture:
    """Places the nodes of a graph in columns by depth, inputs on the left.

    Args:
        graph: The graph.

    Returns:
        The places of inputs, outputs and of all vertices with an edge.
    """
    ends = {node for edge in graph.edges for node in edge}
    shown = sorted(ends | set(range(graph.num_inputs)) | graph.output_nodes)
    depths = dict.fromkeys(shown, 0)
    # An edge leads to a later node, so that predecessors are known first.
    for pred, succ in sorted(graph.edges, key=lambda edge: edge[1]):
        depths[succ] = max(depths[succ], depths[pred] + 1)
    layers: list[list[int]] = [[] for _ in range(max(depths.values(), default=0) + 1)]
    for node in shown:
        layers[depths[node]].append(node)
    heights = _heights(graph, layers)
    low = min(heights.values(), default=0.0)
    places = {
        node: (MARGIN + COLUMN * depths[node], MARGIN + ROW * (heights[node] - low))
        for node in shown
    }
    width = 2 * MARGIN + COLUMN * (len(layers) - 1)
    height = MARGIN + max((y for _, y in places.values()), default=0.0)
    return GraphPicture(graph, places, width, height)


def draw(
    picture: GraphPicture,
    edges: Mapping[tuple[int, int], Structure],
    gone: Iterable[int] = (),
    next_vertex: int | None = None,
    notes: Mapping[int, str] | None = None,
) -> str:
    """Draws a state of the elimination.

    Args:
        picture: Where the nodes stand.
        edges: The edges that are there now, by (predecessor node, successor node).
        gone: Vertices that are already eliminated; they stay as faint dots.
        next_vertex: The vertex that is eliminated next, to be marked with its edges.
        notes: A text per vertex, shown when the mouse hovers over it.

    Returns:
        An `<svg>` element.
    """
    graph, notes = picture.graph, notes or {}
    marked = None if next_vertex is None else graph.node(next_vertex)
    faint = {graph.node(vertex) for vertex in gone}
    opacity = max(0.35, min(0.8, 60 / max(1, len(edges))))
    # Marked edges come last, so that they lie on top.
    drawn = sorted(edges.items(), key=lambda entry: (marked in entry[0], entry[0]))
    parts = [_edge(picture, ends, edge, marked, opacity) for ends, edge in drawn]
    parts += [_node(picture, node, faint, marked, notes) for node in picture.places]
    # A narrow screen scrolls a picture rather than showing numbers that nobody can read.
    least = 1.2 if len(picture.places) <= LABELLED_UP_TO else 0.6
    return (
        f'<svg viewBox="0 0 {picture.width:g} {picture.height:g}" role="img" '
        f'style="min-width: {least * picture.width:.0f}px; max-width: {1.6 * picture.width:.0f}px" '
        f'xmlns="http://www.w3.org/2000/svg">{"".join(parts)}</svg>'
    )


def legend() -> str:
    """Explains the colours of the pictures, as an HTML paragraph."""
    entries = [
        (INPUT_COLOUR, "■ input"),
        (OUTPUT_COLOUR, "◆ output"),
        (NEXT_COLOUR, "● eliminated next"),
        *((KIND_COLOURS[kind], f"— {kind.name.lower()} edge") for kind in Kind),
    ]
    spans = " ".join(f'<span style="color:{colour}">{text}</span>' for colour, text in entries)
    return f'<p class="legend">{spans} · faint dots: eliminated</p>'


def _heights(graph: ComputationalGraph, layers: Sequence[Sequence[int]]) -> dict[int, float]:
    """The height of every node in rows, at least one row apart within a layer."""
    before: dict[int, list[int]] = {node: [] for layer in layers for node in layer}
    after: dict[int, list[int]] = {node: [] for node in before}
    for pred, succ in graph.edges:
        before[succ].append(pred)
        after[pred].append(succ)
    heights = {
        node: row - (len(layer) - 1) / 2 for layer in layers for row, node in enumerate(layer)
    }
    joined = [[node for node in layer if before[node] or after[node]] for layer in layers]
    for sweep in range(SWEEPS):
        forward = sweep % 2 == 0
        for layer in joined if forward else reversed(joined):
            neighbours = before if forward else after
            wanted = {
                node: statistics.fmean(heights[x] for x in neighbours[node] or [node])
                for node in layer
            }
            heights.update(_apart(sorted(layer, key=lambda x: (wanted[x], x)), wanted))
    # Nodes without an edge have no neighbours to follow: they stand below the rest of their layer.
    for layer, others in zip(layers, joined, strict=True):
        lowest = max((heights[node] for node in others), default=-1.0)
        alone = [node for node in layer if node not in set(others)]
        heights.update({node: lowest + row for row, node in enumerate(alone, start=1)})
    return heights


def _apart(layer: Sequence[int], wanted: Mapping[int, float]) -> dict[int, float]:
    """Moves the nodes of a layer a row apart, in this sequence, their mean where it was wanted."""
    rows: list[float] = []
    for node in layer:
        rows.append(wanted[node] if not rows else max(wanted[node], rows[-1] + 1.0))
    shift = statistics.fmean(wanted.values()) - statistics.fmean(rows) if rows else 0.0
    return {node: row + shift for node, row in zip(layer, rows, strict=True)}


def _edge(
    picture: GraphPicture,
    ends: tuple[int, int],
    edge: Structure,
    marked: int | None,
    opacity: float,
) -> str:
    (x0, y0), (x1, y1) = (picture.places[node] for node in ends)
    # Long edges bend away from the line of nodes between their ends.
    bend = 0.0 if x1 - x0 <= COLUMN else min(0.25 * (x1 - x0), 2.5 * ROW) * (-1) ** sum(ends)
    pull = 0.4 * (x1 - x0)
    is_marked = marked in ends
    colour = NEXT_COLOUR if is_marked else KIND_COLOURS[edge.kind]
    dash = ' stroke-dasharray="4 2"' if edge.kind == Kind.STRUCTURAL else ""
    return (
        f'<path d="M{x0:.1f},{y0:.1f} C{x0 + pull:.1f},{y0 + bend:.1f} '
        f'{x1 - pull:.1f},{y1 + bend:.1f} {x1:.1f},{y1:.1f}" fill="none" stroke="{colour}" '
        f'stroke-width="{1.6 if is_marked else 0.9}" '
        f'stroke-opacity="{0.9 if is_marked else opacity:.2f}"{dash}/>'
    )


def _node(
    picture: GraphPicture,
    node: int,
    gone: set[int],
    marked: int | None,
    notes: Mapping[int, str],
) -> str:
    graph, (x, y) = picture.graph, picture.places[node]
    is_gone = node in gone and node not in graph.output_nodes
    tag, attributes, colour = _mark(graph, node, x, y, RADIUS / 2 if is_gone else RADIUS)
    colour = NEXT_COLOUR if node == marked else colour
    shape = "×".join(map(str, graph.node_shapes[node])) or "scalar"
    if node < graph.num_inputs:
        title, label = f"input {node}, {shape}", f"x{node}"
    else:
        vertex = graph.vertex(node)
        title = f"vertex {vertex}: {graph.primitive(vertex)}, {shape}"
        title, label = "; ".join([title, *filter(None, [notes.get(vertex)])]), str(vertex)
    text = ""
    if len(picture.places) <= LABELLED_UP_TO:
        place = f'x="{x + RADIUS + 1:.1f}" y="{y - RADIUS:.1f}"'
        text = f'<text {place} style="font-size:{LABEL_SIZE:g}px">{label}</text>'
    return (
        f'<g opacity="{0.3 if is_gone else 1}"><{tag} {attributes} fill="{colour}">'
        f"<title>{html.escape(title)}</title></{tag}>{text}</g>"
    )


def _mark(graph: ComputationalGraph, node: int, x: float, y: float, r: float) -> tuple[str, ...]:
    """Element, attributes and colour of the mark of a node: a square, a diamond or a disc."""
    is_output = node in graph.output_nodes
    if node < graph.num_inputs:
        colour = OUTPUT_COLOUR if is_output else INPUT_COLOUR
        size = f'width="{2 * r:g}" height="{2 * r:g}"'
        return "rect", f'x="{x - r:.1f}" y="{y - r:.1f}" {size}', colour
    if is_output:
        d = 1.3 * r
        corners = ((x - d, y), (x, y - d), (x + d, y), (x, y + d))
        points = " ".join(f"{a:.1f},{b:.1f}" for a, b in corners)
        return "polygon", f'points="{points}"', OUTPUT_COLOUR
    return "circle", f'cx="{x:.1f}" cy="{y:.1f}" r="{r:g}"', VERTEX_COLOUR
