"""The functions that are timed: all of them must compute the same Jacobian."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from elimax.interpreter.orders import markowitz_order
from elimax.interpreter.tracing.call import trace
from elimax.pipeline.errors import StageError
from elimax.pipeline.stages import batches, rivals
from elimax.pipeline.tasks import load_task
from elimax.pipeline.tasks.task import Task


def function(state: dict[str, Any], scale: Any, index: Any) -> tuple[Any, Any]:
    """Two results of different shape; the last argument is a whole number."""
    product = jnp.sin(state["x"]) * scale
    return product @ state["m"], {"sum": product.sum() + state["m"][index, 0] ** 2}


def inputs() -> tuple[Any, ...]:
    """A dict of arrays, a scalar, and an index that is not differentiated."""
    state = {"x": np.array([0.3, 0.5], np.float32), "m": np.ones((2, 3), np.float32)}
    return state, np.float32(2.0), np.int32(1)


TASK = Task("function", function, inputs, (0, 1), "", "")


@pytest.mark.parametrize("layout", ["published", "packed"])
def test_all_rivals_agree_on_a_batch(layout: str) -> None:
    """Forward, reverse and elimination give equal arrays in both layouts."""
    order = markowitz_order(trace(function, *inputs(), argnums=TASK.argnums))
    batch: Any = batches.jitter_batch(inputs(), TASK.argnums, 4, seed=0)
    axes: Any = batches.batch_axes(inputs(), TASK.argnums)
    if layout == "packed":
        batch, axes = rivals.pack(batch, TASK.argnums), (0, None)
        assert batch[0].shape == (4, 9) and batch[1] == (None, None, np.int32(1))
    make = rivals.packed if layout == "packed" else rivals.published
    functions = make(TASK, {"ours": order})
    assert set(functions) == {"jacfwd", "jacrev", "ours"}
    results = {name: jax.jit(jax.vmap(f, in_axes=axes))(*batch) for name, f in functions.items()}
    structures = {jax.tree.structure(result) for result in results.values()}
    assert len(structures) == 1
    if layout == "packed":
        assert results["ours"].shape == (4, 4, 9)
    for name in ("jacfwd", "ours"):
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6),
            results[name],
            results["jacrev"],
        )


def test_sizes_and_dtypes() -> None:
    """4 results by 9 inputs; whole numbers keep their dtype."""
    assert rivals.dense_size(TASK) == 36
    assert rivals.can_be_packed(TASK)
    with_index = Task("f", function, inputs, (0, 1, 2), "", "")
    assert not rivals.can_be_packed(with_index)
    with jax.enable_x64(True):
        converted = rivals.in_dtype(inputs(), "float64")
    assert converted[0]["x"].dtype == np.float64 and converted[2].dtype == np.int32


def test_blocks_must_be_complete() -> None:
    """A Jacobian with a block missing is not silently assembled."""
    with pytest.raises(StageError, match="has 3 blocks, expected 2 results x 2 inputs"):
        rivals._assemble([jnp.ones((1, 1))] * 3, 2, [1, 1])


def test_flat_function_is_the_task() -> None:
    """All results in one vector, in the order of the task's own."""
    task = load_task("kerr_metric")
    example = task.example_inputs()
    vector = np.concatenate([np.ravel(example[index]) for index in task.argnums])
    others = tuple(None if k in task.argnums else entry for k, entry in enumerate(example))
    results = np.concatenate([np.ravel(leaf) for leaf in np.atleast_1d(task.function(*example))])
    np.testing.assert_allclose(rivals.flat_function(task)(vector, others), results, rtol=1e-6)
