"""A batch axis stays tied: no array has it twice, and nothing is multiplied that was not before."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from elimax.interpreter.jacobian import jacve
from elimax.pipeline.tasks import load_task
from support.compare import executed_multiplications
from support.jaxprs import equations, is_edge_product
from support.random_programs import wave

BATCH = 17
"""An axis length that occurs nowhere else."""
ASSEMBLY = {"select_n", "broadcast_in_dim", "iota", "eq", "pad", "concatenate", "reshape"}
"""The only primitives that may have both batch axes in their result: zeros are written."""

SMALL = {
    "elementwise": lambda x: jnp.sin(x) * x,
    "matrix": lambda x: jnp.tanh(jnp.asarray(wave(5, 6), x.dtype) @ x),
    "softmax": lambda x: jax.nn.softmax(x) * x[::-1],
    "slices": lambda x: jnp.concatenate([x[1:] * x[:-1], jnp.sin(x[:2])]),
    "reshape": lambda x: jnp.sin(x.reshape(2, 3) @ x.reshape(3, 2)).ravel(),
    "scalars": lambda x: jnp.stack([x[0] * x[1], jnp.sin(x[2]), jnp.exp(x[3]) * x[0]]),
    "gather": lambda x: jnp.sin(jnp.cos(x)[jnp.array([0, 3, 3, 1])]) * x[:4],
    "dynamic slice": lambda x: jnp.exp(lax.dynamic_slice(jnp.sin(x), (jnp.argmax(x),), (3,))),
    "scatter": lambda x: jnp.cos(x).at[jnp.array([1, 4])].add(jnp.sin(x[:2])) * x,
    "written at run time": lambda x: jnp.sin(jnp.cos(x).at[jnp.argmax(x)].set(x[0] * x[1])),
    "along an axis": lambda x: jnp.sin(jnp.take_along_axis(x**2, jnp.argsort(x), axis=0)),
    "cumsum": lambda x: jnp.sin(jnp.cumsum(jnp.cos(x))),
    "reductions": lambda x: jnp.max(x) * jnp.prod(jnp.sin(x)) + x,
    "where": lambda x: jnp.where(x > 0.2, jnp.sin(x), x * 3.0),
    "clip": lambda x: jnp.clip(jnp.sin(x), -0.5, 0.5) * x,
    "sort": lambda x: jnp.sin(jnp.sort(x)) * x,
    "scan": lambda x: lax.scan(lambda c, y: (jnp.sin(c * y), c), x[0], x)[1],
    "cumprod": lambda x: jnp.sin(jnp.cumprod(x)),
}


@functools.cache
def case(name):
    """A function of arrays and its arguments, for one element."""
    if name in SMALL:
        return SMALL[name], (jnp.asarray(wave(6), jnp.float32),)
    task = load_task(name)
    leaves, tree = jax.tree.flatten([task.example_inputs()[k] for k in task.argnums])

    def function(*flat):
        args = list(task.example_inputs())
        for k, arg in zip(task.argnums, jax.tree.unflatten(tree, flat), strict=True):
            args[k] = arg
        return task.function(*args)

    if name == "roe_flux_1d":
        return lambda x: jnp.stack(function(*x)), (jnp.stack(leaves),)
    return function, tuple(map(jnp.asarray, leaves))


def batched(name):
    """Batch axes in front of everything."""
    function, args = case(name)
    return jax.vmap(function), tuple(
        jnp.stack([x * (1 + k / 50) for k in range(BATCH)]) for x in args
    )


def twice(closed):
    """Equations with a result in which the batch axis occurs twice."""
    return [
        eqn
        for eqn in equations(closed)
        if any(getattr(var.aval, "shape", ()).count(BATCH) > 1 for var in eqn.outvars)
    ]


TASKS = ["mlp", "transformer_encoder", "lstm_rollout", "roe_flux_1d", "bratu_stencil"]
NAMES = [*TASKS, *SMALL]


@pytest.mark.parametrize("name", NAMES)
def test_structured_output_never_has_two_batch_axes(name):
    """In no array of the jaxpr, those within nested jaxprs included, whatever the order."""
    function, args = batched(name)
    argnums = tuple(range(len(args)))
    for order in ("auto", "forward", "reverse"):
        jac = jacve(function, argnums, order=order, output="structured")
        assert twice(jax.make_jaxpr(jac)(*args)) == []


@pytest.mark.parametrize("name", NAMES)
def test_dense_output_has_them_in_the_assembly_only(name):
    """Zeros are written at the very end; no product and no sum sees them."""
    function, args = batched(name)
    closed = jax.make_jaxpr(jacve(function, tuple(range(len(args)))))(*args)
    found = twice(closed)
    assert found and {eqn.primitive.name for eqn in found} - {"jit"} <= ASSEMBLY
    assert not any(is_edge_product(eqn) for eqn in found)


@pytest.mark.parametrize("name", NAMES)
def test_a_batch_costs_batch_times_one_element(name):
    """Emitted and folded multiplications of jacve(vmap f), by the order of one element."""
    function, args = case(name)
    many, batches = batched(name)
    argnums = tuple(range(len(args)))
    for order in ("forward", "reverse"):
        alone = executed_multiplications(function, args, argnums, order)
        together = executed_multiplications(many, batches, argnums, order)
        assert together == BATCH * alone


@pytest.mark.parametrize("name", ["mlp", "roe_flux_1d", *SMALL])
def test_jacobians_in_a_batch_cost_the_same(name):
    """vmap(jacve f) emits batch times what jacve f emits."""
    function, args = case(name)
    _, batches = batched(name)
    jac = jacve(function, tuple(range(len(args))), order="reverse")
    alone, together = (
        sum(
            np.prod(eqn.outvars[0].aval.shape, dtype=int) * _summed(eqn)
            for eqn in equations(jax.make_jaxpr(jacobian)(*x))
            if is_edge_product(eqn) and eqn.primitive.name in ("mul", "dot_general")
        )
        for jacobian, x in ((jac, args), (jax.vmap(jac), batches))
    )
    assert together == BATCH * alone


def _summed(eqn):
    """Terms of every sum of a dot_general; one for a product entry by entry."""
    if eqn.primitive.name == "mul":
        return 1
    (contracted, _), _ = eqn.params["dimension_numbers"]
    return np.prod([eqn.invars[0].aval.shape[axis] for axis in contracted], dtype=int)


@pytest.mark.parametrize("name", SMALL)
def test_values_of_batches(name):
    """jacve(vmap f) has the blocks of vmap(jacrev f) on its diagonal and zeros beside them."""
    function, args = batched(name)
    ours = jax.jit(jacve(function))(*args)
    theirs = jax.jit(jax.vmap(jax.jacrev(SMALL[name])))(*args)
    index = np.arange(BATCH)
    # Axes of ours: batch, outputs, batch, inputs.
    blocks = np.moveaxis(np.asarray(ours), -2, 1)[index, index]
    np.testing.assert_allclose(blocks, theirs, rtol=1e-4, atol=1e-5)
    assert np.count_nonzero(ours) <= np.count_nonzero(blocks)
