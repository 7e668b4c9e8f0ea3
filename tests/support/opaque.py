"""Functions with opaque edges, and what the tests of those share."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.elimination import CountingElimination
from elimax.interpreter.graph.pair_structure import written_structure
from elimax.interpreter.graph.structure import EdgeStructure


@jax.custom_jvp
def scaled(x: Any, y: Any) -> Any:
    """x y, with a rule that mixes the entries of dx, and not those of dy."""
    return x * y


@scaled.defjvp
def _scaled_jvp(primals: Any, tangents: Any) -> Any:
    (x, y), (dx, dy) = primals, tangents
    return scaled(x, y), 2.0 * jnp.cumsum(dx) * y + 3.0 * x * dy


@jax.custom_vjp
def turned(x: Any, y: Any) -> tuple[Any, Any]:
    """(x y, x + y), with a rule of its own that only reverse mode knows."""
    return x * y, x + y


turned.defvjp(
    lambda x, y: (turned(x, y), (x, y)),
    lambda kept, ct: (2.0 * ct[0][::-1] * kept[1] + ct[1], ct[0] * kept[0] - ct[1][::-1]),
)


def carries(x: Any, w: Any) -> Any:
    """A scan with two carried values, a constant and stacked results, between products."""

    def step(c: Any, y: Any) -> Any:
        return (jnp.sin(c[0] * y), c[1] + c[0] * w), c[1] * y

    (first, second), stacked = lax.scan(step, (jnp.sin(x[0]), jnp.cos(w)), jnp.sin(x) * w)
    return first * w, second * first, jnp.sin(stacked) * x


def factor(a: Any, b: Any) -> Any:
    """A Cholesky factor between products."""
    low = lax.linalg.cholesky(jnp.sin(a) @ a.mT + 4.0 * jnp.eye(3, dtype=a.dtype))
    return jnp.sin(low @ b) * b


def branch(x: Any, w: Any) -> Any:
    """A branch that mixes the entries of its operands."""
    y = lax.cond(x[0] > 0.0, lambda x, w: jnp.cumprod(x) * w, lambda x, w: w - x, x * w, w)
    return jnp.sin(y) * x


def loop(x: Any, w: Any) -> Any:
    """A loop that JAX can only push forward."""

    def body(c: Any) -> Any:
        return c[0] + 1, jnp.cumsum(jnp.sin(c[1]) * w)

    return jnp.cos(lax.while_loop(lambda c: c[0] < 3, body, (0, x * w))[1]) * x


def own_rules(x: Any, w: Any) -> Any:
    """A custom_vjp followed by a custom_jvp, both of which mix entries."""
    first, second = turned(jnp.sin(x), w)
    return scaled(first * w, second) * x, jnp.cos(second)


def moves(x: Any, w: Any) -> Any:
    """Sorting, running sums and products, several of them with nothing in between."""
    return jnp.sort(jnp.cumsum(x * w)) * lax.cumprod(x)[::-1], jnp.cumsum(jnp.cumsum(x))


OPAQUE: dict[str, tuple[Callable[..., Any], tuple[tuple[int, ...], ...]]] = {
    "scan": (carries, ((3, 2), (2,))),
    "cholesky": (factor, ((3, 3), (3,))),
    "cond": (branch, ((4,), (4,))),
    "while": (loop, ((4,), (4,))),
    "custom rules": (own_rules, ((4,), (4,))),
    "moves": (moves, ((4,), (4,))),
}
"""Functions of two arguments, with the shapes of the arguments."""

OPAQUE |= {
    f"{name} in a batch": (jax.vmap(function), tuple((5, *shape) for shape in shapes))
    for name, (function, shapes) in [*OPAQUE.items()]
}


def written_edges(graph: ComputationalGraph) -> dict[tuple[int, int], EdgeStructure]:
    """All edges between public nodes as arrays, keyed by (predecessor, successor).

    Hidden nodes are eliminated first, so that an edge leads from each operand of an equation to
    each of its results.
    """
    elimination = CountingElimination(graph)
    for node in graph.hidden:
        elimination.eliminate(graph.vertex(node))
    return {
        (pred, succ): written_structure(edge)
        for succ, edges in enumerate(elimination.predecessors)
        for pred, edge in edges.items()
    }
