"""Programs are drawn by shares, in a range of sizes, without those of too many structures."""

import numpy as np
import pytest

from elimax.interpreter.graph.elimination import CountingElimination
from elimax.interpreter.orders import markowitz_order
from elimax.models.programs import draw
from elimax.models.programs.arrays import random_array_program
from elimax.models.programs.draw import (
    MOST_STRUCTURES,
    ProgramMix,
    draw_program,
    structures_met,
)
from elimax.models.programs.scalar import random_program
from support.model_graphs import array_graph
from support.program_graphs import assert_whole


@pytest.mark.parametrize(
    "mix", [ProgramMix(1, 0, 0), ProgramMix(0, 1, 0), ProgramMix(0, 0, 1), ProgramMix()]
)
def test_programs_are_in_the_range(mix):
    """Whole, and within the limit on structures, whatever kind is drawn."""
    for seed in range(3):
        graph = draw_program(np.random.default_rng(seed), 20, 60, mix)
        assert 20 <= graph.num_vertices <= 60
        assert_whole(graph)
        assert structures_met(graph) <= MOST_STRUCTURES


def test_shares_decide_the_kind(monkeypatch):
    """A share of 3 is three times as frequent as one of 1, and one of 0 never occurs."""
    drawn = []

    def note(rng, kind, least, most):
        drawn.append(kind)
        return random_program(rng, 20, "mixed")

    monkeypatch.setattr(draw, "_draw_kind", note)
    rng = np.random.default_rng(0)
    for _ in range(400):
        draw_program(rng, 20, 20, ProgramMix(scalar=3, arrays=0, packages=1))
    assert set(drawn) == {0, 2}
    assert 0.69 < np.mean(np.array(drawn) == 0) < 0.81


def test_sizes_are_log_uniform():
    """As many from 20 to 63 as from 63 to 200."""
    rng = np.random.default_rng(0)
    mix = ProgramMix(1, 0, 0)
    sizes = [draw_program(rng, 20, 200, mix).num_vertices for _ in range(300)]
    assert 0.4 < np.mean(np.array(sizes) < 63) < 0.6


def test_programs_depend_on_the_generator_alone():
    """The same state gives the same graph; others give others."""
    fingerprints = [
        draw_program(np.random.default_rng(seed), 20, 60, ProgramMix()).fingerprint
        for seed in (*range(4), *range(4))
    ]
    assert fingerprints[:4] == fingerprints[4:]
    assert len(set(fingerprints)) == 4


def test_structures_met_are_counted_as_they_are():
    """The structures of all edges that stand at any time, and no others, by two eliminations."""
    graph = array_graph()
    met = set(graph.edges.values())
    for order in (graph.eliminable[::-1], markowitz_order(graph).vertices):
        elimination = CountingElimination(graph)
        for vertex in order:
            elimination.eliminate(vertex)
            met |= {edge for edges in elimination.predecessors for edge in edges.values()}
    # Products that are added to another edge are met as well.
    assert len(met) <= structures_met(graph) <= len(met) + 6


def test_programs_with_many_structures_are_left_out(monkeypatch):
    """They are drawn again, and in the end a scalar program is taken."""
    large = random_array_program(np.random.default_rng(1), 60, "expression")
    tries = []
    monkeypatch.setattr(draw, "MOST_STRUCTURES", structures_met(large) - 1)
    monkeypatch.setattr(draw, "_draw_kind", lambda *_: tries.append(1) or large)
    graph = draw_program(np.random.default_rng(0), 20, 90, ProgramMix())
    assert len(tries) == draw.TRIES
    assert not any(graph.node_shapes)
    assert 20 <= graph.num_vertices <= 90
    monkeypatch.setattr(draw, "MOST_STRUCTURES", structures_met(large))
    assert draw_program(np.random.default_rng(0), 20, 90, ProgramMix()) is large


@pytest.mark.parametrize(
    "shares",
    [(-1.0, 1.0, 1.0), (0.0, 0.0, 0.0), (float("nan"), 1.0, 1.0), (float("inf"), 1.0, 1.0)],
)
def test_impossible_shares_are_refused(shares):
    """The message says what was given, what must be and what to do."""
    with pytest.raises(ValueError, match="must be finite and non-negative") as error:
        ProgramMix(*shares)
    assert str(shares) in str(error.value)
    assert str(error.value).endswith("pass ProgramMix(scalar=1, arrays=1, packages=1), for example")


@pytest.mark.parametrize(("least", "most"), [(0, 5), (9, 8)])
def test_empty_ranges_are_refused(least, most):
    """The message says what was given, what must be and what to do."""
    message = (
        f"min_vertices={least} and max_vertices={most} must be at least 1, and "
        "max_vertices at least min_vertices"
    )
    with pytest.raises(ValueError, match=message):
        draw_program(np.random.default_rng(0), least, most, ProgramMix())
