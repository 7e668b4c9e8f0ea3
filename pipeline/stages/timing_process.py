"""Times a task in separate processes: one for each set of XLA flags, more where XLA crashes.

Such a process reads a request from its standard input and writes one line of JSON for
each case, as soon as it is timed. A crash of XLA costs the case in which it happens and no other.
"""

import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from elimax.interpreter.errors import ElimaxError
from elimax.interpreter.graph.order import EliminationOrder
from elimax.pipeline.checkout.process import end_with_parent
from elimax.pipeline.errors import StageError
from elimax.pipeline.stages.evaluate_timings import Case, EvaluateConfig, time_case
from elimax.pipeline.tasks import load_task
from elimax.pipeline.xla_flags import with_flag_set

Record = Mapping[str, Any]
"""Either `case` with what `time_case` returned, or `skipped` with the reason."""

TOO_LONG = "compiling took too long"


def time_cases(
    task_name: str,
    orders: Mapping[str, EliminationOrder],
    cases: Sequence[Case],
    config: EvaluateConfig,
    seed: int,
) -> Iterator[tuple[Case, Record]]:
    """Times cases, each with its set of XLA flags.

    Args:
        task_name: Name of the task, or module:function.
        orders: What `timed_orders` returned.
        cases: What to time; the time limit of the parameters is divided evenly among them.
        config: Rounds and limits.
        seed: Seed of the inputs and of the order of measurements.

    Yields:
        Every case with its record, as soon as it is timed.

    Raises:
        StageError: If the task cannot be loaded, one of our own Jacobians cannot be compiled, or
            a process fails other than by a crash.
    """
    request = {
        "task": task_name,
        "orders": {name: order.to_dict() for name, order in orders.items()},
        "rounds": config.rounds,
        "seconds": config.seconds / max(1, len(cases)),
        "compile_seconds": config.compile_seconds / max(1, len({case.flags for case in cases})),
        "seed": seed,
        "path": sys.path,
    }
    for _, group in itertools.groupby(cases, key=lambda case: case.flags):
        left = list(group)
        while left:
            for record in _in_one_process({**request, "cases": left}):
                yield left.pop(0), record


def _in_one_process(request: Mapping[str, Any]) -> Iterator[Record]:
    """Times cases with equal flags; ends early, with a record, at a case that crashes."""
    cases: Sequence[Case] = request["cases"]
    timed = 0
    with tempfile.TemporaryFile("w+") as errors:
        child = subprocess.Popen(
            [sys.executable, "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            # Unfiltered, so that the last line of a traceback is the error.
            env={**with_flag_set(cases[0].flags), "JAX_TRACEBACK_FILTERING": "off"},
            text=True,
        )
        assert child.stdin is not None and child.stdout is not None
        try:
            with child.stdin:
                child.stdin.write(json.dumps(request))
            for line in child.stdout:
                record = json.loads(line)
                if "error" in record:
                    raise StageError(record["error"])
                timed += 1
                yield record
            code = child.wait()
        except BrokenPipeError:  # It ended before it had read the request.
            code = child.wait()
        finally:
            child.kill()
            child.wait()
            child.stdout.close()
        errors.seek(0)
        last = (errors.read().strip().splitlines() or ["no message"])[-1]
    if code < 0 and timed < len(cases):
        yield {"skipped": f"XLA ended the process with {signal.Signals(-code).name}"}
    elif code != 0:
        raise StageError(f"the process that times {request['task']} failed: {last}")


def _main() -> None:
    """Times the cases of a request."""
    end_with_parent()
    request = json.load(sys.stdin)
    # Lines are for the parent alone: what the user's function prints goes to standard error.
    lines = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    sys.path[:] = request["path"]
    try:
        for record in _timed(request):
            lines.write(json.dumps(record) + "\n")
    except ElimaxError as error:
        lines.write(json.dumps({"error": str(error)}) + "\n")


def _timed(request: Mapping[str, Any]) -> Iterator[Record]:
    """Times the cases of a request in this process."""
    task = load_task(request["task"])
    orders = {
        name: EliminationOrder.from_dict(content) for name, content in request["orders"].items()
    }
    settings = {key: request[key] for key in ("rounds", "seconds", "seed")}
    compiled = 0.0
    for entry in request["cases"]:
        if compiled > request["compile_seconds"]:
            yield {"skipped": TOO_LONG}
            continue
        timed = time_case(task, orders, Case(*entry), **settings)
        compiled += sum(timed["compile_seconds"].values())
        yield {"case": timed}


if __name__ == "__main__":
    _main()
