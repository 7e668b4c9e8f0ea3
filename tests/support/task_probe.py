"""Looks into tasks: values in double precision, sizes, and equations next to published graphs."""

import json
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
from jax.extend.core import ClosedJaxpr, Literal

from elimax.pipeline.tasks.task import Task
from support.compare import QUICK

_COMPARED = (
    "start_indices",
    "limit_indices",
    "axes",
    "broadcast_dimensions",
    "dimension",
    "dimension_numbers",
    "permutation",
    "shape",
    "y",
)


def cast(inputs: Any, dtype: Any = np.float64) -> Any:
    """Casts all leaves; for float64, 64-bit numbers must be enabled."""
    return jax.tree.map(lambda leaf: np.asarray(leaf, dtype), inputs)


def evaluate(task: Task, inputs: tuple[Any, ...] | None = None) -> Any:
    """Evaluates a task in double precision at its example inputs, or at others.

    Returns:
        The outputs as numpy arrays.
    """
    with jax.enable_x64(True):
        function = jax.jit(task.function, compiler_options=QUICK)
        outputs = function(*cast(inputs or task.example_inputs()))
        return jax.tree.map(np.asarray, outputs)


def jacobian(task: Task) -> Any:
    """Evaluates `jax.jacrev` of a task in double precision, nested as output by argument."""
    with jax.enable_x64(True):
        jacobian = jax.jit(jax.jacrev(task.function, task.argnums), compiler_options=QUICK)
        blocks = jacobian(*cast(task.example_inputs()))
        return jax.tree.map(np.asarray, blocks)


def list_task(task: Task) -> dict[str, Any]:
    """Traces a task without nested calls and lists it in the form of the published graphs.

    Returns:
        `inputs` (shapes), `outputs` (nodes) and `vertices` (op, args, shape, params).
    """
    inputs = task.example_inputs()
    jaxpr = jax.make_jaxpr(task.function)(*inputs).jaxpr
    nodes: dict[Any, int] = {var: index for index, var in enumerate(jaxpr.invars)}
    vertices = []
    for equation in jaxpr.eqns:
        (out,) = equation.outvars
        arguments = [
            {"lit": float(atom.val)} if isinstance(atom, Literal) else nodes[atom]
            for atom in equation.invars
        ]
        params = {key: equation.params[key] for key in _COMPARED if key in equation.params}
        if equation.primitive.name != "broadcast_in_dim":
            params.pop("shape", None)
        nodes[out] = len(jaxpr.invars) + len(vertices)
        vertices.append(
            {
                "op": equation.primitive.name,
                "args": arguments,
                "shape": list(out.aval.shape),
                "params": json.loads(json.dumps(params)),
            }
        )
    return {
        "inputs": [list(var.aval.shape) for var in jaxpr.invars],
        "outputs": [nodes[var] for var in jaxpr.outvars],
        "vertices": vertices,
    }


def differing_vertices(ours: dict[str, Any], published: dict[str, Any]) -> dict[int, tuple]:
    """Compares vertex by vertex; returns public vertex number -> (ours, published).

    Literals agree if they are equal in float32.
    """
    assert len(ours["vertices"]) == len(published["vertices"])
    different = {}
    pairs = zip(ours["vertices"], published["vertices"], strict=True)
    for number, (mine, theirs) in enumerate(pairs, start=1):
        theirs = dict(theirs)
        theirs["params"] = {k: v for k, v in theirs["params"].items() if k in _COMPARED}
        if _rounded(mine) != _rounded(theirs):
            different[number] = (mine, theirs)
    return different


def _rounded(vertex: dict[str, Any]) -> dict[str, Any]:
    """Rounds literals to float32."""
    arguments = [
        {"lit": float(np.float32(argument["lit"]))} if isinstance(argument, dict) else argument
        for argument in vertex["args"]
    ]
    return {**vertex, "args": arguments}


def count_vertices(task: Task) -> int:
    """Counts results of equations after inlining nested calls."""
    return sum(1 for _ in _results(jax.make_jaxpr(task.function)(*task.example_inputs())))


def _results(closed: ClosedJaxpr) -> Iterator[Any]:
    for equation in closed.jaxpr.eqns:
        if equation.primitive.name in ("jit", "pjit", "closed_call", "checkpoint"):
            yield from _results(equation.params["jaxpr"])
        else:
            yield from equation.outvars
