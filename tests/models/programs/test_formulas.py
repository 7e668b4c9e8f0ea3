"""Formulas read what they are given, and a tape repeats them."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from elimax.models.programs.formulas import Formula, Tape, draw_formula
from support.program_graphs import assert_whole


@given(
    seed=st.integers(0, 2**20),
    num_results=st.integers(1, 5),
    more_slots=st.integers(0, 5),
    more_equations=st.integers(0, 20),
)
def test_formulas_waste_nothing(seed, num_results, more_slots, more_equations):
    """Every slot is read, every equation is used, and results are results of equations."""
    num_slots = num_results + more_slots
    num_equations = num_slots + more_equations
    rng = np.random.default_rng(seed)
    formula = draw_formula(rng, num_slots, num_equations, num_results)
    assert len(formula.operations) == num_equations
    assert len(set(formula.results)) == len(formula.results) == num_results
    assert min(formula.results) >= num_slots
    tape = Tape(num_slots)
    outputs = tape.apply(formula, range(num_slots))
    graph = tape.graph(outputs)
    assert_whole(graph)
    assert {pred for pred, _ in graph.edges} >= set(range(num_slots))


def test_formulas_differ_and_repeat():
    """By the state of the generator alone."""
    first, second, other = (draw_formula(np.random.default_rng(s), 3, 9) for s in (1, 1, 2))
    assert first == second != other


def test_tape_repeats_a_formula_on_other_nodes():
    """Slots become the given nodes, results of the formula its own new nodes."""
    formula = Formula(2, (("mul", (0, 1)), ("sin", (2,))), (3, 2))
    tape = Tape(2)
    assert tape.apply(formula, [0, 1]) == [3, 2]
    assert tape.apply(formula, [3, 0]) == [5, 4]
    assert tape.append("add", 4, 5) == 6
    graph = tape.graph([6])
    assert sorted(graph.edges) == [
        *((0, 2), (0, 4), (1, 2), (2, 3), (3, 4), (4, 5), (4, 6), (5, 6)),
    ]
    assert graph.primitives == ("mul", "sin", "mul", "sin", "add")
    assert graph.outputs == (6,)
