"""The functions that the interpreter is compared with, and the interpreter itself.

Every contender is a maker: each call returns a new function object, so that no cache of JAX makes
the second trace of a function cheaper than the first.

| name | what |
|---|---|
| `jacfwd`, `jacrev` | JAX's two modes, what a user writes today |
| `hessian` | `jax.hessian` of the function whose gradient a task is |
| `sparsejac`, `asdex` | packages that colour a sparse Jacobian; `_values`: stored entries only |
| `dense` | ours in the place of `jacrev` |
| `assembled` | ours on the task's own arguments, its blocks joined to one matrix |
| `structured` | ours, without the zeros and constants of the dense output |
"""

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.experimental import sparse

from elimax.interpreter.graph.order import EliminationOrder
from elimax.interpreter.jacobian import jacve
from elimax.pipeline.stages import rivals, timing
from elimax.pipeline.tasks.task import Task

Maker = Callable[[], Callable[..., Any]]

MODES = ("jacfwd", "jacrev")
OURS = ("dense", "assembled", "structured")
COLOURED = ("sparsejac", "asdex")

SPARSE_DENSITY = 0.5
"""Share of nonzero entries above which colouring a Jacobian is not tried."""


def published(task: Task, order: EliminationOrder) -> dict[str, Maker]:
    """Contenders on the task's own arguments and results.

    Args:
        task: The task.
        order: An elimination order of its graph.

    Returns:
        Makers of functions of the task's arguments.
    """
    argnums = task.argnums
    makers: dict[str, Maker] = {
        "jacfwd": lambda: jax.jacfwd(_renewed(task.function), argnums),
        "jacrev": lambda: jax.jacrev(_renewed(task.function), argnums),
        "dense": lambda: jacve(_renewed(task.function), argnums, order=order),
        "structured": lambda: jacve(
            _renewed(task.function), argnums, order=order, output="structured"
        ),
    }
    if task.name in SCALAR_FUNCTIONS:
        scalar = SCALAR_FUNCTIONS[task.name]
        makers["hessian"] = lambda: jax.hessian(_renewed(scalar), argnums)
    return makers


def packed(
    task: Task, example: Sequence[Any], order: EliminationOrder, flat_order: EliminationOrder
) -> dict[str, Maker]:
    """Contenders with one vector in and one matrix out.

    Args:
        task: The task; all leaves of its differentiated arguments are floating.
        example: Its example arguments in the dtype that is measured.
        order: An elimination order of the task's graph.
        flat_order: One of the graph of `flat_function(task)`.

    Returns:
        Makers of functions of a vector and of the other arguments.
    """
    flat = flat_function(task)
    makers: dict[str, Maker] = {
        "jacfwd": lambda: jax.jacfwd(_renewed(flat)),
        "jacrev": lambda: jax.jacrev(_renewed(flat)),
        "dense": lambda: jacve(_renewed(flat), order=flat_order),
        "assembled": lambda: rivals.packed(task, {"ours": order})["ours"],
        "structured": lambda: jacve(_renewed(flat), order=flat_order, output="structured"),
    }
    if task.name in SCALAR_FUNCTIONS:
        scalar = SCALAR_FUNCTIONS[task.name]

        def of_vector(vector: Any, others: Any) -> Any:
            return scalar(*rivals.unpack(vector, others, example, task.argnums))

        makers["hessian"] = lambda: jax.hessian(_renewed(of_vector))
    return makers


def coloured(
    task: Task, example: Sequence[Any], seed: int
) -> tuple[dict[str, Maker], dict[str, str]]:
    """Contenders from other packages that use the sparsity of a packed Jacobian.

    Args:
        task: The task.
        example: Its example arguments in the dtype that is measured.
        seed: Seed of the points at which zeros are looked for.

    Returns:
        Makers as of `packed`, and for packages that are left out the reason.
    """
    pattern = sparsity_pattern(task, example, seed)
    density = float(pattern.mean())
    if density > SPARSE_DENSITY:
        reason = f"not sparse, {density:.0%} of the entries are not zero"
        return {}, dict.fromkeys(COLOURED, reason)
    makers: dict[str, Maker] = {}
    absent: dict[str, str] = {}
    flat = flat_function(task)
    vectors, others = rivals.pack(timing.jitter_batch(example, task.argnums, 1, seed), task.argnums)
    for name, make in (("sparsejac", _by_sparsejac), ("asdex", _by_asdex)):
        try:
            package = importlib.import_module(name)
        except ImportError as error:
            absent[name] = f"not installed ({error})"
        else:
            makers |= make(package, flat, pattern, (vectors[0], others))
    return makers, absent


