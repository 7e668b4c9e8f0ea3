"""The functions that are compared: Jacobians by JAX, by elimax in several orders, by others.

Every contender is a maker: each call returns a new function object, so that no cache of JAX makes
the second trace of a function cheaper than the first.

| name | what |
|---|---|
| `jacfwd`, `jacrev` | JAX's two modes, what a user writes today |
| `hessian` | `jax.hessian` of the function whose gradient a task is |
| name of an order | ours in that order; packed, the `STORED` ones are `assembled` |
| `assembled` | packed: ours in the order "auto" of the task's own graph, its blocks joined |
| `native` | ours in the first order, packed in "auto", as a native kernel; on CPUs |
| `structured` | ours in the first order, without the zeros and constants of the dense output |
| `structured_written` | the same written out in full, so that its values can be compared |
| `sparsejac`, `asdex` | packages that colour a sparse Jacobian; `_values`: stored entries only |
| `symbolic` | packed: expressions of SymEngine, differentiated, with common ones computed once |
| `floor` | no Jacobian: writes arrays of its shapes, which no way to compute it can do without |
"""

import dataclasses
import functools
import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.experimental import sparse
from jax.scipy.special import ndtr

from benchmarks.subjects import STORED, Subject
from benchmarks.symbolic import NotSymbolicError, symbolic_jacobian
from elimax.interpreter.graph.order import EliminationOrder
from elimax.interpreter.jacobian import jacve
from elimax.interpreter.output.structured import StructuredJacobian
from elimax.pipeline.stages import batches, rivals
from elimax.pipeline.tasks.task import Task

Maker = Callable[[], Callable[..., Any]]

ASSEMBLED, NATIVE, SYMBOLIC = "assembled", "native", "symbolic"
STRUCTURED, WRITTEN = "structured", "structured_written"
FLOOR = "floor"
COLOURED = ("sparsejac", "asdex")
SYMBOLIC_INPUTS = 100
"""The most inputs of a function that is differentiated symbolically."""
SPARSE_DENSITY = 0.5
"""Share of nonzero entries above which colouring a Jacobian is not tried."""


def contenders(
    subject: Subject, task: Task, layout: str, orders: Sequence[str], *, is_check: bool = False
) -> tuple[dict[str, Maker], dict[str, str], dict[str, str]]:
    """Finds everything that is compared on a task.

    Args:
        subject: The task with its orders.
        task: The task with example inputs in the dtype that is measured.
        layout: "published" or "packed".
        orders: Names of orders.
        is_check: Whether structured blocks are also written out, in the published layout.

    Returns:
        Makers of functions of what `cases.batch_of` returns, without the batch axis; for every
        order that equals an earlier one, the name of that one, which is measured for both; and for
        packages that are left out, the reason.
    """
    packed, example = layout == "packed", task.example_inputs()
    functions_of = rivals.packed if packed else rivals.published
    makers: dict[str, Maker] = {
        mode: lambda mode=mode: functions_of(_renewed(task), {})[mode] for mode in rivals.RIVALS
    }
    if (scalar := SCALAR_FUNCTIONS.get(task.name)) is not None:
        makers["hessian"] = lambda: _hessian(scalar, task, packed)
    names: dict[tuple[bool, tuple[int, ...]], str] = {}
    same: dict[str, str] = {}
    for name in (*orders, ASSEMBLED) if packed and "auto" in orders else orders:
        joined = packed and name in (*STORED, ASSEMBLED)
        source = "auto" if name == ASSEMBLED else name
        order = subject.order(source, packed=packed and not joined)
        first = names.setdefault((joined, order.vertices), name)
        if first == name:
            makers[name] = functools.partial(_ours, task, order, packed, joined, "dense")
        else:
            same[name] = first
    joined = packed and orders[0] in STORED
    order = subject.order(orders[0], packed=packed and not joined)
    structured = functools.partial(_ours, task, order, packed, joined, "structured")
    makers[STRUCTURED] = structured
    makers[FLOOR] = lambda: _floor(functions_of(_renewed(task), {})["jacrev"], task, packed)
    if jax.default_backend() == "cpu":
        makers[NATIVE] = functools.partial(_native, subject, task, orders[0], packed)
    if is_check and not packed:
        makers[WRITTEN] = lambda: _then(structured(), _written_out)
    if not packed:
        return makers, same, {}
    coloured, absent = _coloured(task, example)
    symbolic, why = _symbolic(task, example)
    return makers | coloured | symbolic, same, absent | why


