"""Comparison with JAX's own Jacobians, and what an elimination emits."""

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from elimax.interpreter.algebra import edge_jacobian, pair_jacobian
from elimax.interpreter.algebra.labelled import Labelled
from elimax.interpreter.algebra.linear_map import LinearMap
from elimax.interpreter.execution import evaluation
from elimax.interpreter.jacobian import jacve

# Compiling takes longer than running here: one compilation per comparison, with few optimisations.
QUICK = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}


def as_float64(tree: Any) -> Any:
    """Casts all floating-point leaves to float64; 64-bit numbers must be enabled."""
    return jax.tree.map(
        lambda x: jnp.asarray(x, jnp.float64) if jnp.issubdtype(x.dtype, jnp.floating) else x, tree
    )


def assert_same_blocks(ours: Any, theirs: Any, rtol: float = 1e-10, atol: float = 0.0) -> None:
    """Asserts equal trees, shapes and dtypes, and max|J - R| <= rtol max|R| + atol per block."""
    assert jax.tree.structure(ours) == jax.tree.structure(theirs)
    for mine, reference in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        assert (mine.shape, mine.dtype) == (reference.shape, reference.dtype)
        mine, reference = (_wide(x) for x in (mine, reference))
        if mine.size:
            error = np.abs(mine - reference).max()
            assert error <= rtol * np.abs(reference).max() + atol


def assert_same(use: Callable[[Any], Any], rtol: float = 1e-5, atol: float = 1e-6) -> None:
    """Asserts that `use` gives the same trees, dtypes and weak types with jacve as with jacrev.

    Only the reference is compiled as a whole, which is faster.
    """
    ours, theirs = use(jacve), jax.jit(lambda: use(jax.jacrev), compiler_options=QUICK)()
    assert_same_blocks(ours, theirs, rtol, atol)
    weak = [[x.weak_type for x in jax.tree.leaves(tree)] for tree in (ours, theirs)]
    assert weak[0] == weak[1]


def _wide(array: Any) -> np.ndarray:
    array = np.asarray(array)
    return array.astype(np.complex128 if np.iscomplexobj(array) else np.float64)


def assert_equals_jacrev(
    fun: Callable[..., Any],
    *args: Any,
    order: Any = "auto",
    atol: float = 0.0,
    jit: bool = True,
    **options: Any,
) -> None:
    """Asserts that `jacve` and `jax.jacrev` agree in float64; options go to both."""
    _assert_equal_in_orders(fun, args, [order], atol, jit, options)


def assert_equals_jacrev_in_all_orders(fun: Callable[..., Any], *args: Any, **options: Any) -> None:
    """The same for three orders of the portfolio, which meet edges in different states."""
    orders = ["forward", "reverse", "markowitz_high"]
    _assert_equal_in_orders(fun, args, orders, 0.0, True, options)


def _assert_equal_in_orders(
    fun: Callable[..., Any],
    args: Any,
    orders: Sequence[Any],
    atol: float,
    jit: bool,
    options: dict[str, Any],
) -> None:
    def jacobians(*args: Any) -> tuple[list[Any], Any]:
        ours = [jacve(fun, order=order, **options)(*args) for order in orders]
        return ours, jax.jacrev(fun, **options)(*args)

    with jax.enable_x64(True):
        compared = jax.jit(jacobians, compiler_options=QUICK) if jit else jacobians
        ours, theirs = compared(*as_float64(args))
        for jacobian in ours:
            assert_same_blocks(jacobian, theirs, atol=atol)


def emitted_multiplications(closed: Any) -> int:
    """Counts the scalar multiplications of a jaxpr in the scope of edge products."""
    return _emitted(closed.jaxpr, within=False)


def _emitted(jaxpr: Any, within: bool) -> int:
    total = 0
    for eqn in jaxpr.eqns:
        inside = within or edge_jacobian.PRODUCT_SCOPE in str(eqn.source_info.name_stack)
        if inside and eqn.primitive.name == "mul":
            total += math.prod(eqn.outvars[0].aval.shape)
        if inside and eqn.primitive.name == "dot_general":
            (contracted, _), _ = eqn.params["dimension_numbers"]
            summed = math.prod(eqn.invars[0].aval.shape[axis] for axis in contracted)
            total += math.prod(eqn.outvars[0].aval.shape) * summed
        for param in eqn.params.values():
            inner = getattr(param, "jaxpr", param)
            if hasattr(inner, "eqns"):
                total += _emitted(inner, inside)
    return total


@contextlib.contextmanager
def count_folded() -> Iterator[list[int]]:
    """Collects the sizes of products of two general constants, which are never emitted."""
    folded: list[int] = []
    original = edge_jacobian.fold

    def counted(first: Labelled, second: Labelled, labels: Sequence[int]) -> Any:
        sizes = dict(zip(first.labels, first.array.shape, strict=True))
        sizes |= dict(zip(second.labels, second.array.shape, strict=True))
        folded.append(math.prod(sizes.values()))
        return original(first, second, labels)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(edge_jacobian, "fold", counted)
        yield folded


@contextlib.contextmanager
def count_applied() -> Iterator[list[int]]:
    """Collects what applications of opaque edges cost while edges are multiplied.

    A function that is applied to k columns counts k times what one application of its edge costs.
    Edges that are still opaque when all vertices are gone are written at the end; that is not a
    product and does not count.
    """
    applied: list[int] = []
    costs: list[int] = []
    multiply, image = evaluation.multiply_pairs, LinearMap._image
    apply, write = pair_jacobian._applied, pair_jacobian.written_part

    def multiplied(later: Any, earlier: Any) -> Any:
        costs.append(0)
        product = multiply(later, earlier)
        costs.pop()
        return product

    def costing(cost: int, function: Callable[[], Any]) -> Any:
        costs.append(cost if costs else 0)
        result = function()
        costs.pop()
        return result

    def applied_part(structure: Any, opaque: Any, written: Any, *, is_forward: bool) -> Any:
        return costing(
            opaque.structure.cost,
            lambda: apply(structure, opaque, written, is_forward=is_forward),
        )

    def written_part(part: Any) -> Any:
        return costing(getattr(part.structure, "cost", 0), lambda: write(part))

    def counted(self: LinearMap, array: Any, rest: Any, labels: Any) -> Any:
        applied.append(math.prod(array.shape[: len(rest)]) * (costs[-1] if costs else 0))
        return image(self, array, rest, labels)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluation, "multiply_pairs", multiplied)
        patch.setattr(pair_jacobian, "_applied", applied_part)
        patch.setattr(pair_jacobian, "written_part", written_part)
        patch.setattr(LinearMap, "_image", counted)
        yield applied


def executed_multiplications(
    fun: Callable[..., Any], args: Sequence[Any], argnums: Any, order: Any
) -> int:
    """Counts what `jacve` executes: products that are emitted, folded while tracing, or applied."""
    with count_folded() as folded, count_applied() as applied:
        closed = jax.make_jaxpr(jacve(fun, argnums, order=order))(*args)
    return emitted_multiplications(closed) + sum(folded) + sum(applied)
