"""Measures the Jacobians of one task on one batch: values, run times, kernels, memory."""

import dataclasses
import functools
import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from benchmarks.gpu_subject import (
    CHECKED,
    STRUCTURED,
    TIMED,
    WRITTEN,
    Subject,
    batch_of,
    contenders,
)
from benchmarks.programs import (
    Program,
    compile_all,
    describe,
    reason,
)
from elimax.interpreter.precision import relative_error
from elimax.pipeline.stages import rivals, timing

TOLERANCE = 1e-10
"""Largest relative error of a Jacobian in float64, per block."""
AGAIN = "best_again"
"""The best order a second time, the null comparison."""
ROWS = 8
"""Points of a batch whose values are compared, at its beginning and at its end."""
COPIED = 2**24
"""Bytes up to which a whole block is copied from the device in order to look at a few rows."""
SLOW = 10.0
"""Seconds of a call from which on a function is not timed."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """How a case is measured.

    Attributes:
        rounds: Rounds of run times at most.
        seconds: No further round starts after this time, except for the first three.
        gigabytes: Memory that the dense Jacobians of one batch may take, in 1e9 bytes.
        workers: Compilations at a time.
        compile_seconds: A compilation that takes longer is given up.
        seed: Seed of the inputs and of the order of measurements.
    """

    rounds: int = 30
    seconds: float = 1.5
    gigabytes: float = 20.0
    workers: int = 8
    compile_seconds: float = 60.0
    seed: int = 0


def measure_case(
    subject: Subject, *, dtype: str, layout: str, batch: int, is_check: bool, settings: Settings
) -> dict[str, Any]:
    """Compiles, compares and times the Jacobians of one task on one batch.

    Args:
        subject: The task.
        dtype: Dtype of the floating inputs.
        layout: "published" or "packed", see `elimax.pipeline.stages.rivals`.
        batch: Size of the batch, which fits in memory.
        is_check: Whether to take the orders of `CHECKED` and to write the structured blocks out, so
            that their values are compared, too; else the orders of `TIMED`.
        settings: How long.

    Returns:
        `dtype`, `layout`, `batch`, `rounds`; by name `trace_seconds`, `compile_seconds`, median
        `seconds` of a call, `programs` (see `programs.describe`) and `errors`, the largest relative
        error of a block against `jacfwd` and `jacrev` at 16 points, as text where it is not finite;
        `ratios` by rival and name: above 1, ours is faster; `null`, the best order against itself;
        `same`: names of equal orders, which are compiled once; `failed`: what cannot be compiled or
        run, with the reason; of a check `wrong`: what has an error above `TOLERANCE`, and
        `unchecked`: what could not be compared.
    """
    with jax.enable_x64(dtype == "float64"):
        single = rivals.in_dtype(subject.task.example_inputs(), dtype)
        task = dataclasses.replace(subject.task, example_inputs=lambda: single)
        orders = {name: subject.order(name) for name in (CHECKED if is_check else TIMED)}
        functions, same = contenders(task, orders, layout, is_check)
        arguments, axes = batch_of(task, layout, batch, settings.seed)
        programs, failed = compile_all(
            {name: jax.vmap(function, in_axes=axes) for name, function in functions.items()},
            arguments,
            workers=settings.workers,
            seconds=settings.compile_seconds,
            x64=dtype == "float64",
        )
        samples = _first_calls(programs, arguments, failed)
        errors = _errors(samples)
        calls: dict[str, Callable[[], Any]] = {
            name: functools.partial(program.executable, *arguments)
            for name, program in programs.items()
            if name not in failed and name != WRITTEN
        }
        if "best" in calls:
            calls[AGAIN] = calls["best"]
        times = timing.measure(
            calls, rounds=settings.rounds, seconds=settings.seconds, seed=settings.seed
        )
    facts = {
        "trace_seconds": {name: program.trace_seconds for name, program in programs.items()},
        "compile_seconds": {name: program.compile_seconds for name, program in programs.items()},
        "programs": {name: describe(program.executable) for name, program in programs.items()},
        "errors": errors,
        "failed": failed,
    }
    result = {
        "dtype": dtype,
        "layout": layout,
        "batch": batch,
        "same": same,
        **{key: _with_same(values, same) for key, values in facts.items()},
        **_compared(times, same),
    }
    if is_check:
        result |= _verdict(result["errors"], [*orders, WRITTEN])
    return result


def _first_calls(
    programs: Mapping[str, Program], arguments: Sequence[Any], failed: dict[str, str]
) -> dict[str, list[np.ndarray]]:
    """Calls every program once; returns some rows of each block, and adds to what failed."""
    samples: dict[str, list[np.ndarray]] = {}
    for name, program in programs.items():
        start = time.perf_counter()
        try:
            result = jax.block_until_ready(program.executable(*arguments))
            took = time.perf_counter() - start
            if name != STRUCTURED:
                samples[name] = [_rows(leaf) for leaf in jax.tree.leaves(result)]
            del result
        except Exception as error:
            failed[name] = reason(error)
            continue
        if took > SLOW:
            failed[name] = f"one call takes {took:.0f} s, too long to be timed"
    return samples


def _rows(leaf: Any) -> np.ndarray:
    # To copy a small array is quicker than to compile a slice of it.
    leaf = np.asarray(leaf) if len(leaf) <= 2 * ROWS or leaf.nbytes <= COPIED else leaf
    return np.concatenate(
        [np.asarray(leaf[:ROWS]), np.asarray(leaf[max(ROWS, len(leaf) - ROWS) :])]
    )


def _errors(
    samples: Mapping[str, Sequence[np.ndarray]],
) -> dict[str, dict[str, float | str]]:
    """Largest relative error of a block, by name and rival."""

    def error(ours: Sequence[np.ndarray], theirs: Sequence[np.ndarray]) -> float | str:
        pairs = zip(ours, theirs, strict=True)
        found = [relative_error(mine, other) for mine, other in pairs]
        worst = max(found, key=lambda value: np.nan_to_num(value, nan=np.inf), default=0.0)
        return float(f"{worst:.2g}") if math.isfinite(worst) else str(worst)

    return {
        name: {
            rival: error(sample, samples[rival])
            for rival in rivals.RIVALS
            if rival in samples and rival != name
        }
        for name, sample in samples.items()
    }


def _compared(times: Mapping[str, Sequence[float]], same: Mapping[str, str]) -> dict[str, Any]:
    """Medians, paired ratios and the null comparison."""
    ours = [name for name in times if name not in (*rivals.RIVALS, AGAIN)]
    return {
        "rounds": max((len(series) for series in times.values()), default=0),
        "seconds": _with_same(
            {name: float(f"{statistics.median(x):.4g}") for name, x in times.items()}, same
        ),
        "ratios": {
            rival: _with_same(
                {name: timing.paired_ratio(times[rival], times[name]) for name in ours}, same
            )
            for rival in rivals.RIVALS
            if rival in times
        },
        "null": timing.paired_ratio(times[AGAIN], times["best"]) if AGAIN in times else None,
    }


def _with_same(values: Mapping[str, Any], same: Mapping[str, str]) -> dict[str, Any]:
    """Adds the names of equal orders, which were not measured again."""
    return {**values, **{name: values[other] for name, other in same.items() if other in values}}


def _verdict(
    errors: Mapping[str, Mapping[str, float | str]], names: Sequence[str]
) -> dict[str, list[str]]:
    """Names with too large an error against a mode of JAX, and those without a comparison."""

    def is_wrong(error: float | str) -> bool:
        return isinstance(error, str) or error > TOLERANCE

    return {
        "wrong": [name for name in names if any(map(is_wrong, errors.get(name, {}).values()))],
        "unchecked": [name for name in names if not errors.get(name)],
    }
