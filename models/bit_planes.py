"""The game with one bit per edge: a plane for every class of structures.

Planes are words of 32 predecessors by successors: bit p of plane c is 1 in the column of successor
s if the edge (p, s) is of class c. An elimination is then a few bitwise operations on all words at
once, which are derived from the rule of the classes while tracing, and costs are counts of bits.
Sizes as in `game.py`, and W words of 32 nodes.
"""

import functools
import operator
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from models.structure_classes import ClassRule, Table

WORD = 32
_ALL = 0xFFFFFFFF

Planes = tuple[jax.Array, ...]


def pack_planes(classes: np.ndarray, count: int) -> tuple[np.ndarray, ...]:
    """Packs classes of edges into bits.

    Args:
        classes: int[..., N, N], class of the edge [successor, predecessor], 0 if there is none.
        count: Number of classes without 0.

    Returns:
        A plane uint32[..., W, N] for each class from 1.
    """
    missing = -classes.shape[-1] % WORD
    padded = np.pad(classes, [(0, 0)] * (classes.ndim - 1) + [(0, missing)])
    words = np.moveaxis(padded.reshape(*classes.shape[:-1], -1, WORD), -3, -2)
    weights = np.uint32(1) << np.arange(WORD, dtype=np.uint32)
    return tuple(
        ((words == number) * weights).sum(axis=-1, dtype=np.uint32)
        for number in range(1, count + 1)
    )


def unpack_planes(planes: Sequence[np.ndarray]) -> np.ndarray:
    """The inverse of `pack_planes`.

    Args:
        planes: A plane uint32[..., W, N] for each class from 1.

    Returns:
        int32[..., N, N], class of the edge [successor, predecessor].
    """
    nodes = np.arange(planes[0].shape[-1])
    total = np.zeros((*planes[0].shape[:-2], len(nodes), len(nodes)), np.int32)
    for number, plane in enumerate(planes, start=1):
        words = np.swapaxes(np.asarray(plane), -1, -2)[..., nodes // WORD]
        total += number * ((words >> (nodes % WORD).astype(np.uint32)) & 1).astype(np.int32)
    return total


def eliminate_in_planes(
    rule: ClassRule, planes: Planes, node: jax.Array, is_played: jax.Array, is_output: jax.Array
) -> tuple[Planes, jax.Array]:
    """Eliminates one vertex, like `game.eliminate`.

    Args:
        rule: The rule of the classes.
        planes: uint32[W, N] for each class from 1.
        node: int32[], board position of the vertex.
        is_played: bool[], False leaves everything as it is.
        is_output: bool[N], nodes whose in-edges stay.

    Returns:
        The planes after the move, and its cost, float32[].
    """
    words, nodes = planes[0].shape
    word, bit = node // WORD, (node % WORD).astype(jnp.uint32)
    play = is_played.astype(jnp.uint32)
    columns = [jax.lax.dynamic_index_in_dim(plane, word, 0, False) for plane in planes]
    into_successors = [(column >> bit) & play for column in columns]
    from_predecessors = [jax.lax.dynamic_index_in_dim(plane, node, 1, False) for plane in planes]
    cost = _cost(rule, into_successors, from_predecessors)
    product = _look_up(
        rule.product,
        # -1 is a word of ones.
        [-mask[None, :] for mask in into_successors],
        [row[:, None] for row in from_predecessors],
    )
    total = _look_up(rule.sum, planes, product)
    is_kept = (jnp.arange(nodes) != node) | is_output | ~is_played
    kept_nodes = jnp.where(is_kept, jnp.uint32(_ALL), jnp.uint32(0))
    is_word = (jnp.arange(words) == word) & is_played
    kept_bits = jnp.where(is_word, ~(jnp.uint32(1) << bit), jnp.uint32(_ALL))
    return tuple(plane & kept_nodes[None, :] & kept_bits[:, None] for plane in total), cost


def _look_up(table: Table, first: Sequence[jax.Array], second: Sequence[jax.Array]) -> Planes:
    """Reads a table at all pairs of bits: the planes of the classes from 1 of the result."""
    size = len(table)
    first, second = (_with_class_zero(planes) for planes in (first, second))
    shape = jnp.broadcast_shapes(first[0].shape, second[0].shape)
    results = []
    for wanted in range(1, size):
        terms = [jnp.zeros(shape, jnp.uint32)]
        for number, row in enumerate(table):
            partners = [other for other in range(size) if row[other] == wanted]
            if len(partners) == size:
                terms.append(first[number])
            elif partners:
                terms.append(first[number] & _union([second[other] for other in partners]))
        results.append(_union(terms))
    return tuple(results)


def _with_class_zero(planes: Sequence[jax.Array]) -> list[jax.Array]:
    """Planes of all classes: no edge is where there is none of the others."""
    return [~_union(planes), *planes]


def _union(planes: Sequence[jax.Array]) -> jax.Array:
    return functools.reduce(operator.or_, planes)


def _cost(
    rule: ClassRule, into_successors: Sequence[jax.Array], from_predecessors: Sequence[jax.Array]
) -> jax.Array:
    """Number of pairs of each two classes times what a product of theirs costs, added up."""
    successors = [jnp.sum(bits, dtype=jnp.uint32) for bits in into_successors]
    predecessors = [
        jnp.sum(jax.lax.population_count(words), dtype=jnp.uint32) for words in from_predecessors
    ]
    total = jnp.zeros((), jnp.float32)
    for later, row in enumerate(rule.cost[1:]):
        for earlier, cost in enumerate(row[1:]):
            if cost:
                pairs = (successors[later] * predecessors[earlier]).astype(jnp.float32)
                total += cost * pairs
    return total
