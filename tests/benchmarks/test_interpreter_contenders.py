"""Contenders: all of them compute the same Jacobian, and none is served from a cache."""

import sys
import types
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import interpreter_contenders as contenders
from elimax.interpreter.graph.order import EliminationOrder
from elimax.interpreter.jacobian import resolve_order
from elimax.interpreter.tracing.call import trace
from elimax.pipeline.stages import rivals
from elimax.pipeline.tasks import load_task
from elimax.pipeline.tasks.task import Task


def diagonal(x: Any, scale: Any) -> Any:
    """Three results that depend on one input each."""
    return jnp.sin(x) * scale


TASK = Task("diagonal", diagonal, lambda: (np.ones(3, np.float32), np.float32(2.0)), (0,), "", "")
POINT: Any = (np.ones(3, np.float32), (None, np.float32(2.0)))
"""The packed arguments: the vector, and those that are not differentiated."""

JACOBIAN = np.diag(np.full(3, 2 * np.cos(1.0)))


def orders() -> tuple[EliminationOrder, EliminationOrder]:
    """Orders of the graph of the task, and of the one with one vector in."""
    graph = trace(diagonal, *TASK.example_inputs(), argnums=(0,))
    flat_graph = trace(contenders.flat_function(TASK), *POINT, argnums=(0,))
    found = [resolve_order(each, "auto") for each in (graph, flat_graph)]
    assert all(isinstance(order, EliminationOrder) for order in found)
    return found[0], found[1]  # pyright: ignore


def test_published_contenders_agree() -> None:
    """JAX's modes and ours give the same blocks."""
    makers = contenders.published(TASK, orders()[0])
    for name in ("jacfwd", "jacrev", "dense"):
        (block,) = jax.jit(makers[name]())(*TASK.example_inputs())
        np.testing.assert_allclose(block, JACOBIAN, rtol=1e-6, err_msg=name)


def test_packed_contenders_agree() -> None:
    """One vector in and one matrix out, the drop-in use and the assembly alike."""
    makers = contenders.packed(TASK, TASK.example_inputs(), *orders())
    for name in ("jacfwd", "jacrev", "dense", "assembled"):
        matrix = jax.jit(makers[name]())(*POINT)
        np.testing.assert_allclose(matrix, JACOBIAN, rtol=1e-6, err_msg=name)


def test_makers_make_new_functions() -> None:
    """A second build traces the function again: nothing comes from a cache of the first."""
    calls = 0

    def counted(x: Any, scale: Any) -> Any:
        nonlocal calls
        calls += 1
        return diagonal(x, scale)

    task = Task("counted", counted, TASK.example_inputs, (0,), "", "")
    makers = contenders.published(task, orders()[0])
    for name in ("jacfwd", "jacrev", "dense"):
        before = calls
        for _ in range(2):
            jax.jit(makers[name]()).lower(*TASK.example_inputs())
        assert calls == before + 2, name


def test_hessian_is_the_jacobian_of_the_gradient() -> None:
    """The price written here has the gradient that the task writes out."""
    task = load_task("black_scholes_hessian")
    example = task.example_inputs()
    price, gradient = contenders.black_scholes_price, task.function
    with jax.enable_x64(True):
        wide = rivals.in_dtype(example, "float64")
        hessian = jax.jit(jax.hessian(price, task.argnums))(*wide)
        jacobian = jax.jit(jax.jacrev(gradient, task.argnums))(*wide)
    for row, wanted in zip(hessian, jacobian, strict=True):
        for block, other in zip(row, wanted, strict=True):
            np.testing.assert_allclose(block, other, rtol=1e-9, atol=1e-9)


def test_only_a_task_with_a_scalar_function_has_a_hessian() -> None:
    """jax.hessian stands beside a gradient in both layouts, and nowhere else."""
    task = load_task("black_scholes_hessian")
    example = task.example_inputs()
    graph = trace(task.function, *example, argnums=task.argnums)
    order = resolve_order(graph, "reverse")
    assert isinstance(order, EliminationOrder)
    packed = contenders.packed(task, example, order, order)
    vector = np.concatenate(example)
    for name in ("hessian", "jacrev"):
        assert jax.eval_shape(packed[name](), vector, (None,) * 5).shape == (5, 5)
    assert "hessian" in contenders.published(task, order)
    assert "hessian" not in contenders.published(TASK, orders()[0])


def test_pattern_of_zeros() -> None:
    """Only the diagonal of a diagonal Jacobian can differ from zero."""
    pattern = contenders.sparsity_pattern(TASK, TASK.example_inputs(), seed=0)
    np.testing.assert_array_equal(pattern, np.eye(3, dtype=bool))


def test_missing_packages_are_left_out_with_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither package is needed; without it the reason is told."""
    for name in ("sparsejac", "asdex"):
        monkeypatch.setitem(sys.modules, name, None)
    makers, absent = contenders.coloured(TASK, TASK.example_inputs(), seed=0)
    assert not makers
    assert set(absent) == {"sparsejac", "asdex"}
    assert all(reason.startswith("not installed (") for reason in absent.values())


def test_dense_jacobians_are_not_coloured() -> None:
    """Where few entries are zero, colouring is not tried, and the share is told."""

    def full(x: Any) -> Any:
        return jnp.sin(x) * jnp.sum(x)

    task = Task("full", full, lambda: (np.ones(3, np.float32),), (0,), "", "")
    makers, absent = contenders.coloured(task, task.example_inputs(), seed=0)
    assert not makers
    assert absent["asdex"] == "not sparse, 100% of the entries are not zero"


class _Stored:
    """Stands for a sparse matrix."""

    def __init__(self, matrix: Any) -> None:
        self.data = matrix[matrix != 0]
        self._matrix = matrix

    def todense(self) -> Any:
        """The matrix with its zeros."""
        return self._matrix


def test_packages_are_called_as_they_want(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both packages get the flat function; dense and stored entries are contenders of their own."""
    sparsejac: Any = types.ModuleType("sparsejac")
    sparsejac.jacfwd = lambda f, sparsity: lambda *args: _Stored(jax.jacfwd(f)(*args))
    asdex: Any = types.ModuleType("asdex")
    asdex.jacobian_coloring = lambda f, *point: f(*point).shape

    def from_coloring(f: Any, coloring: Any, output: str) -> Any:
        assert coloring == (3,)
        jacobian = jax.jacrev(f)
        return jacobian if output == "dense" else lambda *args: _Stored(jacobian(*args))

    asdex.jacobian_from_coloring = from_coloring
    for package in (sparsejac, asdex):
        monkeypatch.setitem(sys.modules, package.__name__, package)
    makers, absent = contenders.coloured(TASK, TASK.example_inputs(), seed=0)
    assert not absent
    for name in ("sparsejac", "asdex"):
        np.testing.assert_allclose(makers[name]()(*POINT), JACOBIAN, rtol=1e-6)
        stored = makers[f"{name}_values"]()(*POINT)
        np.testing.assert_allclose(stored, np.diag(JACOBIAN), rtol=1e-6)
