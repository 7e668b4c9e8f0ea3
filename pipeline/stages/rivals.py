"""The functions that are timed against each other: what a JAX user writes, and ours.

Two layouts, each compared like with like: `published` takes and returns the task's own arguments
and results, often dozens of scalars; `packed` takes one vector and returns one matrix, since every
separate array costs dispatch.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.order import EliminationOrder
from elimax.interpreter.jacobian import jacve
from elimax.interpreter.orders.order_cache import cached_order
from elimax.interpreter.plan import Plan
from elimax.interpreter.tracing.call import trace
from elimax.pipeline.errors import StageError
from elimax.pipeline.stages import batches
from elimax.pipeline.tasks.task import Task

RIVALS: Mapping[str, Callable[..., Any]] = {"jacfwd": jax.jacfwd, "jacrev": jax.jacrev}

Layout = Literal["published", "packed"]


def published(task: Task, orders: Mapping[str, EliminationOrder]) -> dict[str, Callable[..., Any]]:
    """Jacobians of a task as it stands.

    Args:
        task: The task.
        orders: Elimination orders by name.

    Returns:
        By name, JAX's two Jacobians and ours in each order; all take the arguments of the task.
    """
    argnums = task.argnums
    rivals = {name: make(task.function, argnums=argnums) for name, make in RIVALS.items()}
    ours = {
        name: jacve(task.function, argnums=argnums, order=order) for name, order in orders.items()
    }
    return {**rivals, **ours}


def packed(task: Task, orders: Mapping[str, EliminationOrder]) -> dict[str, Callable[..., Any]]:
    """Jacobians of a task with one vector in and one matrix out.

    Args:
        task: The task; all leaves of its differentiated arguments are floating.
        orders: Elimination orders by name.

    Returns:
        By name, functions of the vector of all n input values (n,), and of the other arguments, to
        the Jacobian (m, n); `pack` makes both.
    """
    arguments, flat = task.example_inputs(), flat_function(task)

    def ours(order: EliminationOrder) -> Callable[..., Any]:
        jacobian = jacve(task.function, argnums=task.argnums, order=order)
        rows = len(jax.tree.leaves(jax.eval_shape(task.function, *arguments)))
        sizes = [np.size(leaf) for leaf in _leaves(arguments, task.argnums)]

        def matrix(vector: Any, others: tuple[Any, ...]) -> Any:
            point = unpack(vector, others, arguments, task.argnums)
            return _assemble(jax.tree.leaves(jacobian(*point)), rows, sizes)

        return matrix

    rivals = {name: make(flat) for name, make in RIVALS.items()}
    return {**rivals, **{name: ours(order) for name, order in orders.items()}}


def native(task: Task, order: EliminationOrder, layout: Layout) -> Callable[..., Any]:
    """The Jacobian of a task as a native kernel.

    Args:
        task: The task.
        order: An order of its graph; the packed layout, whose graph is another one, takes the order
            that `jacve` finds.
        layout: The layout.

    Returns:
        A function like those of `published` or `packed`. If no kernel is possible, it raises
        NotScalarError when it is traced.
    """
    if layout == "published":
        inputs = task.example_inputs()
        graph = trace(task.function, *inputs, argnums=task.argnums, allow_int=True)
        return jacve(task.function, argnums=task.argnums, order=as_kernel(graph, order))
    graph = packed_graph(task)
    return jacve(flat_function(task), order=as_kernel(graph, cached_order(graph)))


def packed_graph(task: Task) -> ComputationalGraph:
    """The graph of what `flat_function` returns."""
    example = batches.jitter_batch(task.example_inputs(), task.argnums, 1, 0)
    vectors, others = pack(example, task.argnums)
    return trace(flat_function(task), vectors[0], others, argnums=(0,))


def as_kernel(graph: ComputationalGraph, order: EliminationOrder) -> Plan:
    """A plan whose elimination is a native kernel."""
    return dataclasses.replace(Plan.of_graph(graph, order), execution="native")


def flat_function(task: Task) -> Callable[[Any, tuple[Any, ...]], Any]:
    """The task as a function of one vector, and of the arguments that are not differentiated.

    Args:
        task: The task.

    Returns:
        A function of what `pack` returns, without the batch axis, to the vector (m,) of results.
    """
    example = task.example_inputs()

    def flat(vector: Any, others: tuple[Any, ...]) -> Any:
        result = task.function(*unpack(vector, others, example, task.argnums))
        return jnp.concatenate([jnp.ravel(leaf) for leaf in jax.tree.leaves(result)])

    return flat


def pack(arguments: Sequence[Any], argnums: Sequence[int]) -> tuple[np.ndarray, tuple[Any, ...]]:
    """Concatenates differentiated arguments with a batch axis into one array.

    Args:
        arguments: Arguments whose differentiated leaves have shape (B, ...).
        argnums: Positions of the differentiated ones.

    Returns:
        The values (B, n), and the arguments with None for the differentiated ones.
    """
    leaves = [np.asarray(leaf) for leaf in _leaves(arguments, argnums)]
    vectors = np.concatenate([leaf.reshape(leaf.shape[0], -1) for leaf in leaves], axis=1)
    others = (None if index in argnums else entry for index, entry in enumerate(arguments))
    return vectors, tuple(others)


def unpack(
    vector: Any, others: Sequence[Any], example: Sequence[Any], argnums: Sequence[int]
) -> tuple[Any, ...]:
    """Splits a vector into arguments.

    Args:
        vector: Shape (n,), the values of all differentiated leaves.
        others: The other arguments at their positions.
        example: Example arguments, for the shapes of the differentiated ones.
        argnums: Positions of the differentiated ones.

    Returns:
        The arguments.
    """
    position = 0

    def take(leaf: Any) -> Any:
        nonlocal position
        size = np.size(leaf)
        part = vector[position : position + size].reshape(np.shape(leaf))
        position += size
        return part

    results = list(others)
    for index in argnums:
        results[index] = jax.tree.map(take, example[index])
    return tuple(results)


def can_be_packed(task: Task) -> bool:
    """Whether all differentiated leaves are floating, so that one vector can hold them."""
    return all(batches.is_floating(leaf) for leaf in _leaves(task.example_inputs(), task.argnums))


def dense_size(task: Task) -> int:
    """Number of entries of the dense Jacobian of one input."""
    arguments = task.example_inputs()
    results = jax.tree.leaves(jax.eval_shape(task.function, *arguments))
    size_in = sum(int(np.size(leaf)) for leaf in _leaves(arguments, task.argnums))
    return sum(int(np.prod(leaf.shape)) for leaf in results) * size_in


def in_dtype(arguments: Sequence[Any], dtype: str) -> tuple[Any, ...]:
    """Converts the floating leaves of arguments to a dtype."""
    return jax.tree.map(
        lambda leaf: np.asarray(leaf, dtype=dtype) if batches.is_floating(leaf) else leaf,
        tuple(arguments),
    )


def _leaves(arguments: Sequence[Any], argnums: Sequence[int]) -> list[Any]:
    return [leaf for index in argnums for leaf in jax.tree.leaves(arguments[index])]


def _assemble(blocks: Sequence[Any], rows: int, sizes: Sequence[int]) -> Any:
    """Joins the blocks of a Jacobian, ordered by result, then input, into one matrix (m, n)."""
    if len(blocks) != rows * len(sizes):
        raise StageError(
            f"the Jacobian has {len(blocks)} blocks, expected {rows} results x {len(sizes)} inputs"
        )
    strips = []
    for start in range(0, len(blocks), len(sizes)):
        strip = blocks[start : start + len(sizes)]
        parts = [block.reshape(-1, size) for block, size in zip(strip, sizes, strict=True)]
        strips.append(jnp.concatenate(parts, axis=1))
    return jnp.concatenate(strips, axis=0)
