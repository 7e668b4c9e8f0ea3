"""Measures one case in a process of its own; `ecosystem.runner` starts it and reads its output.

It reports when a stage begins, so that the reader knows which one crashes or hangs.
Whatever a package prints goes to stderr.
"""

import argparse
import contextlib
import json
import os
import resource
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, TextIO

from elimax.pipeline.xla_flags import add_xla_flags

add_xla_flags()

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402

import elimax  # noqa: E402
from benchmarks.ecosystem.cases import Problem, all_cases  # noqa: E402
from benchmarks.ecosystem.stages import FASTEST, MARK, MODES, REFERENCES  # noqa: E402
from benchmarks.measuring import paired_ratio  # noqa: E402
from elimax.interpreter import timing  # noqa: E402

RUN_SECONDS = 0.3
RUNS = 30
PAIRED_ROUNDS, PAIRED_SECONDS = 30, 5.0


def transform_of(stage: str, problem: Problem) -> Callable[..., Any]:
    """The function whose values a stage compares.

    Args:
        stage: One of `REFERENCES` or `MODES`.
        problem: The problem.

    Returns:
        A function of `problem.args`.
    """
    argnums = problem.positions
    if stage in REFERENCES:
        return getattr(jax, stage)(_first_derivative(problem), argnums)
    order = stage if stage in ("forward", "reverse") else "auto"
    output = "structured" if stage == "structured" else "dense"
    ours = elimax.hessve if problem.hessian else elimax.jacve
    return ours(problem.fun, argnums, order=order, output=output)


def _first_derivative(problem: Problem) -> Callable[..., Any]:
    """The function whose Jacobian is compared."""
    return jax.grad(problem.fun, problem.positions) if problem.hessian else problem.fun


def run_fastest(problem: Problem) -> tuple[Any, dict[str, Any]]:
    """Races on a function, then times the winner against both modes of JAX.

    Args:
        problem: The problem.

    Returns:
        The Jacobian, and what `measure` returns for it, with `winner`, how the plan is executed,
        and two paired ratios with their intervals, (time of JAX's better mode / time of ours):
        `ratio` for the winner and `auto_ratio` for plain `jacve`.
    """
    fun, argnums = _first_derivative(problem), problem.positions
    plan = elimax.plan(fun, *problem.args, argnums=argnums, fastest=True)
    fastest = elimax.jacve(fun, argnums, order=plan)
    value, numbers = measure(fastest, problem.args)
    makers = {stage: getattr(jax, stage)(fun, argnums) for stage in REFERENCES}
    makers |= {"auto": elimax.jacve(fun, argnums), FASTEST: fastest}
    calls = {}
    for name, make in makers.items():
        with contextlib.suppress(Exception):  # One of JAX's modes may not work.
            calls[name] = timing.compile_ahead(make, problem.args).call
    times = timing.measure(calls, rounds=PAIRED_ROUNDS, seconds=PAIRED_SECONDS, seed=0)
    modes = [name for name in times if name in REFERENCES]
    better = min(modes, key=lambda name: statistics.median(times[name]))
    return value, {
        **numbers,
        "winner": plan.execution,
        "ratio": paired_ratio(times[better], times[FASTEST]),
        "auto_ratio": paired_ratio(times[better], times["auto"]),
    }


def measure(fun: Callable[..., Any], args: Sequence[Any]) -> tuple[Any, dict[str, float]]:
    """Traces, compiles and runs a function under jit.

    Args:
        fun: The function.
        args: Its arguments.

    Returns:
        Its value; and seconds of tracing, of compiling and of the fastest run, and bytes of
        temporary memory.
    """
    start = time.perf_counter()
    traced = jax.jit(fun).trace(*args)
    trace = time.perf_counter() - start
    start = time.perf_counter()
    compiled = traced.lower().compile()
    compile_ = time.perf_counter() - start
    analysis: Any = compiled.memory_analysis()
    value = jax.block_until_ready(compiled(*args))
    times: list[float] = []
    while len(times) < RUNS and sum(times) < RUN_SECONDS:
        start = time.perf_counter()
        jax.block_until_ready(compiled(*args))
        times.append(time.perf_counter() - start)
    temporary = float(analysis.temp_size_in_bytes)
    return value, {"trace": trace, "compile": compile_, "run": min(times), "memory": temporary}


