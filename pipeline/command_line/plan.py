"""Command plan: the order in which `jacve` eliminates one function, and what it costs."""

from elimax.interpreter.plan import Plan
from elimax.interpreter.planning import plan
from elimax.pipeline.tasks import load_task


def plan_task(name: str, seconds: float | None = None) -> Plan:
    """Plans the Jacobian of one task; reads no file.

    Args:
        name: Name of a task, or module:function.
        seconds: Time for finding an order; None for the little that `jacve` takes.

    Returns:
        The plan, to be passed to `jacve` as its order.

    Raises:
        UnknownTaskError: If there is no such task.
        TracingError: If the function cannot be traced.
    """
    task = load_task(name)
    return plan(
        task.function,
        *task.example_inputs(),
        argnums=task.argnums,
        allow_int=True,
        seconds=seconds,
    )