def _black_scholes_price(
    spot: Array, strike: Array, rate: Array, volatility: Array, maturity: Array
) -> Array:
    """The price whose gradient the task black_scholes_hessian is; arguments as for the task."""
    forward, spread = spot * jnp.exp(rate * maturity), volatility * jnp.sqrt(maturity)
    d1 = (jnp.log(forward / strike) + 0.5 * volatility**2 * maturity) / spread
    payoff = forward * ndtr(d1) - strike * ndtr(d1 - spread)
    return (jnp.exp(-rate * maturity) * payoff)[0]


SCALAR_FUNCTIONS: Mapping[str, Callable[..., Any]] = {"black_scholes_hessian": _black_scholes_price}
"""Functions whose gradient a task is, by the name of the task."""


def _renewed(task: Task) -> Task:
    """The same task with a new function object."""
    return dataclasses.replace(task, function=lambda *args: task.function(*args))


def _ours(
    task: Task, order: EliminationOrder, packed: bool, joined: bool, output: Any
) -> Callable[..., Any]:
    """Ours in one order; `joined` takes the task's own graph in the packed layout."""
    task = _renewed(task)
    if packed and not joined:
        return jacve(rivals.flat_function(task), order=order, output=output)
    if joined and output == "dense":
        return rivals.packed(task, {"ours": order})["ours"]
    blocks = jacve(task.function, task.argnums, order=order, output=output)
    return _of_vector(blocks, task) if packed else blocks


def _native(subject: Subject, task: Task, name: str, packed: bool) -> Callable[..., Any]:
    """Ours as a native kernel; stored orders are not those of the packed graph."""
    task = _renewed(task)
    order = subject.order("auto" if packed else name, packed=packed)
    graph = subject.packed_graph if packed else subject.graph
    plan = rivals.as_kernel(graph, order)
    if packed:
        return jacve(rivals.flat_function(task), order=plan)
    return jacve(task.function, task.argnums, order=plan)


def _hessian(scalar: Callable[..., Any], task: Task, packed: bool) -> Callable[..., Any]:
    if packed:
        return jax.hessian(_of_vector(scalar, task))
    return jax.hessian(lambda *args: scalar(*args), task.argnums)


def _floor(jacobian: Callable[..., Any], task: Task, packed: bool) -> Callable[..., Any]:
    """A function that fills the Jacobian's arrays with an entry of its input."""

    def fill(*args: Any) -> Any:
        entry = jnp.ravel(args[0 if packed else task.argnums[0]])[0]
        shapes = jax.eval_shape(jacobian, *args)
        return jax.tree.map(lambda x: jnp.broadcast_to(entry.astype(x.dtype), x.shape), shapes)

    return fill


def _of_vector(function: Callable[..., Any], task: Task) -> Callable[[Any, Any], Any]:
    """A function of a task's arguments as one of its packed arguments."""
    example = task.example_inputs()
    return lambda vector, others: function(*rivals.unpack(vector, others, example, task.argnums))


def _written_out(jacobian: Any) -> Any:
    return jax.tree.map(
        lambda block: block.todense(),
        jacobian,
        is_leaf=lambda leaf: isinstance(leaf, StructuredJacobian),
    )