def sparsity_pattern(task: Task, example: Sequence[Any], seed: int) -> np.ndarray:
    """Finds the entries of a packed Jacobian that are not always zero.

    Args:
        task: The task.
        example: Its example arguments.
        seed: Seed of the points.

    Returns:
        Boolean array (m, n): whether an entry differs from zero at one of four points.
    """
    points = timing.jitter_batch(example, task.argnums, 4, seed)
    jacobian = jax.vmap(jax.jacrev(flat_function(task)), in_axes=(0, None))
    values = np.asarray(jax.jit(jacobian)(*rivals.pack(points, task.argnums)))
    return np.any(values != 0, axis=0, keepdims=True)[0]


def flat_function(task: Task) -> Callable[[Any, Any], Any]:
    """The task as a function of one vector, and of the arguments that are not differentiated.

    Args:
        task: The task.

    Returns:
        A function of what `rivals.pack` returns to the vector (m,) of all results.
    """
    example = task.example_inputs()

    def flat(vector: Any, others: Any) -> Any:
        result = task.function(*rivals.unpack(vector, others, example, task.argnums))
        return jnp.concatenate([jnp.ravel(leaf) for leaf in jax.tree.leaves(result)])

    return flat


def black_scholes_price(
    spot: Array, strike: Array, rate: Array, volatility: Array, maturity: Array
) -> Array:
    """Computes the price whose gradient the task black_scholes_hessian is.

    Args:
        spot: As for the task, shape (1,).
        strike: As for the task, shape (1,).
        rate: As for the task, shape (1,).
        volatility: As for the task, shape (1,).
        maturity: As for the task, shape (1,).

    Returns:
        The price, shape ().
    """
    forward = spot * jnp.exp(rate * maturity)
    spread = volatility * jnp.sqrt(maturity)
    d1 = (jnp.log(forward / strike) + 0.5 * volatility**2 * maturity) / spread

    def normal_cdf(x: Array) -> Array:
        return 0.5 * (1.0 + lax.erf(x / 2.0**0.5))

    payoff = forward * normal_cdf(d1) - strike * normal_cdf(d1 - spread)
    return jnp.exp(-rate * maturity)[0] * payoff[0]


SCALAR_FUNCTIONS: Mapping[str, Callable[..., Any]] = {"black_scholes_hessian": black_scholes_price}
"""Functions whose gradient a task is, by the name of the task."""


def _renewed(function: Callable[..., Any]) -> Callable[..., Any]:
    """Returns a new function object that does the same."""
    return lambda *args: function(*args)


def _by_sparsejac(
    package: Any, flat: Callable[..., Any], pattern: np.ndarray, point: tuple[Any, Any]
) -> dict[str, Maker]:
    """Contenders of sparsejac, in the mode with fewer directions before colouring."""
    del point
    make = package.jacfwd if pattern.shape[0] >= pattern.shape[1] else package.jacrev
    stored = sparse.BCOO.fromdense(jnp.asarray(pattern, jnp.float32))

    def jacobian() -> Callable[..., Any]:
        return make(_renewed(flat), sparsity=stored)

    return {
        "sparsejac": lambda: _then(jacobian(), lambda stored: stored.todense()),
        "sparsejac_values": lambda: _then(jacobian(), lambda stored: stored.data),
    }


def _by_asdex(
    package: Any, flat: Callable[..., Any], pattern: np.ndarray, point: tuple[Any, Any]
) -> dict[str, Maker]:
    """Contenders of asdex, which finds the pattern by itself."""
    del pattern
    coloring = package.jacobian_coloring(flat, *point)

    def jacobian(output: str) -> Callable[..., Any]:
        return package.jacobian_from_coloring(_renewed(flat), coloring, output)

    return {
        "asdex": lambda: jacobian("dense"),
        "asdex_values": lambda: _then(jacobian("bcoo"), lambda stored: stored.data),
    }


def _then(first: Callable[..., Any], second: Callable[[Any], Any]) -> Callable[..., Any]:
    return lambda *args: second(first(*args))
