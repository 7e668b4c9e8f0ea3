"""Contenders: all of them compute the same Jacobian, and none is served from a cache."""

import dataclasses
import sys
import types
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks.contenders import SCALAR_FUNCTIONS, contenders, sparsity_pattern
from benchmarks.subjects import STORED, Subject
from elimax.interpreter.orders import named_order
from elimax.interpreter.tracing.call import trace
from elimax.pipeline.stages import rivals
from elimax.pipeline.tasks import load_task
from elimax.pipeline.tasks.task import Task

JACOBIAN = np.diag(np.full(3, 2 * np.cos(1.0)))
POINT: Any = (np.ones(3, np.float32), (None, np.float32(2.0)))
"""The packed arguments: the vector, and those that are not differentiated."""
ORDERS = ("auto", "best", "forward", "reverse")


def diagonal(x: Any, scale: Any) -> Any:
    """Three results that depend on one input each."""
    return jnp.sin(x) * scale


def subject_of(task: Task) -> Subject:
    """A task whose stored orders are a classical one."""
    graph = trace(task.function, *task.example_inputs(), argnums=task.argnums)
    return Subject(task, graph, dict.fromkeys(STORED, named_order(graph, "reverse")))


def task_of(function: Any) -> Task:
    """A task with one differentiated vector."""
    return Task(
        "diagonal", function, lambda: (np.ones(3, np.float32), np.float32(2.0)), (0,), "", ""
    )


SUBJECT = subject_of(task_of(diagonal))


def find(layout: str, orders: Any = ORDERS, subject: Subject = SUBJECT, **given: Any) -> Any:
    """The contenders of a task in a layout."""
    return contenders(subject, subject.task, layout, orders, **given)


def test_published_contenders_agree() -> None:
    """JAX's modes, ours in all orders and the structured blocks written out: the same block."""
    makers, same, _ = find("published", is_check=True)
    assert set(makers) | set(same) == {
        *("jacfwd", "jacrev", "native", "structured", "structured_written", "floor"),
        *ORDERS,
    }
    for name in makers.keys() - {"structured", "floor"}:
        (block,) = jax.jit(makers[name]())(*SUBJECT.task.example_inputs())
        np.testing.assert_allclose(block, JACOBIAN, rtol=1e-6, err_msg=name)


def test_packed_contenders_agree() -> None:
    """One vector in and one matrix out, the drop-in use and the assembly alike."""
    makers, same, _ = find("packed")
    others = {"jacfwd", "jacrev", "native", "structured", "assembled", "floor"}
    assert set(makers) | set(same) == {*others, *ORDERS}
    for name in makers.keys() - {"structured", "floor"}:
        matrix = jax.jit(makers[name]())(*POINT)
        np.testing.assert_allclose(matrix, JACOBIAN, rtol=1e-6, err_msg=name)


def test_the_floor_fills_arrays_of_the_same_shapes() -> None:
    """With an entry of the input, so that they are written at every call."""
    point = (np.arange(3.0, 6.0, dtype=np.float32), np.float32(2.0))
    (block,) = jax.jit(find("published")[0]["floor"]())(*point)
    np.testing.assert_array_equal(block, np.full((3, 3), 3.0, np.float32))
    points = np.arange(6.0, dtype=np.float32).reshape(2, 3)
    fill = jax.vmap(find("packed")[0]["floor"](), in_axes=(0, None))
    matrices = jax.jit(fill)(points, POINT[1])
    np.testing.assert_array_equal(matrices[:, 1, 2], [0.0, 3.0])


@pytest.mark.parametrize("first", ["auto", "best"])
def test_structured_output_is_that_of_the_first_order(first: str) -> None:
    """Packed, a stored order keeps the blocks of the task's own graph."""
    makers, _, _ = find("packed", (first,))
    block = makers["structured"]()(*POINT)
    block = block if first == "auto" else block[0]
    np.testing.assert_allclose(block.todense(), JACOBIAN, rtol=1e-6)


def test_equal_orders_are_compiled_once() -> None:
    """They are measured under the name of the first; packed, each kind of graph by itself."""
    makers, same, _ = find("published", ("best", "fewest_nontrivial", "reverse"))
    assert same == {"fewest_nontrivial": "best", "reverse": "best"}
    assert not same.keys() & makers.keys()
    _, same, _ = find("packed", ("best", "fewest_nontrivial", "reverse"))
    assert same == {"fewest_nontrivial": "best"}


