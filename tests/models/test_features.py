"""What is computed once for a graph, by hand and by plain search."""

import itertools
import math

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given

from elimax.interpreter.graph.pair_structure import Direction, OpaqueStructure, PairStructure
from elimax.interpreter.graph.structure import Kind, edge_structure
from elimax.interpreter.tracing.call import trace
from elimax.models.features import (
    LOCAL,
    START,
    STRUCTURE,
    start_features,
    structure_features,
)
from elimax.models.game import Game
from support.model_graphs import GENERAL, TRIVIAL, array_graph, program, scalar_graph
from support.program_graphs import reached
from support.small_graphs import graphs, opaque_graphs, scalar_graphs


def start_columns(game: Game) -> dict[str, np.ndarray]:
    """Everything that the encoder sees of the nodes, by name."""
    names = (*START, *(f"local {name}" for name in LOCAL))
    return dict(zip(names, game.start.nodes.T, strict=True))


def diamond() -> Game:
    """Inputs 0 and 1; 0 -> 2, 1 -> 2, 2 -> 3, 2 -> 4, 0 -> 4, 3 -> 5, 4 -> 5; output 5."""
    edges = [(0, 2), (1, 2), (2, 3), (2, 4), (0, 4), (3, 5), (4, 5)]
    return Game(scalar_graph(2, 4, edges, (5,)))


def test_features_by_hand():
    """Of node 2, whose elimination joins 0 and 1 to 3 and 4.

    3 costs 2 instead of 1 afterwards; 4 has the predecessors 0 and 1 instead of 0 and 2. Forward
    costs 4 + 2 + 2, reverse 2 + 1 + 2, and Markowitz takes 3 first, then 4, then 2: 1 + 2 + 2.
    """
    features = {name: values[2] for name, values in start_columns(diamond()).items()}
    assert features == pytest.approx(
        {
            "depth": 1 / 3,
            "height": 2 / 3,
            "log(1 + inputs that reach it)": math.log(3),
            "log(1 + outputs that it reaches)": math.log(2),
            "is an input": 0.0,
            "is an output": 0.0,
            "is to be eliminated": 1.0,
            "log of the number of its entries": 0.0,
            "log(1 + in-degree)": math.log(3),
            "log(1 + out-degree)": math.log(3),
            "log of the entries of the inputs that reach it": math.log(2) / 4,
            "log of the entries of the outputs that it reaches": 0.0,
            "log of the narrowest way to it": 0.0,
            "log of the narrowest way from it": 0.0,
            "log(1 + cost) in the forward order": math.log(5),
            "log(1 + cost) in the reverse order": math.log(3),
            "log(1 + cost) in the Markowitz order": math.log(3),
            "share of the Markowitz order before it": 1.0,
            "local log(1 + in-degree)": math.log(3),
            "local log(1 + out-degree)": math.log(3),
            "local log(1 + cost)": math.log(5),
            "local log(1 + fill-in)": math.log(4),
            "local signed log of damage": math.log(2),
            "local signed log of damage + cost": math.log(6),
            "local signed log of damage - cost": -math.log(4),
            "local share of predecessors that are inputs": 1.0,
            "local share of successors that are outputs": 0.0,
            "local no fill-in": 0.0,
            "local one predecessor": 0.0,
            "local one successor": 0.0,
            "local log(1 + cost of a product)": math.log(2),
            "local share of free products": 0.0,
            "local log of cost, minus that in the forward order": 0.0,
            "local log of cost, minus that in the reverse order": math.log(5 / 3),
            "local log of cost, minus that in the Markowitz order": math.log(5 / 3),
            "local log(1 + cost), in moves": math.log(1 + 4 / (5 / 3)),
            "local signed log of damage + cost, in moves": math.log(1 + 5 / (5 / 3)),
            "local signed log of damage - cost, in moves": -math.log(1 + 3 / (5 / 3)),
            "local log(1 + numbers on the edges into it)": math.log(3) / 4,
            "local log(1 + numbers on the edges out of it)": math.log(3) / 4,
            "local signed log of the numbers that its elimination adds": -math.log(2) / 4,
        },
        abs=1e-6,
    )


def test_inputs_outputs_and_vertices_are_flagged():
    """Nodes 0 and 1 are inputs, node 5 is the output, the others are to be eliminated."""
    features = start_columns(diamond())
    assert np.flatnonzero(features["is an input"]).tolist() == [0, 1]
    assert np.flatnonzero(features["is an output"]).tolist() == [5]
    assert np.flatnonzero(features["is to be eliminated"]).tolist() == [2, 3, 4]


def narrowest_ways(ends: set[int], sizes: list[int], edges: list[tuple[int, int]]) -> list[int]:
    """For every node the least capacity of a cut on the ways from some ends, cutting greedily.

    Either a node itself is cut, or the ways through each of its predecessors are.
    """

    def width(node: int) -> int:
        before = sum(width(pred) for pred, succ in edges if succ == node)
        return min(sizes[node], before + (sizes[node] if node in ends else 0))

    return [width(node) for node in range(len(sizes))]


def longest_path(start: int, edges: list[tuple[int, int]]) -> int:
    """The number of edges of the longest path from a node, by trying all."""
    return max((1 + longest_path(succ, edges) for pred, succ in edges if pred == start), default=0)


def log_size(size: int) -> float:
    """As sizes are shown."""
    return math.log(max(1, size)) / 4


