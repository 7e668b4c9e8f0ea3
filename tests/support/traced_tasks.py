"""Graphs of the pipeline's tasks, traced once per test run."""

import functools

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.tracing.call import trace
from elimax.pipeline.tasks import load_task


@functools.cache
def task_graph(name: str) -> ComputationalGraph:
    """The graph of a task at its example inputs."""
    task = load_task(name)
    return trace(task.function, *task.example_inputs(), argnums=task.argnums)