@pytest.mark.parametrize("layout", ["published", "packed"])
def test_makers_make_new_functions(layout: str) -> None:
    """A second build traces the function again: nothing comes from a cache of the first."""
    calls = 0

    def counted(x: Any, scale: Any) -> Any:
        nonlocal calls
        calls += 1
        return diagonal(x, scale)

    task = task_of(counted)
    makers, _, _ = find(layout, subject=subject_of(task))
    point = POINT if layout == "packed" else task.example_inputs()
    for name, make in makers.items():
        counts = []
        for _ in range(2):
            before = calls
            jax.jit(make()).lower(*point)
            counts.append(calls - before)
        assert counts[0] == counts[1] > 0, name


def test_hessian_is_the_jacobian_of_the_gradient() -> None:
    """The price written here has the gradient that the task writes out."""
    (name,) = SCALAR_FUNCTIONS
    subject = subject_of(load_task(name))
    example, argnums = subject.task.example_inputs(), subject.task.argnums
    with jax.enable_x64(True):
        wide = rivals.in_dtype(example, "float64")
        makers, _, _ = find("published", ("best",), subject)
        hessian = jax.jit(makers["hessian"]())(*wide)
        jacobian = jax.jit(jax.jacrev(subject.task.function, argnums))(*wide)
    for row, wanted in zip(hessian, jacobian, strict=True):
        for block, other in zip(row, wanted, strict=True):
            np.testing.assert_allclose(block, other, rtol=1e-9, atol=1e-9)
    makers, _, _ = find("packed", ("best",), subject)
    shape = jax.eval_shape(makers["hessian"](), np.concatenate(example), (None,) * 5).shape
    assert shape == (5, 5)
    assert "hessian" not in find("published")[0]


def test_pattern_of_zeros() -> None:
    """Only the diagonal of a diagonal Jacobian can differ from zero."""
    pattern = sparsity_pattern(SUBJECT.task, (np.ones((2, 3), np.float32), POINT[1]))
    np.testing.assert_array_equal(pattern, np.eye(3, dtype=bool))


def test_missing_packages_are_left_out_with_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    """No package is needed; without it the reason is told. Only the packed layout has them."""
    for name in ("sparsejac", "asdex", "symengine"):
        monkeypatch.setitem(sys.modules, name, None)
    _, _, absent = find("packed")
    assert set(absent) == {"sparsejac", "asdex", "symbolic"}
    assert all(reason.startswith("not installed (") for reason in absent.values())
    assert find("published")[2] == {}


class _Stored:
    """Stands for a sparse matrix."""

    def __init__(self, matrix: Any) -> None:
        self.data = matrix[matrix != 0]
        self._matrix = matrix

    def todense(self) -> Any:
        """The matrix with its zeros."""
        return self._matrix


@pytest.fixture
def packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand-ins for the packages."""
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


@pytest.mark.usefixtures("packages")
def test_packages_are_called_as_they_want() -> None:
    """Both packages get the flat function; dense and stored entries are contenders of their own."""
    makers, _, absent = find("packed")
    assert absent.keys() <= {"symbolic"}
    for name in ("sparsejac", "asdex"):
        np.testing.assert_allclose(makers[name]()(*POINT), JACOBIAN, rtol=1e-6)
        stored = makers[f"{name}_values"]()(*POINT)
        np.testing.assert_allclose(stored, np.diag(JACOBIAN), rtol=1e-6)


@pytest.mark.usefixtures("packages")
def test_dense_jacobians_are_not_coloured() -> None:
    """Where few entries are zero, colouring is not tried, and the share is told."""
    full = subject_of(task_of(lambda x, scale: jnp.sin(x) * jnp.sum(x) * scale))
    makers, _, absent = find("packed", ("best",), full)
    assert "asdex" not in makers
    assert absent["asdex"] == "not sparse, 100% of the entries are not zero"


def test_symbolic_jacobians_of_arithmetic() -> None:
    """One of the packed contenders, where all arguments are differentiated and all steps known."""
    pytest.importorskip("symengine")
    task = Task("square", lambda x: x * jnp.sin(x), lambda: (np.ones(3, np.float32),), (0,), "", "")
    makers, _, _ = find("packed", ("best",), subject_of(task))
    matrix = jax.jit(makers["symbolic"]())(np.ones(3, np.float32), (None,))
    np.testing.assert_allclose(matrix, np.eye(3) * (np.sin(1.0) + np.cos(1.0)), rtol=1e-6)
    tanh = dataclasses.replace(task, function=jnp.tanh)
    assert find("packed", ("best",), subject_of(tanh))[2]["symbolic"] == "no expression for tanh"
    assert "not differentiated" in find("packed")[2]["symbolic"]
