"""Gather, scatter and dynamic slices: indices that are known, and those read at run time."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from elimax.interpreter.algebra.linear_map import LinearMap
from elimax.interpreter.algebra.sparse_value import SparseValue
from elimax.interpreter.graph.pair_structure import Direction
from elimax.interpreter.graph.structure import UNTIED, Kind, edge_structure
from elimax.interpreter.jacobian import jacve
from elimax.interpreter.tracing.rules import indexing
from support.compare import (
    QUICK,
    as_float64,
    assert_equals_jacrev_in_all_orders,
    assert_same_blocks,
)
from support.local import local_value
from support.moves import (
    assert_moves_in_single_precision,
    assert_moves_like_jax,
    only_edge,
)
from support.random_programs import wave

S, U = Kind.STRUCTURAL, UNTIED
X57 = jnp.ones((5, 7))
PAIR = jnp.array([3, 1])


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda x: lax.dynamic_slice(x, (0, PAIR[0]), (5, 2)), ((5, 2), [0, U], [1, 3])),
        (lambda x: lax.dynamic_slice(x, (0, 0), (5, 7)), ((5, 7), [0, 1], [])),
        (lambda x: x.at[PAIR].get(), ((2, 7), [U, 1], [0, 2])),
        (lambda x: x.at[:, PAIR].get(), ((5, 2), [0, U], [1, 3])),
        (lambda x: x.at[PAIR, PAIR].get(), ((2,), [U, U], [0, 1, 2])),
        (lambda x: x.at[PAIR].add(jnp.ones((2, 7))), ((5, 7), [0, 1], [])),
        (lambda x: x.at[PAIR].set(jnp.ones((2, 7))), ((5, 7), [0, 1], [0, 1])),
        (
            lambda x: lax.dynamic_update_slice(x, jnp.ones((5, 2)), (0, PAIR[0])),
            ((5, 7), [0, 1], [1]),
        ),
    ],
)
def test_axes_that_are_left_alone_stay_tied(function, expected):
    """One worked example per primitive on x with shape (5, 7)."""
    out_shape, ties, carried = expected
    assert only_edge(function, X57) == edge_structure(out_shape, (5, 7), ties, carried, S)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda u: lax.dynamic_update_slice(X57, u, (0, PAIR[0])), ((5, 2), [0, U], [1, 3], S)),
        (lambda u: X57.at[PAIR].add(u), ((2, 7), [U, 1], [0, 2], S)),
        (lambda u: X57.at[:, PAIR].set(u), ((5, 2), [0, U], [1, 3], S)),
        (lambda u: X57.at[PAIR].subtract(u), ((2, 7), [U, 1], [0, 2], Kind.TRIVIAL)),
    ],
)
def test_what_is_written(function, expected):
    """Axes that are written whole stay tied."""
    in_shape, *rest = expected
    edge = only_edge(function, jnp.ones(in_shape))
    assert edge == edge_structure((5, 7), in_shape, *rest)


def test_batch_axes_stay_tied():
    """Gather and scatter under vmap, with indices of their own per element of the batch."""
    indices = jnp.array([[3, 1], [0, 0], [2, 4]])
    x, u = jnp.ones((3, 5, 7)), jnp.ones((3, 2, 7))
    read = jax.vmap(lambda x, i: x.at[i].get())
    assert only_edge(lambda x: read(x, indices), x) == edge_structure(
        (3, 2, 7), (3, 5, 7), [0, U, 2], [0, 1, 4], S
    )
    written = jax.vmap(lambda u, i: jnp.zeros((5, 7)).at[i].add(u))
    assert only_edge(lambda u: written(u, indices), u) == edge_structure(
        (3, 5, 7), (3, 2, 7), [0, U, 2], [0, 1, 4], S
    )


def test_known_indices_are_patterns_and_others_are_arrays(monkeypatch):
    """Also where the indices are computed; and very large arrays are not numbered through."""
    read, write = (lambda x, i: x.at[i].get()), (lambda u, i: X57.at[i].add(u))
    for function, x in ((read, X57), (write, jnp.ones((2, 7)))):
        assert isinstance(local_value(function, x, PAIR)[1], SparseValue)

        def assert_is_array(i, f=function, x=x):
            structure, value = local_value(f, x, i)
            assert value.shape == structure.carried_shape
            return i

        jax.jit(assert_is_array)(PAIR)
        with monkeypatch.context() as patch:
            patch.setattr(indexing, "MAX_PATTERN", 50)
            assert_is_array(PAIR)


@pytest.mark.parametrize("is_known", [True, False])
def test_large_reads_and_writes_are_opaque(is_known):
    """Whether their indices are known or not: that must not change the graph."""
    x, places = jnp.ones(300), jnp.arange(0, 300, 3)
    read, write = (lambda x, i: x.at[i].get()), (lambda u, i: x.at[i].add(u))
    for function, moved in ((read, x), (write, jnp.ones(100))):

        def assert_is_opaque(i, f=function, moved=moved):
            structure, value = local_value(f, moved, i)
            (part,) = structure.parts
            assert (part.cost, part.direction, part.is_joint) == (0, Direction.BOTH, False)
            assert isinstance(value, LinearMap)
            return i

        (assert_is_opaque if is_known else jax.jit(assert_is_opaque))(places)


def test_patterns_read_and_write_the_right_places():
    """x[3], x[1] of five; what is subtracted is negative; what falls outside is not there."""
    edge, value = local_value(lambda x: x.at[PAIR].get(), X57)
    assert edge.carried == value.sparse == (0, 2)
    assert value.parts[0].places.tolist() == [3, 6]
    _, value = local_value(lambda u: X57.at[PAIR].subtract(u), jnp.ones((2, 7)))
    assert sorted(zip(*value.coordinates(value.parts[0]).values(), strict=True)) == [(1, 1), (3, 0)]
    assert value.parts[0].entries.tolist() == [-1, -1]
    outside = jnp.array([9, 1])
    _, value = local_value(lambda x: x.at[outside].get(mode="fill"), X57)
    assert value.parts[0].places.tolist() == [6]


# Functions of an array of shape (4, 3) and of three row indices.
MOVES = {
    "index": lambda x, i: x[i[0]],
    "gather": lambda x, i: x[i],
    "two indices": lambda x, i: x[i, i % 3],
    "clip": lambda x, i: jnp.take(x, 2 * i, axis=0, mode="clip"),
    "clip below": lambda x, i: x.at[i - 2].get(mode="clip", wrap_negative_indices=False),
    "fill with zero": lambda x, i: jnp.take(x, 2 * i, axis=0, mode="fill", fill_value=0),
    "wrap": lambda x, i: jnp.take(x, 2 * i, axis=0, mode="wrap"),
    "along an axis": lambda x, i: jnp.take_along_axis(x[:3], i[:, None] % 3, axis=1),
    "dynamic slice": lambda x, i: lax.dynamic_slice(x, (i[0], i[1]), (2, 2)),
    "update slice": lambda x, i: lax.dynamic_update_slice(x, x[:2, :2] ** 2, (i[0], i[1])),
    "update all": lambda x, i: lax.dynamic_update_slice(x, x**2, (i[0], i[1])),
    "set": lambda x, i: x.at[i[0]].set(x[0] * x[1]),
    "set several": lambda x, i: x.at[i].set(x[:3] ** 2),
    "set outside": lambda x, i: x.at[2 * i].set(x[:3] ** 2),
    "set clipped": lambda x, i: x.at[2 * i].set(x[:3] ** 2, mode="clip"),
    "add": lambda x, i: x.at[i].add(x[:3] ** 2),
    "add outside": lambda x, i: x.at[2 * i].add(x[:3] ** 2, mode="drop"),
    "subtract": lambda x, i: x.at[i].subtract(x[:3] ** 2),
    "multiply": lambda x, i: x.at[i[0]].multiply(x[1], unique_indices=True),
    "one entry": lambda x, i: x.at[i[0], 1].add(x[0, 0] ** 2),
    "one hot": lambda x, i: jax.nn.one_hot(i, 4, dtype=x.dtype) @ x,
    "of a batch": lambda x, i: jax.vmap(lambda x, j: x[j % 3])(x, jnp.stack([*i, i[0]])),
    "slices of a batch": lambda x, i: jax.vmap(lambda x, j: lax.dynamic_slice(x, (j,), (2,)))(
        x, jnp.stack([*i, i[0]])
    ),
    "written in a batch": lambda x, i: jax.vmap(lambda x, j: x.at[j % 3].set(x[0] * x[1]))(
        x, jnp.stack([*i, i[0]])
    ),
}
INDICES = [np.array(i, np.int32) for i in ([3, 1, 3], [-1, 0, 2], [0, 0, 0])]
FAMILIES = ("gather", "dynamic slice", "update slice", "set several", "add outside", "multiply")


def test_known_indices_of_every_family():
    """In all orders, float64: a repeated index."""
    known = {name: lambda x, m=MOVES[name]: m(x, jnp.asarray(INDICES[0])) for name in FAMILIES}
    assert_moves_like_jax(known, wave(4, 3))


@pytest.mark.slow
@pytest.mark.parametrize("indices", INDICES[:2], ids=str)
def test_known_indices(indices):
    """In all orders, float64 or float32: repeated, negative and out of bounds."""
    known = {
        name: lambda x, m=move: m(x, jnp.asarray(indices))
        for name, move in MOVES.items()
        if name != "set several" or len(set(indices)) > 1
    }
    check = assert_moves_like_jax if indices[0] == 3 else assert_moves_in_single_precision
    check(known, wave(4, 3))


@pytest.mark.parametrize("dtype", [np.float32, pytest.param(np.float64, marks=pytest.mark.slow)])
def test_runtime_indices(dtype):
    """Indices that are arguments of what is compiled, in three orders."""

    def function(x, i):
        return [jnp.sin(move(-jnp.cos(x), i)) for move in MOVES.values()]

    def both(x, i):
        names = ("forward", "reverse", "markowitz_high")[: 3 if dtype == np.float64 else 1]
        return [jacve(function, order=name)(x, i) for name in names], jax.jacrev(function)(x, i)

    with jax.enable_x64(dtype == np.float64):
        compared = jax.jit(both, compiler_options=QUICK)
        for indices in INDICES:
            ours, theirs = compared(jnp.asarray(wave(4, 3), dtype), indices)
            for jacobian in ours:
                assert_same_blocks(jacobian, theirs, rtol=1e-10 if dtype == np.float64 else 1e-5)


def test_indices_outside_of_a_fill_have_derivative_zero():
    """The value is NaN there, and not the derivative; known and read at run time."""
    indices = np.array([0, 7, -1, -9, 2], np.int32)
    functions = [
        lambda x, i: 2 * x.at[i].get(mode="fill"),
        lambda x, i: -jnp.take(x, i, axis=0),
        lambda x, i: jnp.take_along_axis(x, i[:4, None], axis=1),
    ]

    def function(x, i):
        return [f(jnp.cos(x), i) for f in functions]

    x = jnp.asarray(wave(4, 3), jnp.float32)
    theirs = jax.jit(jax.jacrev(function))(x, indices)
    for order, compiled in (("forward", jax.jit), ("reverse", jax.jit), ("reverse", lambda f: f)):
        ours = compiled(jacve(function, order=order))(x, indices)
        assert_same_blocks(ours, theirs, rtol=1e-6)


def test_promised_indices_outside_follow_forward_mode():
    """x[7] of four reads the last row: jacfwd and this say so, jacrev has a derivative of zero."""
    x, indices = jnp.asarray(wave(4, 3), jnp.float32), np.array([7, 1], np.int32)
    function = lambda x, i: x[i]  # noqa: E731
    assert_same_blocks(jacve(function)(x, indices), jax.jacfwd(function)(x, indices))
    assert np.abs(jax.jacrev(function)(x, indices)).sum() == 3


def test_repeated_writes():
    """Where one place is set twice, the derivative is of the write that JAX says counts."""
    x, indices = wave(4, 3), np.array([1, 1], np.int32)
    assert_equals_jacrev_in_all_orders(lambda x: jnp.sin(x).at[indices].set(x[:2] ** 2), x)


def test_runtime_indices_in_a_batch():
    """vmap of the Jacobian over indices that are read at run time."""

    def function(x, i):
        return jnp.sin(-x)[i] * lax.dynamic_slice(x, (i,), (2,)).sum() + x.at[i].set(0.0)

    x, indices = jnp.asarray(wave(5, 3), jnp.float32), jnp.array([0, 2, 1, 2, 0])
    ours = jax.jit(jax.vmap(jacve(function)))(x, indices)
    theirs = jax.jit(jax.vmap(jax.jacrev(function)))(x, indices)
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def test_holomorphic_indexing():
    """Complex entries are read and written like real ones."""
    z, i = wave(4) + 1j * wave(4, phase=9), np.array([2, 0])

    def function(z, i):
        return jnp.sin(z[i]) * z[:2], z.at[i].set(z[:2] ** 2), z.at[i].add(jnp.exp(z[1:3]))

    assert_equals_jacrev_in_all_orders(function, z, i, holomorphic=True)


def test_empty_arrays():
    """Nothing is read, from nothing, and nothing written."""

    def function(x):
        none = jnp.zeros(0, jnp.int32)
        y = jnp.cos(x)
        return [y.T[jnp.array([0, 2])], y[none], y.at[none].add(y), y.T.at[none].set(y[:, :0])]

    with jax.enable_x64(True):
        assert as_float64(np.zeros((0, 3))).dtype == np.float64
    assert_equals_jacrev_in_all_orders(function, np.zeros((0, 3)))


def test_what_jax_refuses_is_refused():
    """A scatter that applies a function has the name of one that overwrites, which has a rule."""

    def applied(x):
        return x.at[::2].apply(jnp.sin) * 2.0

    x = jnp.arange(4.0)
    for by in (jax.jacrev, jacve):
        with pytest.raises(NotImplementedError, match="scatter_apply JVP not implemented"):
            by(applied)(x)
