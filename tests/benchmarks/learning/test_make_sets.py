"""Making the sets: what would be written is what is committed."""

import gzip
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks.ecosystem.cases import Case, Problem
from benchmarks.learning import make_sets, sets
from benchmarks.learning.make_sets import (
    RANDOM_SETS,
    RandomSet,
    draw_program,
    draw_set,
    encode,
    main,
    problem_graph,
    write_set,
)
from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.models.programs.scalar import random_program


@pytest.mark.slow
@pytest.mark.parametrize("name", RANDOM_SETS)
def test_committed_random_sets_are_what_is_drawn(name: str) -> None:
    """Byte for byte before they are compressed, as zlib's versions differ."""
    assert encode(draw_set(name)) == gzip.decompress(sets.set_path(name).read_bytes())


@pytest.mark.parametrize("name", RANDOM_SETS)
def test_the_last_program_of_committed_sets_is_what_is_drawn(name: str) -> None:
    """The fast counterpart: each program has a seed of its own."""
    recipe = RANDOM_SETS[name]
    *_, last = gzip.decompress(sets.set_path(name).read_bytes()).splitlines(keepends=True)
    assert encode([draw_program(recipe, recipe.programs - 1)]) == last


def test_programs_that_miss_the_range_are_drawn_again() -> None:
    """From the same stream of numbers, with another size."""
    asked: list[int] = []

    def draw(rng: np.random.Generator, size: int) -> ComputationalGraph:
        asked.append(size)
        return random_program(rng, 4 if len(asked) < 3 else 7, style="chain")

    program = draw_program(RandomSet(9, draw, 1, 5, 7), 8)
    assert program.name == "08" and program.graph.num_vertices == 7
    assert len(asked) == 3 and all(5 <= size <= 7 for size in asked)


def test_streams_differ() -> None:
    """Two sets of one recipe but for the stream have no program in common."""
    assert len({recipe.stream for recipe in RANDOM_SETS.values()}) == len(RANDOM_SETS)


def test_one_entry_adds_a_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is drawn, written, listed and read; equal programs give equal bytes."""
    monkeypatch.setattr(sets, "FOLDER", tmp_path)
    recipes = {"tiny": RandomSet(9, random_program, 3, 5, 7)}
    monkeypatch.setattr(make_sets, "RANDOM_SETS", recipes)
    assert main([]) == 0
    content = sets.set_path("tiny").read_bytes()
    assert content[4:8] == bytes(4)  # No time of writing.
    assert sets.set_names() == ("tiny", "tasks")
    programs = sets.read_set("tiny")
    assert [x.name for x in programs] == ["00", "01", "02"]
    assert all(5 <= x.graph.num_vertices <= 7 for x in programs)
    write_set("tiny", programs)
    assert sets.set_path("tiny").read_bytes() == content
    sets.read_set.cache_clear()


def test_graphs_are_those_of_what_is_differentiated() -> None:
    """Of the gradient, where a case is about second derivatives."""
    fun = lambda x: jnp.sin(x) * x  # noqa: E731
    first = problem_graph(Problem(fun, (1.0,)))
    second = problem_graph(Problem(fun, (1.0,), hessian=True))
    assert first.num_vertices == 2 < second.num_vertices


def chain(length: int) -> Problem:
    """A case with a given number of equations."""

    def fun(x: Any) -> Any:
        for _ in range(length):
            x = jnp.sin(x)
        return x

    return Problem(fun, (np.float64(1.0),))


def test_cases_of_the_right_size_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Traced in float64, each by itself; neither trivial ones nor those that no search can hold."""
    sizes = {"short": 19, "right": 20, "long": 1001}
    cases = {name: Case("x", name, lambda n=n: chain(n)) for name, n in sizes.items()}
    monkeypatch.setattr(make_sets, "all_cases", lambda: cases)
    monkeypatch.setattr(sets, "FOLDER", tmp_path)

    class Here:
        """A pool without processes."""

        def __enter__(self) -> "Here":
            return self

        def __exit__(self, *error: object) -> None:
            pass

        def map(self, function: Any, names: Any, chunksize: int) -> list[Any]:
            assert chunksize == 1
            return list(map(function, names))

    class Context:
        """A context whose pools begin a process for each case."""

        def Pool(self, processes: int, maxtasksperchild: int) -> Here:
            assert processes == maxtasksperchild == 1
            return Here()

    monkeypatch.setattr(make_sets.multiprocessing, "get_context", lambda method: Context())
    assert main(["--ecosystem"]) == 0
    assert [x.name for x in sets.read_set("ecosystem")] == ["right"]
    sets.read_set.cache_clear()