@given(graph=scalar_graphs() | graphs())
def test_start_features_by_search(graph):
    """Depth, height, reach and degrees of every node of the whole graph, edges in any order."""
    edges = list(graph.edges)
    num, outputs = graph.num_nodes, graph.output_nodes
    is_input = np.arange(num) < graph.num_inputs
    is_output = np.isin(range(num), sorted(outputs))
    sizes = np.array([math.prod(shape) for shape in graph.node_shapes])
    remains = np.arange(num) % 2 == 1
    simple = np.arange(4 * num).reshape(num, 4)
    backwards = [(succ, pred) for pred, succ in edges]
    heights = [longest_path(node, edges) for node in range(num)]
    depths = [longest_path(node, backwards) for node in range(num)]
    longest = max(1, *heights)
    inputs, outputs = (set(np.flatnonzero(flags).tolist()) for flags in (is_input, is_output))
    ways_to = narrowest_ways(inputs, sizes.tolist(), edges)
    ways_from = narrowest_ways(outputs, sizes.tolist(), backwards)
    expected = [
        [
            depths[node] / longest,
            heights[node] / longest,
            math.log(1 + sum(is_input[k] for k in reached({node}, backwards))),
            math.log(1 + sum(is_output[k] for k in reached({node}, edges))),
            is_input[node],
            is_output[node],
            remains[node],
            math.log(sizes[node]) / 4,
            math.log(1 + [succ for _, succ in edges].count(node)),
            math.log(1 + [pred for pred, _ in edges].count(node)),
            log_size(sum(sizes[k] for k in reached({node}, backwards) & inputs)),
            log_size(sum(sizes[k] for k in reached({node}, edges) & outputs)),
            log_size(ways_to[node]),
            log_size(ways_from[node]),
            *simple[node],
        ]
        for node in range(num)
    ]
    for given_edges in (edges, edges[::-1]):
        found = start_features(given_edges, sizes, is_input, is_output, remains, simple)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, np.array(expected, float), rtol=1e-5, atol=1e-6)


def test_start_features_of_nothing():
    """A graph without nodes on the board has no rows, and all columns."""
    nothing = np.zeros(0, bool)
    simple = np.zeros((0, 4))
    found = start_features([], np.zeros(0, int), nothing, nothing, nothing, simple)
    assert found.shape == (0, len(START))


@pytest.mark.parametrize(("edge", "flag"), [(TRIVIAL, 1), (GENERAL, 2)])
def test_scalar_structures(edge, flag):
    """One flag for the kind, and no sizes."""
    expected = [0.0] * len(STRUCTURE)
    expected[flag] = 1.0
    assert structure_features(edge) == tuple(expected)


def test_array_structure_by_hand():
    """From (3, 5) to (2, 3): the axis of 3 is tied; the value has 2 x 5 entries, and the tie none.

    Sizes count each on its own: what is carried, what is tied, both shapes.
    """
    edge = edge_structure((2, 3), (3, 5), (1, -1), (0, 3), Kind.GENERAL)
    found = dict(zip(STRUCTURE, structure_features(edge), strict=True))
    assert found == pytest.approx(
        {
            "is structural": 0.0,
            "is trivial": 0.0,
            "is general": 1.0,
            "is opaque": 0.0,
            "log of the number of its values": math.log(10) / 4,
            "log of the number of tied entries": math.log(3) / 4,
            "log of the entries of its successor": math.log(6) / 4,
            "log of the entries of its predecessor": math.log(15) / 4,
        }
    )


def test_structure_of_several_parts():
    """Means over the parts; an opaque one looks like what it would be if it were written."""
    written = edge_structure((2,), (2,), (0,), (), Kind.STRUCTURAL)
    full = edge_structure((2,), (2,), (-1,), (0, 1), Kind.GENERAL)
    opaque = OpaqueStructure(full, 7, Direction.BOTH)
    alone = structure_features(PairStructure((opaque,)))
    assert alone[:5] == (0.0, 0.0, 1.0, 1.0, pytest.approx(math.log(4) / 4))
    both = structure_features(PairStructure((written, opaque)))
    pairs = zip(structure_features(written), alone, strict=True)
    assert both == pytest.approx([(x + y) / 2 for x, y in pairs])


def test_scalars_and_arrays_of_one_form_look_the_same():
    """A function mapped over 7 elements has 7 times the costs, the same features, but for sizes."""

    def function(x, y):
        product = jnp.sin(x) * y
        return jnp.exp(product) * product + x

    scalar = Game(trace(function, jnp.ones(()), jnp.ones(()), argnums=(0, 1)))
    mapped = Game(trace(function, jnp.ones(7), jnp.ones(7), argnums=(0, 1)))
    nodes = scalar.moves(scalar.graph.eliminable)
    assert nodes.tolist() == mapped.moves(mapped.graph.eliminable).tolist()
    of_scalar, of_mapped = (g.positions(nodes, range(len(nodes)), 10) for g in (scalar, mapped))
    is_size = np.array(["numbers" in name for name in LOCAL])
    for found, expected in zip(of_mapped, of_scalar, strict=True):
        if found.shape[-1] == len(LOCAL):
            found, expected = found[..., ~is_size], expected[..., ~is_size]
        np.testing.assert_allclose(found, expected, atol=1e-5)
    for name, values in start_columns(scalar).items():
        if not any(word in name for word in ("entries", "numbers", "narrowest")):
            np.testing.assert_allclose(start_columns(mapped)[name], values, atol=1e-5, err_msg=name)


@given(graph=opaque_graphs())
def test_features_are_finite_and_moderate(graph):
    """Nothing that the policy reads is far from the unit scale, whatever the sizes."""
    start = Game(graph).start
    for shown in (start.nodes, start.structures):
        assert np.all(np.abs(shown) < 20.0)


def test_names_are_unique():
    """Each name stands for one column."""
    for names in (LOCAL, START, STRUCTURE):
        assert len(set(names)) == len(names)
    games = [Game(program(2)), Game(array_graph())]
    for first, second in itertools.pairwise(games):
        assert first.start.nodes.shape[1] == second.start.nodes.shape[1] == len(START + LOCAL)
