"""Traced task graphs in a form that can be compared with the published reference graphs.

A graph is a dictionary with three keys: `inputs`, the number of input scalars; `vertices`, one
`[primitive, parameters, arguments]` per equation, an argument being a node index (inputs first,
then one node per equation) or `{"lit": value}`; `outputs`, node indices in order.
"""

import hashlib
import json
from typing import Any

import jax
from jax.extend.core import Literal

from elimax.pipeline.tasks.task import Task
from support.published import published_graph


def traced_graph(task: Task) -> dict[str, Any]:
    """Traces a task at its example inputs; a nested call stays one vertex, so it cannot match."""
    jaxpr = jax.make_jaxpr(task.function)(*task.example_inputs()).jaxpr
    nodes = {var: node for node, var in enumerate(jaxpr.invars)}
    vertices = []
    for equation in jaxpr.eqns:
        arguments = [
            {"lit": float(var.val)} if isinstance(var, Literal) else nodes[var]
            for var in equation.invars
        ]
        name = equation.primitive.name
        parameters = {"y": equation.params["y"]} if name == "integer_pow" else {}
        vertices.append([name, parameters, arguments])
        (result,) = equation.outvars
        nodes[result] = len(nodes)
    return {
        "inputs": len(jaxpr.invars),
        "vertices": vertices,
        "outputs": [nodes[var] for var in jaxpr.outvars],
    }


def reference_graph(name: str) -> dict[str, Any]:
    """The published graph `name`, in the form of `traced_graph`."""
    data = published_graph(name)
    return {
        "inputs": len(data["inputs"]),
        "vertices": [[v["op"], v["params"], v["args"]] for v in data["vertices"]],
        "outputs": data["outputs"],
    }


def graph_digest(graph: dict[str, Any]) -> str:
    """SHA-256 of the graph as canonical JSON."""
    text = json.dumps(graph, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def equations(graph: dict[str, Any]) -> list[str]:
    """One readable line per vertex, such as `7 = integer_pow {'y': 2} [1]`."""
    return [
        f"{graph['inputs'] + i} = {name} {parameters} {arguments}"
        for i, (name, parameters, arguments) in enumerate(graph["vertices"])
    ]
