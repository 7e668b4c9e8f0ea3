"""Stage extract: traces the function of a task and stores its graph and the classical counts."""

from typing import Any

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.counting import count_multiplications
from elimax.interpreter.orders import portfolio
from elimax.interpreter.tracing.call import trace
from elimax.pipeline.checkout.context import StageContext, table_names
from elimax.pipeline.checkout.files import write_json
from elimax.pipeline.checkout.process import stage_process
from elimax.pipeline.tasks import load_task
from elimax.pipeline.tasks.task import Task
from elimax.pipeline.tracking import track


def extract_graph(task: Task) -> dict[str, Any]:
    """Traces a task and counts its classical orders.

    Args:
        task: The task; its example inputs decide the shapes.

    Returns:
        `task`, the `graph` as plain data, the `counts` of every order of the portfolio (all,
        nontrivial, additions), and `best_classic`: the lowest value of each count on its own.

    Raises:
        TracingError: If the function cannot be traced.
    """
    graph = trace(task.function, *task.example_inputs(), argnums=task.argnums, allow_int=True)
    counts = {
        name: count_multiplications(graph, order)._asdict()
        for name, order in portfolio(graph).items()
    }
    best = {key: min(count[key] for count in counts.values()) for key in ("all", "nontrivial")}
    return {
        "task": task.name,
        "graph": graph.to_dict(),
        "counts": counts,
        "best_classic": best,
    }


def run_stage(context: StageContext, task_name: str) -> dict[str, Any]:
    """Runs extract: reads the task, writes data/graphs/TASK.json.

    Args:
        context: Files, parameters, console.
        task_name: Name of the task, or module:function.

    Returns:
        What was written.

    Raises:
        UnknownTaskError: If there is no such task.
        FileError: If the file cannot be written.
    """
    layout = context.layout
    with (
        stage_process(layout, "extract", task_name),
        track(layout, "extract", task_name) as tracker,
    ):
        content = {**extract_graph(load_task(task_name)), "task": task_name}
        path = layout.graph(task_name)
        write_json(path, content)
        graph = ComputationalGraph.from_dict(content["graph"])
        tracker.summary(
            {
                "fingerprint": graph.fingerprint,
                "vertices": graph.num_vertices,
                "best_classic": content["best_classic"],
                "counts": content["counts"],
            }
        )
        tracker.artifact(path, f"graph-{path.stem}", "graph")
    counts = content["counts"]
    rows = [
        [name, counts[name]["all"], counts[name]["nontrivial"]]
        for name in table_names(counts, "nontrivial" if context.count == "price" else context.count)
    ]
    title = f"{task_name}: {len(content['graph']['primitives'])} vertices"
    context.console.table(["order", "all", "nontrivial"], rows, title)
    return content
