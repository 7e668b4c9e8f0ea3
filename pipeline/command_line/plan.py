"""Command plan: the order in which `jacve` eliminates one function, and what it costs."""

from elimax.interpreter.plan import Plan
from elimax.interpreter.planning import plan
from elimax.pipeline.errors import PipelineError
from elimax.pipeline.tasks import load_task


def plan_task(
    name: str, seconds: float | None = None, *, fastest: bool = False, batch: int | None = None
) -> Plan:
    """Plans the Jacobian of one task; reads no file.

    Args:
        name: Name of a task, or module:function.
        seconds: Time for finding an order, or for the race; None for the little that `jacve` takes,
            or for as long as a race usually takes.
        fastest: Whether to time ways to compute the Jacobian on this machine.
        batch: With `fastest`: number of points that `jax.vmap` evaluates at once.

    Returns:
        The plan, to be passed to `jacve` as its order.

    Raises:
        UnknownTaskError: If there is no such task.
        TracingError: If the function cannot be traced.
        PipelineError: If there is a batch without a race.
    """
    if batch is not None and not fastest:
        raise PipelineError(f"--batch {batch} needs --fastest: only a race uses a batch size")
    task = load_task(name)
    return plan(
        task.function,
        *task.example_inputs(),
        argnums=task.argnums,
        allow_int=True,
        seconds=seconds,
        fastest=fastest,
        batch=batch,
    )
