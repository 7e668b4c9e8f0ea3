"""The sets of programs: they can be read, and hold what the tables say."""

import json

import pytest

from benchmarks.learning.sets import (
    FOLDER,
    HELD_OUT_TASKS,
    TASKS,
    TIMED,
    read_set,
    set_names,
    set_path,
    spread,
)
from elimax.interpreter.graph.counting import count_multiplications
from elimax.interpreter.orders import forward_order
from elimax.pipeline.checkout.yaml_text import parse_yaml
from support.repository import ROOT
from support.traced_tasks import task_graph

SIZES = {
    "random_small": (60, 50, 100),
    "random_medium": (20, 200, 300),
    "random_large": (8, 950, 1050),
    "random_arrays": (20, 30, 150),
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
    for name in ("random_small", "random_medium", "random_large"):
        assert not any(x.has_arrays for x in read_set(name))
    assert all(x.has_arrays for x in read_set("random_arrays"))
    assert sum(x.has_arrays for x in read_set("ecosystem")) > 10


def test_tasks_are_held_out_ones() -> None:
    """Traced as the pipeline does, at their example inputs."""
    programs = read_set(TASKS)
    assert [x.name for x in programs] == list(HELD_OUT_TASKS)
    assert programs[-1].graph == task_graph("kerr_metric")


def test_held_out_tasks_are_not_trained_on() -> None:
    """No section `pretrain` of params.yaml names one, that of a profile included."""
    params = parse_yaml((ROOT / "params.yaml").read_text(), "params.yaml")
    sections = [params["pretrain"]]
    sections += [x["pretrain"] for x in params["profiles"].values() if "pretrain" in x]
    assert len(sections) > 1
    text = json.dumps(sections)
    assert "programs" in text
    assert not [task for task in HELD_OUT_TASKS if task in text]
    assert set(HELD_OUT_TASKS) <= set(params["tasks"])


@pytest.mark.parametrize("number", [0, 1, 4, 5, 9])
def test_spread(number: int) -> None:
    """Evenly, in their order, each once; all if there are fewer."""
    programs = read_set(TASKS)
    chosen = spread(programs, number)
    assert len(chosen) == min(number, 5)
    assert [x.name for x in chosen] == [x.name for x in programs if x in chosen]
    assert [x.name for x in spread(programs, 2)] == [programs[0].name, programs[2].name]


def test_timed_sets_exist() -> None:
    """With more programs than are timed."""
    assert all(len(read_set(name)) > number > 0 for name, number in TIMED.items())


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
