"""How many points are evaluated at once."""

from typing import Any

import jax
import jax.numpy as jnp
import pytest

from elimax.interpreter.execution.points import points_at_once

X = jnp.ones((6, 5, 2))


def noted(transform: Any, *arguments: Any) -> int:
    """What is found inside of a transformation of a function of two arguments."""
    found = []

    def function(*leaves: Any) -> Any:
        found.append(points_at_once(leaves))
        return leaves[0]

    transform(function)(*arguments)
    return found[0]


@pytest.mark.parametrize(
    ("transform", "points"),
    [
        (lambda f: f, 1),
        (jax.jit, 1),
        (jax.vmap, 6),
        (lambda f: jax.jit(jax.vmap(f)), 6),
        (lambda f: jax.vmap(f, (1, None)), 5),
        (lambda f: jax.vmap(jax.vmap(f)), 30),
        (lambda f: jax.vmap(jax.vmap(f, (0, None)), (None, 0)), 6),
        (lambda f: jax.vmap(jax.jit(f)), 1),
        (lambda f: jax.vmap(jax.jacfwd(f, (0, 1))), 1),
    ],
)
def test_points(transform, points):
    """Those of all `vmap` directly around; a `jit` or a derivative in between hides them."""
    assert noted(transform, X, X) == points


def test_numbers_and_no_arguments():
    """Leaves need not be arrays."""
    assert points_at_once([]) == points_at_once([1.0, "x", None]) == 1


def test_sizes_with_names():
    """Of a program that is exported for any batch."""
    sizes = jax.export.symbolic_shape("b, 2")
    shape = jax.ShapeDtypeStruct(sizes, jnp.float32)
    found = []
    jax.eval_shape(jax.vmap(lambda x: found.append(points_at_once([x]))), shape)
    assert found == [1]
