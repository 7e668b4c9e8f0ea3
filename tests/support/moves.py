"""What the tests of moving primitives share."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from elimax.interpreter.graph.structure import EdgeStructure
from elimax.interpreter.jacobian import jacve
from elimax.interpreter.tracing.call import trace
from support.compare import (
    QUICK,
    assert_equals_jacrev_in_all_orders,
    assert_same_blocks,
)


def only_edge(function: Callable[..., Any], *args: Any) -> EdgeStructure:
    """The edge of a function of one equation from its first argument."""
    (edge,) = trace(function, *args, argnums=0).edges.values()
    return edge


def assert_moves_like_jax(moves: dict[str, Callable[[Any], Any]], x: Any) -> None:
    """Asserts that moves agree with JAX, alone and between other functions, in several orders."""

    def function(x: Any) -> Any:
        return [[move(x), jnp.sin(move(-jnp.cos(x)))] for move in moves.values()]

    assert_equals_jacrev_in_all_orders(function, x)


def assert_moves_in_single_precision(moves: dict[str, Callable[[Any], Any]], x: Any) -> None:
    """The same in float32: nothing is cast to 64-bit numbers and back, and nothing warns."""

    def function(x: Any) -> Any:
        return [jnp.sin(move(-x)) for move in moves.values()]

    def both(x: Any) -> Any:
        ours = [jacve(function, order=order)(x) for order in ("forward", "reverse")]
        return ours, jax.jacrev(function)(x)

    ours, theirs = jax.jit(both, compiler_options=QUICK)(jnp.asarray(x, jnp.float32))
    for jacobian in ours:
        assert_same_blocks(jacobian, theirs, rtol=1e-5)
