"""Structured blocks: what they store, how they are written out, and what JAX makes of them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from elimax.interpreter.algebra.sparse_value import Part, SparseValue
from elimax.interpreter.graph.structure import UNTIED, Kind, edge_structure
from elimax.interpreter.jacobian import jacve
from elimax.interpreter.output.structured import StructuredJacobian
from support.compare import assert_same_blocks
from support.random_programs import wave

X = jnp.asarray(wave(5), jnp.float32)


def chemistry(x):
    """A packed function like propane_combustion: most entries are zero or constant."""
    a, b, c, d, e = x
    return jnp.stack([a + b - 3.0, 2.0 * c + d, d * jnp.exp(e) - a, e + c, a + a - 2.0 * b])


def structured(function, **options):
    """Its structured Jacobian."""
    return jacve(function, output="structured", **options)


FUNCTIONS = {
    "mostly constant": chemistry,
    "elementwise": lambda x: jnp.sin(x) * x,
    "slice": lambda x: x[1:3],
    "slice and diagonal": lambda x: x[1:] * x[:-1],
    "outer": lambda x: x[:, None] * x[None, :2],
    "matrix": lambda x: jnp.tanh(jnp.asarray(wave(3, 5), x.dtype) @ x),
    "to a number": lambda x: jnp.sum(x**2),
    "constant output": lambda x: jnp.ones((2, 3)),
    "identity": lambda x: x,
    "empty output": lambda x: x[:0],
    "set": lambda x: jnp.sin(x).at[1].set(4.0),
    "copies": lambda x: jnp.broadcast_to(x[:2, None] * x[2], (2, 3)),
    "running sum": lambda x: jnp.cumsum(x),
    "gather": lambda x: jnp.sin(x)[jnp.array([0, 3, 3])],
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_written_out_equals_jacrev(name):
    """todense, and tobcoo with as many entries; eager, compiled and compiled as a whole."""
    function = FUNCTIONS[name]
    exact = jax.jit(jax.jacrev(function))(X)
    block = structured(function)(X)
    assert (block.shape, block.dtype) == (exact.shape, exact.dtype)
    for found in (
        block.todense(),
        block.tobcoo().todense(),
        jax.jit(structured(function))(X).todense(),
        jax.jit(lambda x: structured(function)(x).todense())(X),
        jax.jit(lambda x: structured(function)(x).tobcoo())(X).todense(),
    ):
        assert_same_blocks(found, exact, rtol=1e-5)
    assert np.count_nonzero(exact) <= block.tobcoo().nse
    assert block.nse <= block.tobcoo().nse


def test_zeros_and_constants_have_no_leaf():
    """Of 25 entries two depend on the input, nine are constant, and the others are zero."""
    block = structured(chemistry)(X)
    assert sum(leaf.size for leaf in jax.tree.leaves(block)) == 2
    assert np.count_nonzero(jax.jacrev(chemistry)(X)) == 11
    assert block.nse == 11
    assert "nse=11" in repr(block) and "shape=(5, 5)" in repr(block)
    closed = jax.make_jaxpr(structured(chemistry))(X)
    assert sum(aval.size for aval in closed.out_avals) == 2


def test_tied_axes_are_stored_once():
    """A diagonal of five, 25 places; ones on a diagonal have no leaf at all."""
    block = structured(jnp.sin)(X)
    assert [leaf.shape for leaf in jax.tree.leaves(block)] == [(5,)]
    assert (block.nse, block.tobcoo().nse) == (5, 5)
    assert jax.tree.leaves(structured(lambda x: x + 1.0)(X)) == []


def test_constant_zeros_are_no_entries():
    """Entries that cancel, and a mask of what is written over."""
    for function, expected in (
        (lambda x: x - x, 0),
        (lambda x: x.at[1].set(3.0), 4),
        (lambda x: jnp.concatenate([x - x, 2.0 * x]), 5),
    ):
        block = structured(function)(X)
        assert block.tobcoo().nse == expected
        assert_same_blocks(block.todense(), jax.jacrev(function)(X))


def test_under_vmap():
    """Leaves get a batch axis, the description does not: methods go under vmap as well."""
    xs = jnp.stack([X, 2 * X, -X])
    blocks = jax.vmap(structured(FUNCTIONS["slice and diagonal"]))(xs)
    assert all(leaf.shape[0] == 3 for leaf in jax.tree.leaves(blocks))
    exact = jax.jit(jax.vmap(jax.jacrev(FUNCTIONS["slice and diagonal"])))(xs)
    for found in (
        jax.vmap(lambda block: block.todense())(blocks),
        jax.vmap(lambda block: block.tobcoo().todense())(blocks),
        jax.jit(jax.vmap(lambda x: structured(FUNCTIONS["slice and diagonal"])(x).todense()))(xs),
    ):
        np.testing.assert_allclose(found, exact, rtol=1e-5)


def test_under_tree_map():
    """Only entries that depend on the input are leaves: constants are not mapped.

    So doubling the leaves doubles the Jacobian only where no entry is constant.
    """
    block = structured(jnp.sin)(X)
    doubled = jax.tree.map(lambda leaf: 2 * leaf, block)
    np.testing.assert_allclose(doubled.todense(), 2 * block.todense())
    mixed = structured(lambda x: jnp.stack([x[0] ** 2, x[1]]))(X)
    doubled = jax.tree.map(lambda leaf: 2 * leaf, mixed).todense()
    np.testing.assert_allclose(doubled[0], 2 * mixed.todense()[0])
    np.testing.assert_array_equal(doubled[1], mixed.todense()[1])


def test_equal_layouts_are_traced_once():
    """Blocks of the same function at other points share what was compiled for them."""
    traces = []

    @jax.jit
    def total(block):
        traces.append(block.shape)
        return block.todense().sum()

    for scale in (1.0, 2.0, 3.0):
        total(structured(chemistry)(scale * X))
    assert traces == [(5, 5)]
    total(structured(lambda x: 2.0 * chemistry(x))(X))
    assert len(traces) == 2


def test_layouts_compare_by_value():
    """Equal and hashable descriptions; other constants are another description."""
    first, second = (structured(chemistry)(s * X).tree_flatten()[1] for s in (1.0, 2.0))
    other = structured(lambda x: chemistry(x) + x)(X).tree_flatten()[1]
    assert first == second and hash(first) == hash(second)
    assert first != other
    assert first.places[0] != "something else"


def test_gradient_through_a_block():
    """Of a function of the dense Jacobian and of the entries of a BCOO."""
    for write in (lambda block: block.todense(), lambda block: block.tobcoo().todense()):
        ours = jax.jit(jax.grad(lambda x, w=write: jnp.sum(w(structured(chemistry)(x)) ** 3)))(X)
        theirs = jax.jit(jax.grad(lambda x: jnp.sum(jax.jacrev(chemistry)(x) ** 3)))(X)
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def test_under_scan_and_cond():
    """A pytree like any other: loops stack it, branches return it."""
    _, blocks = jax.lax.scan(lambda c, x: (c, structured(chemistry)(x)), 0, jnp.stack([X, 2 * X]))
    dense = jax.vmap(lambda block: block.todense())(blocks)
    np.testing.assert_allclose(dense[1], jax.jacrev(chemistry)(2 * X), rtol=1e-5)
    block = jax.lax.cond(True, structured(chemistry), structured(chemistry), X)
    np.testing.assert_allclose(block.todense(), jax.jacrev(chemistry)(X), rtol=1e-5)


def test_bcoo_indices_are_unique_and_in_range():
    """Int32, every place once, whatever is tied, carried or repeated."""
    for name, function in FUNCTIONS.items():
        matrix = structured(function)(X).tobcoo()
        indices = np.asarray(matrix.indices)
        assert indices.dtype == np.int32 and matrix.unique_indices, name
        assert len(np.unique(indices, axis=0)) == len(indices), name
        assert (indices >= 0).all() and (indices < np.array(matrix.shape)).all(), name


def test_made_by_hand():
    """J[i, j] of shape (2, 3): a computed entry at (0, 2), a constant one at (1, 0)."""
    structure = edge_structure((2,), (3,), [UNTIED], [0, 1], Kind.GENERAL)
    parts = (Part(jnp.array([7.0]), np.array([2])), Part(np.array([5.0]), np.array([3])))
    block = StructuredJacobian.of(structure, SparseValue((), (0, 1), (2, 3), parts), np.float16)
    assert block.todense().tolist() == [[0, 0, 7], [5, 0, 0]]
    assert block.todense().dtype == block.tobcoo().dtype == np.float16
    assert [leaf.tolist() for leaf in jax.tree.leaves(block)] == [7]
