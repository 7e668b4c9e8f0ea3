"""Primitives that move, copy or drop entries: structure, value, empty axes, runtime indices."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from interpreter.jacobian import jacve
from interpreter.structure import UNTIED, Kind, edge_structure
from interpreter.tracing import trace
from tests.interpreter.compare import (
    QUICK,
    assert_equals_jacrev,
    assert_equals_jacrev_in_all_orders,
    assert_same_blocks,
)
from tests.interpreter.random_programs import wave

S = Kind.STRUCTURAL
U = UNTIED
X23 = jnp.ones((2, 3))


def only_edge(function, *args):
    """The edge of a function of one equation from its first argument."""
    graph = trace(function, *args, argnums=0)
    (edge,) = graph.edges.values()
    return edge


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda x: lax.broadcast_in_dim(x, (4, 2, 3), (1, 2)), ((4, 2, 3), [1, 2], [])),
        (lambda x: x.T, ((3, 2), [1, 0], [])),
        (lambda x: x[None], ((1, 2, 3), [1, 2], [])),
        (lambda x: x.reshape(6), ((6,), [U, U], [0, 1, 2])),
        (lambda x: x.reshape(2, 1, 3), ((2, 1, 3), [0, 2], [])),
        (lambda x: lax.slice(x, (0, 1), (2, 3)), ((2, 2), [0, U], [1, 3])),
        (lambda x: lax.pad(x, 0.0, ((1, 0, 0), (0, 0, 0))), ((3, 3), [U, 1], [0, 2])),
        (lambda x: lax.rev(x, (1,)), ((2, 3), [0, U], [1, 3])),
        (lambda x: lax.concatenate([x, jnp.ones((2, 2))], 1), ((2, 5), [0, U], [1, 3])),
        (lambda x: lax.cumsum(x, 0), ((2, 3), [U, 1], [0, 2])),
        (lambda x: lax.copy_p.bind(x), ((2, 3), [0, 1], [])),
        (lambda x: x.astype(jnp.float16), ((2, 3), [0, 1], [])),
        (lambda x: lax.reduce_precision(x, 8, 10), ((2, 3), [0, 1], [])),
        (lambda x: lax.optimization_barrier(x), ((2, 3), [0, 1], [])),
    ],
)
def test_axes_that_are_left_alone_stay_tied(function, expected):
    """One worked example per primitive on x with shape (2, 3), batch axes above all."""
    out_shape, ties, carried = expected
    assert only_edge(function, X23) == edge_structure(out_shape, (2, 3), ties, carried, S)


def test_squeeze_drops_axes_of_size_one():
    """(2, 1, 3) to (2, 3): both other axes stay tied."""
    edge = only_edge(lambda x: lax.squeeze(x, (1,)), jnp.ones((2, 1, 3)))
    assert edge == edge_structure((2, 3), (2, 1, 3), [0, U, 1], [], S)


def test_reshape_keeps_leading_and_trailing_axes():
    """(2, 3, 4, 5) to (2, 12, 5): a and the last axis stay, the middle is merged."""
    edge = only_edge(lambda x: x.reshape(2, 12, 5), jnp.ones((2, 3, 4, 5)))
    assert edge.ties == (0, U, U, 2)
    assert edge.carried == (1, 4, 5)


def test_split_has_one_edge_per_part():
    """The axis that is cut is carried, the other tied."""
    graph = trace(lambda x: jnp.split(x, [1], axis=1), X23)
    edges = set(graph.edges.values())
    assert edges == {
        edge_structure((2, 1), (2, 3), [0, U], [1, 3], S),
        edge_structure((2, 2), (2, 3), [0, U], [1, 3], S),
    }


def test_barrier_does_not_mix_its_operands():
    """optimization_barrier passes every operand through to one result."""
    graph = trace(lambda x, y: lax.optimization_barrier((x, y)), 1.0, 2.0)
    assert set(graph.edges) == {(0, 2), (1, 3)}


MOVES = {
    "broadcast": lambda x: jnp.broadcast_to(x, (2, *x.shape)),
    "transpose": lambda x: x.transpose(1, 2, 0),
    "squeeze": lambda x: x[:, :1].squeeze(1),
    "expand": lambda x: x[:, None, :, :, None],
    "reshape merge": lambda x: x.reshape(3, -1),
    "reshape split": lambda x: x.reshape(3, 2, 2, 2),
    "reshape with dimensions": lambda x: lax.reshape(x, x.shape, tuple(range(x.ndim))[::-1]),
    "reshape across": lambda x: x.reshape(2, 3, 4),
    "ravel": jnp.ravel,
    "slice": lambda x: x[1:, :, ::2],
    "slice to one": lambda x: x[0],
    "index": lambda x: x[1, :, 2],
    "negative pad": lambda x: lax.pad(
        x, jnp.zeros((), x.dtype), ((1, 2, 1), (-1, 0, 0), (0, -1, 1))
    ),
    "concatenate": lambda x: jnp.concatenate([x, x[:1], 2 * x]),
    "stack": lambda x: jnp.stack([x, -x], axis=1),
    "flip": lambda x: x[::-1, :, ::-1],
    "roll": lambda x: jnp.roll(x, 1, axis=2),
    "split": lambda x: jnp.split(x, 2, axis=1)[1],
    "cumsum": lambda x: jnp.cumsum(x, axis=1),
    "cumsum back": lambda x: lax.cumsum(x, axis=2, reverse=True),
    "tile": lambda x: jnp.tile(x, (1, 2, 1)),
    "repeat": lambda x: jnp.repeat(x, 2, axis=0),
    "gather": lambda x: x[jnp.array([2, 0, 2])],
    "take fill": lambda x: jnp.take(x, jnp.array([2, 7]), axis=0, mode="fill", fill_value=0),
    "tril": jnp.tril,
    "diagonal": lambda x: jnp.diagonal(x[0]),
    "set": lambda x: x.at[1].set(x[0] * x[2]),
    "set one": lambda x: x.at[1, 0, 2].set(5.0),
    "add at": lambda x: x.at[jnp.array([1, 1])].add(x[:2] ** 2),
    "multiply at": lambda x: x.at[1].multiply(x[0]),
    "dynamic slice": lambda x: lax.dynamic_slice(x, (1, 0, 1), (2, 2, 2)),
    "update slice": lambda x: lax.dynamic_update_slice(x, x[:2, :1] ** 2, (1, 1, 0)),
    "kron": lambda x: jnp.kron(x[0], x[1]),
}


@pytest.mark.parametrize("name", MOVES)
def test_values_equal_jacrev(name):
    """Alone, after and before other functions: forwards, transposed, and composed."""
    move = MOVES[name]

    def function(x):
        return move(x), jnp.sin(move(-jnp.cos(x)))

    assert_equals_jacrev_in_all_orders(function, wave(3, 2, 4))


@pytest.mark.parametrize("name", ["reshape across", "concatenate", "gather", "negative pad"])
def test_values_are_right_in_single_precision(name):
    """Without 64-bit numbers nothing is cast to them and back, and nothing warns."""
    move = MOVES[name]

    def function(x):
        return jnp.sin(move(-x))

    def both(x):
        ours = [jacve(function, order=order)(x) for order in ("forward", "reverse")]
        return ours, jax.jacrev(function)(x)

    ours, theirs = jax.jit(both, compiler_options=QUICK)(jnp.asarray(wave(3, 2, 4), jnp.float32))
    for jacobian in ours:
        assert_same_blocks(jacobian, theirs, rtol=1e-6)


def test_reshape_of_a_scalar():
    """() to (1,) and (1, 1) and back."""

    def function(x):
        return jnp.sin(x).reshape(1), jnp.sin(jnp.cos(x).reshape(1, 1)).reshape(())

    assert_equals_jacrev_in_all_orders(function, np.float64(0.3))


def test_part_that_a_slice_drops():
    """concatenate, then slice to the first half: the block of the second is exactly zero."""

    def function(x, y):
        return jnp.sin(jnp.concatenate([x, y])[:2])

    assert_equals_jacrev_in_all_orders(function, wave(2), wave(3), argnums=(0, 1))


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x[:, 1:],
        lambda x: x.reshape(0, 3, 1),
        lambda x: x.reshape(0),
        lambda x: jnp.concatenate([x, x]),
        lambda x: x[::-1],
        lambda x: x @ x.T,
        lambda x: x.sum(0),
        lambda x: jnp.cumsum(x, 1),
        lambda x: x.T[jnp.array([0, 2])],
    ],
)
def test_empty_arrays(function):
    """Axes of size zero give blocks of the right shape."""
    assert_equals_jacrev_in_all_orders(lambda x: jnp.sin(function(jnp.cos(x))), np.zeros((0, 3)))


RUNTIME = {
    "dynamic slice": lambda x, i: lax.dynamic_slice(x, (i[0], i[0] - i[0]), (2, 3)),
    "index": lambda x, i: x[i[0]],
    "gather": lambda x, i: x[i],
    "take fill": lambda x, i: jnp.take(x, i + 3, axis=0, mode="fill", fill_value=0),
    "set": lambda x, i: x.at[i[0]].set(x[0] * 2),
    "add": lambda x, i: x.at[i].add(x[:2] ** 2),
    "update": lambda x, i: lax.dynamic_update_slice(x, x[:1] ** 2, (i[0], i[1] - i[1])),
    "one hot": lambda x, i: jax.nn.one_hot(i, 4, dtype=x.dtype) @ x,
}


@pytest.mark.parametrize("jit", [True, False])
@pytest.mark.parametrize("name", RUNTIME)
def test_runtime_indices(name, jit):
    """Indices that are arguments: traced under jit, known otherwise; one repeats, one is last."""
    move = RUNTIME[name]
    for order in ("forward", "reverse"):
        assert_equals_jacrev(
            lambda x, i: jnp.sin(move(-jnp.cos(x), i)),
            wave(4, 3),
            np.array([3, 1], np.int32),
            order=order,
            jit=jit,
        )


def test_runtime_indices_in_a_batch():
    """vmap over indices that are read at run time."""

    def function(x, i):
        return jnp.sin(-x)[i] * x

    x, indices = jnp.asarray(wave(5, 3), jnp.float32), jnp.array([0, 2, 1, 2, 0])
    ours = jax.vmap(jacve(function))(x, indices)
    theirs = jax.vmap(jax.jacrev(function))(x, indices)
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def test_padding_value_is_differentiated():
    """lax.pad with a variable value: it reaches every new entry."""

    def function(x, value):
        return jnp.sin(lax.pad(x * x, value * value, ((1, 2, 1), (-1, 0, 0))))

    assert_equals_jacrev_in_all_orders(function, wave(4, 3), np.float64(0.3), argnums=(0, 1))


def test_moves_cost_nothing():
    """All products with structural edges are free in both counts."""
    from interpreter.counting import count_multiplications

    def function(x):
        return jnp.concatenate([x.T.reshape(6)[1:], jnp.cumsum(x[0])])[::-1]

    graph = trace(function, X23)
    assert count_multiplications(graph, graph.eliminable)[:2] == (0, 0)