def error_of(ours: Any, theirs: Any) -> float:
    """The largest error over all blocks.

    Args:
        ours: A tree of arrays.
        theirs: The reference, of the same structure.

    Returns:
        The largest max|J - R| / max|R|; blocks that are much smaller than the largest one count
        relative to 1e-6 of that. Infinite where trees or shapes differ or an entry is not finite.
    """
    if jax.tree.structure(ours) != jax.tree.structure(theirs):
        return float("inf")
    pairs = [
        (np.asarray(x), np.asarray(y))
        for x, y in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True)
    ]
    if any(x.shape != y.shape or x.dtype != y.dtype for x, y in pairs):
        return float("inf")
    scale = max((np.abs(y).max() for _, y in pairs if y.size), default=0.0)
    if not np.isfinite(scale):
        return float("inf")
    worst = 0.0
    for x, y in pairs:
        if y.size and not np.isfinite(x).all():
            return float("inf")
        if y.size and (difference := np.abs(x - y).max()):
            worst = max(worst, difference / max(np.abs(y).max(), 1e-6 * scale, 1e-300))
    return float(worst)


def dense(tree: Any) -> Any:
    """Writes structured Jacobians out in full.

    Args:
        tree: A tree of arrays and `StructuredJacobian`s.

    Returns:
        A tree of arrays.
    """
    is_structured = lambda x: isinstance(x, elimax.StructuredJacobian)  # noqa: E731
    return jax.tree.map(
        lambda x: x.todense() if is_structured(x) else x, tree, is_leaf=is_structured
    )


def run_stage(stage: str, problem: Problem) -> tuple[Any, dict[str, Any]]:
    """Runs one stage.

    Args:
        stage: One of `REFERENCES` or `MODES`, or `FASTEST`.
        problem: The problem.

    Returns:
        The Jacobian as a tree of arrays, and what was measured.
    """
    if stage == FASTEST:
        return run_fastest(problem)
    fun = transform_of(stage, problem)
    value, numbers = measure(fun, problem.args)
    return dense(value), dict(numbers)


def compare_stages(
    problem: Problem,
    skip: Sequence[str],
    tell: Callable[[dict[str, Any]], None],
    modes: Sequence[str] = MODES,
) -> None:
    """Runs the references and all modes, and reports the outcome of each.

    Args:
        problem: The problem.
        skip: Stages to leave out.
        tell: Called with every line to report.
        modes: The modes.
    """
    values: dict[str, Any] = {}
    for stage in (*REFERENCES, *modes):
        if stage in skip:
            continue
        if stage in modes and not values:
            # Neither JAX mode works: there is nothing to compare with.
            return
        tell({"begin": stage})
        try:
            value, outcome = run_stage(stage, problem)
        except Exception as error:  # Whatever it is, it becomes one entry of the table.
            tell({"stage": stage, "status": "failed", "error": describe(error)})
            continue
        # The second reference is compared with the first: they must agree.
        size = max((error_of(value, reference) for reference in values.values()), default=0.0)
        right = size <= problem.rtol
        if stage in REFERENCES:
            right = right and all(np.isfinite(x).all() for x in jax.tree.leaves(value))
            values[stage] = value
        status = "right" if right else "wrong"
        # JSON has no infinity.
        outcome["error_size"] = min(size, sys.float_info.max)
        tell({"stage": stage, "status": status, **outcome})


def describe(error: BaseException) -> str:
    """Describes an error in one line.

    Args:
        error: The error.

    Returns:
        Its type and the beginning of its text.
    """
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command.

    Args:
        arguments: Command-line arguments; those of the process if None.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("case", help="name of the case")
    parser.add_argument("--skip", nargs="*", default=[], help="stages to leave out")
    parser.add_argument(
        "--gigabytes", type=float, default=12.0, help="limit of the address space, in GiB"
    )
    parser.add_argument("--fastest", action="store_true", help="only race")
    options = parser.parse_args(arguments)
    limit = int(options.gigabytes * 2**30)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    output = _own_stdout()

    def tell(line: dict[str, Any]) -> None:
        output.write(f"{MARK}{json.dumps(line)}\n")
        output.flush()

    jax.config.update("jax_enable_x64", True)
    tell({"begin": "build"})
    try:
        problem = all_cases()[options.case].build()
        jax.jit(problem.fun).trace(*problem.args)
        # What is loaded or compiled once per process must not count for the first mode.
        elimax.jacve(lambda x: jnp.sin(x) * x)(1.0)
        tell({"stage": "build", "status": "right"})
        compare_stages(problem, options.skip, tell, (FASTEST,) if options.fastest else MODES)
    except Exception as error:
        tell({"stage": "build", "status": "failed", "error": describe(error)})
    tell({"begin": "end"})
    # Exits without waiting for threads that compile in the background.
    output.flush()
    os._exit(0)


def _own_stdout() -> TextIO:
    """A private handle of standard output; everything else in this process goes to stderr."""
    output = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return output


if __name__ == "__main__":
    main()
