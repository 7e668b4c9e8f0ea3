"""Places of gathers, scatters and slices are those that JAX reads from and writes to."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from elimax.interpreter.tracing.index_places import places

GATHERS = {
    "rows": ((5, 3), lambda x, i: x[i]),
    "columns": ((3, 5), lambda x, i: x[:, i]),
    "points": ((5, 5), lambda x, i: x[i, i[::-1]]),
    "apart": ((5, 2, 5), lambda x, i: x[i, :, i]),
    "matrix of indices": ((5, 2), lambda x, i: x[i.reshape(2, 2)]),
    "along axis": ((2, 4), lambda x, i: jnp.take_along_axis(x, i.reshape(2, 2) % 4, 1)),
    "batched": ((4, 5), lambda x, i: jax.vmap(lambda row, k: row[k])(x, i)),
    "slices": ((9, 2), lambda x, i: jax.vmap(lambda k: lax.dynamic_slice_in_dim(x, k, 3))(i)),
    "clipped": ((3, 2), lambda x, i: jnp.take(x, i, axis=0, mode="clip")),
    "filled": ((3, 2), lambda x, i: jnp.take(x, i, axis=0, mode="fill", fill_value=-1)),
}
SCATTERS = {
    "rows": ((5, 3), (4, 3), lambda x, i, u: x.at[i].add(u)),
    "columns": ((3, 5), (3, 4), lambda x, i, u: x.at[:, i].add(u)),
    "points": ((5, 5), (4,), lambda x, i, u: x.at[i, i[::-1]].add(u)),
    "clipped": ((3, 2), (4, 2), lambda x, i, u: x.at[i].add(u, mode="clip")),
    "batched": ((4, 5), (4,), lambda x, i, u: jax.vmap(lambda r, k, v: r.at[k].add(v))(x, i, u)),
}
INDEX = np.array([3, 0, 4, 1])


def equation_of(name, function, *arguments):
    """The equation of one primitive, with its index operands as numpy arrays."""
    closed = jax.make_jaxpr(lambda x, *rest: function(x, jnp.asarray(INDEX), *rest))(*arguments)
    found = []

    def search(jaxpr, consts, inputs):
        values = dict(zip(jaxpr.constvars, consts, strict=True))
        values.update(zip(jaxpr.invars, inputs, strict=True))

        def read(atom):
            return atom.val if hasattr(atom, "val") else values[atom]

        for eqn in jaxpr.eqns:
            arguments = [read(atom) for atom in eqn.invars]
            if eqn.primitive.name == "jit":
                inner = eqn.params["jaxpr"]
                results = search(inner.jaxpr, inner.consts, arguments)
            else:
                if eqn.primitive.name == name:
                    found.append((eqn, arguments))
                results = eqn.primitive.bind(*arguments, **eqn.params)
                results = results if eqn.primitive.multiple_results else [results]
            values.update(zip(eqn.outvars, results, strict=True))
        return [read(atom) for atom in jaxpr.outvars]

    search(closed.jaxpr, closed.consts, arguments)
    (match,) = found
    return match


@pytest.mark.parametrize("case", GATHERS)
def test_gather_reads_what_jax_reads(case):
    """Numbered entries are gathered at their own numbers."""
    shape, function = GATHERS[case]
    x = jnp.arange(np.prod(shape), dtype=jnp.float32).reshape(shape)
    eqn, (operand, index) = equation_of("gather", function, x)
    window = eqn.outvars[0].aval.shape
    found = places("gather", (operand.shape, window), [index], eqn.params)
    values = np.asarray(eqn.primitive.bind(operand, index, **eqn.params))
    np.testing.assert_array_equal(found, values)


@pytest.mark.parametrize("case", SCATTERS)
def test_scatter_writes_where_jax_writes(case):
    """Powers of two, added at the places found, give what JAX gives."""
    shape, window, function = SCATTERS[case]
    updates = jnp.asarray(2.0 ** np.arange(np.prod(window)).reshape(window), jnp.float32)
    eqn, (operand, index, update) = equation_of(
        "scatter-add", function, jnp.zeros(shape, jnp.float32), updates
    )
    found = places("scatter-add", (shape, window), [index], eqn.params)
    assert found is not None
    expected = np.zeros(np.prod(shape))
    np.add.at(expected, found.ravel(), np.asarray(update).ravel())
    values = eqn.primitive.bind(operand, index, update, **eqn.params)
    np.testing.assert_array_equal(np.asarray(values).ravel(), expected)


@pytest.mark.parametrize("start", [-2, 0, 2, 7])
def test_slices_are_moved_inside(start):
    """A start out of bounds."""
    x = jnp.arange(12.0).reshape(4, 3)
    found = places("dynamic_slice", ((4, 3), (2, 3)), [start, 0], {})
    values = jax.jit(lambda i: lax.dynamic_slice(x, (i, 0), (2, 3), allow_negative_indices=False))
    np.testing.assert_array_equal(found, values(start))


def test_scatter_out_of_bounds_is_left_to_jax():
    """What happens is up to XLA."""
    operand, updates = jnp.zeros((2, 3)), jnp.ones((4, 3))
    eqn, (_, index, _) = equation_of(
        "scatter-add", lambda x, i, u: x.at[i].add(u, mode="drop"), operand, updates
    )
    assert places("scatter-add", ((2, 3), (4, 3)), [index], eqn.params) is None
