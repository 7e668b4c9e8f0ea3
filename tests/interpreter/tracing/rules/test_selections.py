"""Reshapes, slices, pads, concatenations: patterns known from shapes and parameters."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from jax import lax

from elimax.interpreter.algebra.sparse_value import SparseValue
from elimax.interpreter.graph.counting import count_multiplications
from elimax.interpreter.graph.structure import UNTIED, Kind, edge_structure
from elimax.interpreter.jacobian import jacve
from elimax.interpreter.tracing.call import trace
from support.compare import assert_equals_jacrev_in_all_orders
from support.dense_values import entry_by_entry
from support.jaxprs import primitives
from support.local import local_value
from support.moves import (
    assert_moves_in_single_precision,
    assert_moves_like_jax,
    only_edge,
)
from support.random_programs import wave

S, U = Kind.STRUCTURAL, UNTIED
X23 = jnp.ones((2, 3))


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda x: x.reshape(6), ((6,), [U, U], [0, 1, 2])),
        (lambda x: x.reshape(2, 1, 3), ((2, 1, 3), [0, 2], [])),
        (lambda x: lax.slice(x, (0, 1), (2, 3)), ((2, 2), [0, U], [1, 3])),
        (lambda x: lax.pad(x, 0.0, ((1, 0, 0), (0, 0, 0))), ((3, 3), [U, 1], [0, 2])),
        (lambda x: lax.rev(x, (1,)), ((2, 3), [0, U], [1, 3])),
        (lambda x: lax.concatenate([x, jnp.ones((2, 2))], 1), ((2, 5), [0, U], [1, 3])),
        (lambda x: lax.tile(x, (1, 2)), ((2, 6), [0, U], [1, 3])),
        (lambda x: lax.stack([x, X23], 1), ((2, 2, 3), [0, 2], [1])),
        (lambda x: lax.stack([x], 0), ((1, 2, 3), [1, 2], [])),
    ],
)
def test_axes_that_are_left_alone_stay_tied(function, expected):
    """One worked example per primitive on x with shape (2, 3), batch axes above all."""
    out_shape, ties, carried = expected
    assert only_edge(function, X23) == edge_structure(out_shape, (2, 3), ties, carried, S)


def test_reshape_keeps_leading_and_trailing_axes():
    """(2, 3, 4, 5) to (2, 12, 5): a and the last axis stay, the middle is merged."""
    edge = only_edge(lambda x: x.reshape(2, 12, 5), jnp.ones((2, 3, 4, 5)))
    assert edge.ties == (0, U, U, 2)
    assert edge.carried == (1, 4, 5)


@pytest.mark.parametrize(
    ("function", "shapes"),
    [
        (lambda x: jnp.split(x, [1], axis=1), [(2, 1), (2, 2)]),
        (lambda x: lax.unstack(x, axis=1), [(2,)] * 3),
    ],
)
def test_several_results_have_one_edge_each(function, shapes):
    """The axis that is cut is carried, the other tied."""
    edges = list(trace(function, X23).edges.values())
    expected = [
        edge_structure(shape, (2, 3), [0, U], [k for k in (1, 3) if k < 2 * len(shape)], S)
        for shape in shapes
    ]
    if shapes[0] == (2,):
        expected = [edge_structure((2,), (2, 3), [0, U], [2], S)] * 3
    assert edges == expected


MOVES = {
    "reshape merge": lambda x: x.reshape(3, -1),
    "reshape split": lambda x: x.reshape(3, 2, 2, 2),
    "reshape across": lambda x: x.reshape(2, 3, 4),
    "reshape with dimensions": lambda x: lax.reshape(x, x.shape, tuple(range(x.ndim))[::-1]),
    "ravel": jnp.ravel,
    "slice": lambda x: x[1:, :, ::2],
    "slice to one": lambda x: x[0],
    "index": lambda x: x[1, :, 2],
    "negative pad": lambda x: lax.pad(
        x, jnp.zeros((), x.dtype), ((1, 2, 1), (-1, 0, 0), (0, -1, 1))
    ),
    "interior pad": lambda x: lax.pad(x, jnp.ones((), x.dtype), ((0, 0, 2), (0, 0, 0), (-2, 1, 1))),
    "concatenate": lambda x: jnp.concatenate([x, x[:1], 2 * x]),
    "stack": lambda x: jnp.stack([x, -x, x], axis=1),
    "stack last": lambda x: jnp.stack([x, x * 3], axis=-1),
    "unstack": lambda x: lax.unstack(x, axis=2)[3],
    "flip": lambda x: x[::-1, :, ::-1],
    "roll": lambda x: jnp.roll(x, 1, axis=2),
    "split": lambda x: jnp.split(x, 2, axis=1)[1],
    "tile": lambda x: jnp.tile(x, (1, 2, 3)),
    "tril": jnp.tril,
    "kron": lambda x: jnp.kron(x[0], x[1]),
}


FAMILIES = ("reshape across", "slice", "negative pad", "concatenate", "stack", "flip", "tril")


def test_one_of_every_family_equals_jacrev():
    """Before and after other functions, in float64."""
    assert_moves_like_jax({name: MOVES[name] for name in FAMILIES}, wave(3, 2, 4))


@pytest.mark.slow
def test_values_equal_jacrev():
    """All of them."""
    assert_moves_like_jax(MOVES, wave(3, 2, 4))


@pytest.mark.slow
def test_values_in_single_precision():
    """The same in float32."""
    assert_moves_in_single_precision(MOVES, wave(3, 2, 4))


def test_holomorphic_moves():
    """Complex entries move like real ones."""
    z = wave(3, 2) + 1j * wave(3, 2, phase=7)

    def function(z):
        return jnp.sin(z.reshape(6)[1:]), jnp.stack([z * z, z[::-1]])

    assert_equals_jacrev_in_all_orders(function, z, holomorphic=True)


@given(st.data())
@settings(max_examples=40)
def test_reshapes(data):
    """Any two shapes of the same size, axes of size one and zero included."""
    first = data.draw(st.sampled_from([(12,), (2, 6), (3, 4), (2, 1, 6), (2, 3, 2), (1, 4, 3, 1)]))
    other = data.draw(st.sampled_from([(12,), (6, 2), (4, 3), (2, 6, 1), (3, 2, 2), (2, 2, 3)]))
    if data.draw(st.booleans()):
        first, other = (*first, 0), (0, *other)
    assume(first != other)
    edge, value = local_value(lambda x: lax.reshape(x, other), jnp.ones(first))
    array = np.ones(()) if isinstance(value, np.ndarray) else None
    sizes = {label: edge.size(label) for label in edge.labels}
    written = array if array is not None else entry_by_entry(value, edge.carried, sizes).real
    assert not isinstance(value, SparseValue) or value.sparse == edge.carried
    for tie, size in zip(edge.ties, first, strict=True):
        assert tie == U or other[tie] == size
    # As many ones as there are entries, once for every index of the ties.
    tied = np.prod([other[tie] for tie in edge.ties if tie != U], dtype=int)
    assert written.sum() * tied == np.prod(first)


def test_reshape_of_a_scalar():
    """() to (1,) and (1, 1) and back."""

    def function(x):
        return jnp.sin(x).reshape(1), jnp.sin(jnp.cos(x).reshape(1, 1)).reshape(())

    assert_equals_jacrev_in_all_orders(function, np.float64(0.3))


def test_scalars_cut_from_a_vector_and_stacked():
    """One number becomes a row, rows become a matrix again."""

    def function(x):
        a, b, c = x
        return jnp.stack([a * b, jnp.sin(c), a, a - c]), jnp.concatenate([x[2:], x[:1] * x[1:2]])

    assert_equals_jacrev_in_all_orders(function, wave(3))


def test_part_that_a_slice_drops():
    """concatenate, then slice to the first half: the block of the second is exactly zero."""

    def function(x, y):
        return jnp.sin(jnp.concatenate([x, y])[:2])

    assert_equals_jacrev_in_all_orders(function, wave(2), wave(3), argnums=(0, 1))


def test_empty_arrays():
    """Axes of size zero give blocks of the right shape."""
    moves = [
        lambda x: x[:, 1:],
        lambda x: x.reshape(0, 3, 1),
        lambda x: x.reshape(0),
        lambda x: jnp.concatenate([x, x]),
        lambda x: jnp.stack([x, x], axis=1),
        lambda x: x[::-1],
        lambda x: lax.pad(x, jnp.ones((), x.dtype), ((1, 1, 0), (0, 0, 0))),
        lambda x: jnp.tile(x, (2, 2)),
        lambda x: x @ x.T,
        lambda x: x.sum(0),
    ]

    def function(x):
        return [jnp.sin(move(jnp.cos(x))) for move in moves]

    assert_equals_jacrev_in_all_orders(function, np.zeros((0, 3)))


def test_padding_value_is_differentiated():
    """lax.pad with a variable value: it reaches every new entry."""

    def function(x, value):
        return jnp.sin(lax.pad(x * x, value * value, ((1, 2, 1), (-1, 0, 0))))

    assert_equals_jacrev_in_all_orders(function, wave(4, 3), np.float64(0.3), argnums=(0, 1))


@pytest.mark.parametrize("shape", [(1,), (2,), (0,)])
def test_padding_that_only_cuts(shape):
    """Negative padding down to a few entries, one or none: the value reaches nothing."""

    def function(x, value):
        return lax.pad(jnp.sin(x), value, [(0, shape[0] - 3, 0)])

    assert_equals_jacrev_in_all_orders(function, wave(3), np.float64(0.3), argnums=(0, 1))


def test_moves_cost_nothing():
    """All products with structural edges are free in both counts, and nothing is multiplied."""

    def function(x):
        return jnp.stack([jnp.concatenate([x.T.reshape(6)[1:], jnp.tile(x[0], 2)])[::-1]])

    graph = trace(function, X23)
    assert count_multiplications(graph, graph.eliminable)[:2] == (0, 0)
    closed = jax.make_jaxpr(jacve(function))(X23)
    assert not {"mul", "dot_general"} & primitives(closed)


def test_reshape_behind_an_empty_axis():
    """Two axes of one size behind it are not tied to the same one."""
    for shape in ((0, 3, 3, 1), (3, 0, 3)):
        assert_equals_jacrev_in_all_orders(
            lambda x, shape=shape: jnp.sin(x).reshape(shape) * 2.0, jnp.ones((0, 3, 3))
        )
