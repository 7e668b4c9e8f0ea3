"""The sets of programs: they can be read, and hold what the tables say."""

import pytest

from benchmarks.learning.sets import (
    FOLDER,
    HELD_OUT_TASKS,
    TASKS,
    read_set,
    set_names,
    set_path,
)
from elimax.interpreter.graph.counting import count_multiplications
from elimax.interpreter.orders import forward_order
from support.traced_tasks import task_graph

SIZES = {
    "random_small": (60, 50, 100),
    "random_medium": (20, 200, 300),
    "random_large": (8, 1000, 1000),
    "ecosystem": (40, 20, 1000),
}
"""Fewest programs, fewest and most vertices."""


@pytest.mark.parametrize("name", SIZES)
def test_committed_sets(name: str) -> None:
    """As many programs as promised, of the right sizes, no two alike, each with a cost."""
    number, smallest, largest = SIZES[name]
    programs = read_set(name)
    assert len(programs) == number if name != "ecosystem" else len(programs) >= number
    assert all(smallest <= x.graph.num_vertices <= largest for x in programs)
    assert len({x.name for x in programs}) == len({x.graph.fingerprint for x in programs})
    assert len({x.name for x in programs}) == len(programs)
    for program in programs[:3]:
        order = forward_order(program.graph)
        assert count_multiplications(program.graph, order).additions >= 0


def test_random_programs_are_scalars_and_real_ones_have_arrays() -> None:
    """So that tables keep them apart."""
    assert not any(x.has_arrays for x in read_set("random_small"))
    assert sum(x.has_arrays for x in read_set("ecosystem")) > 10


def test_tasks_are_held_out_ones() -> None:
    """Traced as the pipeline does, at their example inputs."""
    programs = read_set(TASKS)
    assert [x.name for x in programs] == list(HELD_OUT_TASKS)
    assert programs[-1].graph == task_graph("kerr_metric")


def test_names() -> None:
    """Every file of the folder is a set; the folder stays small."""
    assert {*SIZES, TASKS} <= set(set_names())
    files = list(FOLDER.iterdir())
    assert {set_path(name) for name in set_names() if name != TASKS} == set(files)
    assert sum(file.stat().st_size for file in files) < 3e6


def test_unknown_set() -> None:
    """The known ones, and what writes more."""
    with pytest.raises(ValueError, match=r"no set 'nope'; choose from ecosystem, .*make_sets"):
        read_set("nope")
