"""Comparison of `jacve` with the JAX mode that works on a function of another package."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import pytest

from elimax.interpreter.jacobian import jacve
from support.compare import QUICK, assert_same_blocks

BY_ORDERS = pytest.mark.parametrize(
    "orders",
    [
        pytest.param(("auto",), id="auto"),
        pytest.param(("forward", "reverse"), id="forward and reverse", marks=pytest.mark.slow),
    ],
)
"""Runs a test in the order "auto", and as a slow test in the orders "forward" and "reverse"."""


def assert_agrees(
    fun: Callable[..., Any],
    *args: Any,
    argnums: int | Sequence[int] = 0,
    by: Callable[..., Callable[..., Any]] = jax.jacrev,
    orders: Sequence[str] = ("auto",),
    jit: bool = True,
    rtol: float = 1e-8,
) -> None:
    """Asserts that the Jacobians under several orders are those of JAX.

    Args:
        fun: The function.
        *args: The point, in float64.
        argnums: As for `jacve`.
        by: `jax.jacrev` or `jax.jacfwd`, whichever works.
        orders: The elimination orders.
        jit: Whether to compile everything together, which is faster, or only the reference.
        rtol: Largest |J - R| relative to the largest entry of the same block.
    """

    def jacobians(*args: Any) -> list[Any]:
        return [jacve(fun, argnums, order=order)(*args) for order in orders]

    def both(*args: Any) -> tuple[Any, list[Any]]:
        return by(fun, argnums)(*args), jacobians(*args) if jit else []

    theirs, ours = jax.jit(both, compiler_options=QUICK)(*args)
    ours = ours if jit else jacobians(*args)
    for jacobian in ours:
        assert_same_blocks(jacobian, theirs, rtol=rtol, atol=1e-12)
