"""Ties of whole programs: composed along paths, kept where paths agree."""

import gc
import weakref

import jax
import jax.numpy as jnp
import pytest

from elimax.interpreter.graph.structure import UNTIED
from elimax.interpreter.tracing.program import trace_program
from elimax.interpreter.tracing.rules.dependence import (
    cached_by_jaxpr,
    compose,
    identity,
    merge,
    ties_of,
)

U = UNTIED


def ties(function, *shapes):
    """Dependence of the outputs of a function on all its inputs."""
    program = trace_program(lambda *x: [function(*x)], [jnp.ones(shape) for shape in shapes])
    sources = [{k: identity(len(shape))} for k, shape in enumerate(shapes)]
    return ties_of(program, sources)


@pytest.mark.parametrize(
    ("function", "shapes", "expected"),
    [
        (lambda x, w: jnp.sin(x) @ w, [(2, 3), (3, 4)], {0: (0, U), 1: (U, 1)}),
        (lambda x: x.T, [(2, 3)], {0: (1, 0)}),
        (lambda x: x + x.T, [(3, 3)], {0: (U, U)}),
        (lambda x: x * x.sum(axis=1, keepdims=True), [(2, 3)], {0: (0, U)}),
        (lambda x, y: jnp.floor(x) * y, [(3,), (3,)], {1: (0,)}),
        (lambda x: x, [(2,)], {0: (0,)}),
        (lambda x: jnp.ones(2), [(2,)], {}),
        (lambda x, s: x * s, [(3,), ()], {0: (0,), 1: ()}),
    ],
)
def test_ties_of_programs(function, shapes, expected):
    """Products, transpositions, sums of paths, zero derivatives, inputs and constants."""
    assert ties(function, *shapes) == [expected]


def test_marks_pass_through():
    """Negative numbers other than UNTIED are kept along a path and lost where paths differ."""
    earlier = {7: (-2, 0, U)}
    later = compose([1, U], earlier)
    assert later == {7: (-2, 1, U)}
    merge(later, {7: (0, 1, U), 8: (0,)})
    assert later == {7: (U, 1, U), 8: (0,)}


def test_bodies_are_analysed_once_and_forgotten():
    """The second question is answered from memory; nothing outlives the jaxpr."""
    closed = jax.make_jaxpr(lambda x: jnp.sin(x))(1.0)
    calls = []
    for _ in range(2):
        assert (
            cached_by_jaxpr("test", closed, lambda program: calls.append(1) or "known") == "known"
        )
    assert calls == [1]
    watched = weakref.ref(closed)
    del closed
    gc.collect()
    assert watched() is None
