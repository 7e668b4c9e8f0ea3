"""Random programs are varied, whole and reproducible."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elimax.interpreter.graph.structure import Kind
from elimax.models.programs.equations import BINARY_TRIVIAL, UNARY_TRIVIAL, equation
from elimax.models.programs.scalar import STYLES, Stretch, _copy_equation, random_program
from elimax.models.programs.scalar_patterns import LEAST_VERTICES, PATTERNS
from support.program_graphs import assert_whole


@given(
    seed=st.integers(0, 2**20), num_vertices=st.integers(1, 60), style=st.sampled_from([*STYLES])
)
def test_every_vertex_counts(seed, num_vertices, style):
    """All vertices are there, and each lies on a path from an input to an output."""
    graph = random_program(np.random.default_rng(seed), num_vertices, style)
    assert graph.num_vertices == num_vertices
    assert_whole(graph)


@given(seed=st.integers(0, 2**20), num_vertices=st.integers(1, 200))
def test_sizes_are_met_up_to_a_tenth(seed, num_vertices):
    """Whatever is drawn; exactly, where the program is too small for a pattern."""
    graph = random_program(np.random.default_rng(seed), num_vertices)
    tolerance = num_vertices / 10 if num_vertices >= LEAST_VERTICES else 0
    assert abs(graph.num_vertices - num_vertices) <= tolerance


def test_styles_and_patterns_are_all_drawn():
    """A drawn program is that of a name, drawn from the rest of the generator's numbers."""
    found = set()
    for seed in range(60):
        graph = random_program(np.random.default_rng(seed), 50)
        rng = np.random.default_rng(seed)
        name = [*STYLES, *PATTERNS][rng.integers(len(STYLES) + len(PATTERNS))]
        assert graph.fingerprint == random_program(rng, 50, name).fingerprint
        found.add(name)
    assert found == {*STYLES, *PATTERNS}


def test_same_seed_gives_the_same_program():
    """And another seed gives another."""
    first, second, other = (random_program(np.random.default_rng(s), 40) for s in (1, 1, 2))
    assert first.fingerprint == second.fingerprint != other.fingerprint


def test_kinds_follow_from_the_operation():
    """Additions are trivial unless they read one value twice, all else is general."""
    additive = {name.removesuffix("_literal") for name in BINARY_TRIVIAL + UNARY_TRIVIAL}
    graph = random_program(np.random.default_rng(3), 100, "mixed")
    kinds = {Kind.GENERAL: 0, Kind.TRIVIAL: 0}
    for (_, succ), structure in graph.edges.items():
        name = graph.primitives[succ - graph.num_inputs]
        assert structure.kind == Kind.GENERAL or name in additive
        kinds[structure.kind] += 1
    assert min(kinds.values()) > 10


def test_numbers_of_inputs_and_outputs_are_those_of_real_programs():
    """A handful of outputs, not one for every value that happens to be left."""
    styles = list(STYLES)
    graphs = [
        random_program(np.random.default_rng(seed), 60, styles[seed % len(styles)])
        for seed in range(40)
    ]
    outputs = [len(graph.output_nodes) for graph in graphs]
    inputs = [graph.num_inputs for graph in graphs]
    assert 3 <= np.median(outputs) <= 9
    assert max(outputs) <= 30
    assert min(inputs) <= 2 and max(inputs) >= 10


@pytest.mark.parametrize("style", STYLES)
def test_styles_are_drawn_from_the_generator(style):
    """The same state of the generator gives the same style, and all are in use."""
    draws = [STYLES[style](np.random.default_rng(seed), 50) for seed in (0, 0, 1)]
    assert draws[0] == draws[1] != draws[2]


def test_styles_differ_in_depth():
    """Chains are deeper than wide programs."""

    def mean_depth(style: str) -> float:
        depths = []
        for seed in range(30):
            rng = np.random.default_rng(seed)
            graph = random_program(rng, 60, style=style)
            depth = dict.fromkeys(range(graph.num_nodes), 0)
            for pred, succ in sorted(graph.edges, key=lambda edge: edge[1]):
                depth[succ] = max(depth[succ], depth[pred] + 1)
            depths.append(max(depth.values()))
        return float(np.mean(depths))

    assert mean_depth("chain") > 1.5 * mean_depth("wide")


def test_copies_read_the_copies():
    """Where a stretch is copied, arguments inside it shift with it; the operation stays."""
    rng = np.random.default_rng(0)
    style = STYLES["wide"](rng, 30)
    original = equation("mul", 14, 15)
    copy = _copy_equation(rng, style, original, Stretch(14, 17, shift=5), 21, np.zeros(30, int))
    assert copy == original._replace(arguments=(19, 20))