def _coloured(task: Task, example: Sequence[Any]) -> tuple[dict[str, Maker], dict[str, str]]:
    """Contenders from other packages; for packages that are left out, the reason."""
    packages, absent = {}, {}
    for name in COLOURED:
        try:
            packages[name] = importlib.import_module(name)
        except ImportError as error:
            absent[name] = f"not installed ({error})"
    if not packages:
        return {}, absent
    points = rivals.pack(batches.jitter_batch(example, task.argnums, 4, 0), task.argnums)
    pattern = sparsity_pattern(task, points)
    if (density := float(pattern.mean())) > SPARSE_DENSITY:
        why = f"not sparse, {density:.0%} of the entries are not zero"
        return {}, absent | dict.fromkeys(packages, why)
    makers: dict[str, Maker] = {}
    if "sparsejac" in packages:
        makers |= _by_sparsejac(packages["sparsejac"], task, pattern)
    if "asdex" in packages:
        makers |= _by_asdex(packages["asdex"], task, (points[0][0], points[1]))
    return makers, absent


def sparsity_pattern(task: Task, points: tuple[Any, Any]) -> np.ndarray:
    """Finds the entries of a packed Jacobian that are not always zero.

    Args:
        task: The task.
        points: What `rivals.pack` returns for some points.

    Returns:
        Boolean array (m, n): whether an entry differs from zero at one of the points.
    """
    jacobian = jax.vmap(jax.jacrev(rivals.flat_function(task)), in_axes=(0, None))
    return np.any(np.asarray(jax.jit(jacobian)(*points)) != 0, axis=0)


def _by_sparsejac(package: Any, task: Task, pattern: np.ndarray) -> dict[str, Maker]:
    """Contenders of sparsejac, in the mode with fewer directions before colouring."""
    make = package.jacfwd if pattern.shape[0] >= pattern.shape[1] else package.jacrev
    stored = sparse.BCOO.fromdense(jnp.asarray(pattern, jnp.float32))

    def jacobian() -> Callable[..., Any]:
        return make(rivals.flat_function(_renewed(task)), sparsity=stored)

    return {
        "sparsejac": lambda: _then(jacobian(), lambda stored: stored.todense()),
        "sparsejac_values": lambda: _then(jacobian(), lambda stored: stored.data),
    }


def _by_asdex(package: Any, task: Task, point: tuple[Any, Any]) -> dict[str, Maker]:
    """Contenders of asdex, which finds the pattern by itself."""
    coloring = package.jacobian_coloring(rivals.flat_function(task), *point)

    def jacobian(output: str) -> Callable[..., Any]:
        return package.jacobian_from_coloring(
            rivals.flat_function(_renewed(task)), coloring, output
        )

    return {
        "asdex": lambda: jacobian("dense"),
        "asdex_values": lambda: _then(jacobian("bcoo"), lambda stored: stored.data),
    }


def _symbolic(task: Task, example: Sequence[Any]) -> tuple[dict[str, Maker], dict[str, str]]:
    """The contender that differentiates symbolically, or the reason why there is none."""
    try:
        importlib.import_module("symengine")
    except ImportError as error:
        return {}, {SYMBOLIC: f"not installed ({error})"}
    vectors, others = rivals.pack(batches.jitter_batch(example, task.argnums, 1, 0), task.argnums)
    if vectors.shape[1] > SYMBOLIC_INPUTS:
        return {}, {SYMBOLIC: f"{vectors.shape[1]} inputs, more than {SYMBOLIC_INPUTS}"}
    if others != (None,) * len(others):
        return {}, {SYMBOLIC: "some arguments are not differentiated"}
    function = rivals.flat_function(task)
    try:
        symbolic_jacobian(lambda vector: function(vector, others), vectors[0])
    except NotSymbolicError as error:
        return {}, {SYMBOLIC: str(error)}

    def make() -> Callable[..., Any]:
        return lambda vector, others: symbolic_jacobian(
            lambda x: rivals.flat_function(_renewed(task))(x, others), vectors[0]
        )(vector)

    return {SYMBOLIC: make}, {}


def _then(first: Callable[..., Any], second: Callable[[Any], Any]) -> Callable[..., Any]:
    return lambda *args: second(first(*args))
