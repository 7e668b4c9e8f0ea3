"""Scalar equations become edges of the kind that tracing would find."""

import jax.numpy as jnp
import numpy as np
import pytest

from elimax.interpreter.graph.structure import Kind
from elimax.interpreter.tracing.call import trace
from elimax.models.programs.equations import (
    BINARY_GENERAL,
    BINARY_TRIVIAL,
    UNARY_GENERAL,
    UNARY_TRIVIAL,
    draw_operation,
    equation,
    graph_of,
)


def test_graph_is_that_of_the_traced_function():
    """Inputs, edges, kinds and outputs; the value that is read twice has one edge."""

    def function(x, y):
        total = x + y
        return jnp.sin(total), (total * total) - 1.0

    equations = [
        equation("add", 0, 1),
        equation("sin", 2),
        equation("mul", 2, 2),
        equation("sub_literal", 4),
    ]
    graph = graph_of(2, equations, (3, 5))
    traced = trace(function, 1.0, 2.0, argnums=(0, 1))
    assert graph.fingerprint == traced.fingerprint
    assert graph.primitives == traced.primitives


@pytest.mark.parametrize(
    ("is_unary", "is_trivial", "names"),
    [
        (True, True, UNARY_TRIVIAL),
        (True, False, UNARY_GENERAL),
        (False, True, BINARY_TRIVIAL),
        (False, False, BINARY_GENERAL),
    ],
)
def test_operations_are_of_the_wanted_kind(is_unary, is_trivial, names):
    """All names of a kind are drawn, no others, and their edges are of that kind."""
    rng = np.random.default_rng(0)
    drawn = {draw_operation(rng, is_unary, is_trivial) for _ in range(100)}
    assert drawn == set(names)
    kind = Kind.TRIVIAL if is_trivial else Kind.GENERAL
    assert {equation(name, 0).structure.kind for name in drawn} == {kind}
