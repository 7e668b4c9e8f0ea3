"""Measures the Jacobians of one task on one batch: builds, values, run times, programs.

Run times are measured in turn, in a shuffled order in every round. A ratio is the median over the
rounds of (time of the rival / time of ours), with a bootstrap interval. The first order is also
measured against a second compilation of itself: if that null comparison does not find them equal,
the machine was too noisy, and no ratio of the case is reported.
"""

import dataclasses
import functools
import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from benchmarks.cases import CLASSICAL, Case, Settings, batch_of
from benchmarks.contenders import FLOOR, STRUCTURED, WRITTEN, contenders
from benchmarks.programs import Build, build_all, describe, reason
from benchmarks.subjects import Subject
from elimax.interpreter import timing
from elimax.interpreter.precision import relative_error
from elimax.pipeline.stages import rivals

TOLERANCE = 1e-10
"""Largest relative error of a Jacobian in float64, per block."""
NULL_TOLERANCE, NULL_WIDTH = 0.05, 0.25
"""How far from 1 the interval of the null comparison may be, and how wide it may be."""
COVERAGE, RESAMPLES = 0.95, 2000
"""Level and resamples of the bootstrap interval of a median ratio."""
AGAIN = "again"
"""The second compilation of the first order."""
ROWS = 8
"""Points of a batch whose values are compared, at its beginning and at its end."""
COPIED = 2**24
"""Size in bytes up to which a whole block is copied from the device to look at a few rows."""
SLOW = 10.0
"""Seconds per call above which a function is not timed."""


def measure_case(subject: Subject, case: Case, batch: int, settings: Settings) -> dict[str, Any]:
    """Compiles, compares and times the Jacobians of one task on one batch.

    Args:
        subject: The task.
        case: What to measure; "values" adds the `CLASSICAL` orders and the verdict.
        batch: Size of the batch, which fits in memory.
        settings: How long to measure.

    Returns:
        The record that `benchmarks/README.md` describes.
    """
    is_check, ours = case.kind == "values", settings.orders[0]
    orders = tuple(dict.fromkeys((*settings.orders, *(CLASSICAL if is_check else ()))))
    with jax.enable_x64(case.dtype == "float64"):
        single = rivals.in_dtype(subject.task.example_inputs(), case.dtype)
        task = dataclasses.replace(subject.task, example_inputs=lambda: single)
        makers, same, absent = contenders(subject, task, case.layout, orders, is_check=is_check)
        arguments, axes = batch_of(task, case.layout, batch, settings.seed)
        builds, failed = build_all(
            {name: lambda make=make: jax.vmap(make(), axes) for name, make in makers.items()},
            arguments,
            settings,
            twice=ours,
            x64=case.dtype == "float64",
        )
        samples = _first_calls(builds, arguments, failed)
        times = timing.measure(
            _calls(builds, arguments, failed, ours),
            rounds=settings.rounds,
            seconds=settings.case_seconds,
            seed=settings.seed,
        )
    errors = _errors(samples)
    record = {
        "kind": case.kind,
        "dtype": case.dtype,
        "layout": case.layout,
        "batch": batch,
        "wanted": case.batch,
        "ours": ours,
        "compilers": settings.compilers,
        "search": subject.searches(packed=case.layout == "packed"),
        "same": same,
        "absent": absent,
        "failed": failed,
        "errors": _with_same(errors, same),
        **{key: _with_same(values, same) for key, values in _program_facts(builds).items()},
        **compare(times, ours, same, settings.seed),
    }
    return record | (_verdict(record["errors"], (*orders, WRITTEN)) if is_check else {})


def paired_ratio(rival: Sequence[float], ours: Sequence[float], seed: int = 0) -> dict[str, float]:
    """Compares two functions round by round.

    Args:
        rival: Seconds per call, one entry per round.
        ours: The same of the other function.
        seed: Seed of the bootstrap.

    Returns:
        `median` of rival / ours, above 1 if ours is faster, with `low` and `high`, the ends of its
        bootstrap interval.
    """
    ratios = np.asarray(rival) / np.asarray(ours)
    drawn = np.random.default_rng(seed).choice(ratios, (RESAMPLES, len(ratios)))
    ends = (1 - COVERAGE) / 2, (1 + COVERAGE) / 2
    low, high = np.quantile(np.median(drawn, axis=1), ends)
    median = timing.paired_ratio(rival, ours)["median"]
    return {"median": median, "low": round(float(low), 4), "high": round(float(high), 4)}


def compare(
    times: Mapping[str, Sequence[float]], ours: str, same: Mapping[str, str], seed: int = 0
) -> dict[str, Any]:
    """Computes medians, the null comparison and, unless that fails, all ratios.

    Args:
        times: Seconds per call by name, one entry per round; `AGAIN` among them.
        ours: The name that `AGAIN` is a second compilation of.
        same: Names of equal orders, which were not measured again.
        seed: Seed of the bootstrap.

    Returns:
        `rounds`, `seconds`, `null`, `ratios` by rival and name; `refused`, the reason, where the
        null comparison fails.
    """
    null = paired_ratio(times[AGAIN], times[ours], seed) if {AGAIN, ours} <= set(times) else None
    refused = _why_refused(null)
    ratios = {
        rival: _with_same(
            {
                name: paired_ratio(times[rival], series, seed)
                for name, series in times.items()
                if name not in (*rivals.RIVALS, AGAIN)
            },
            same,
        )
        for rival in rivals.RIVALS
        if rival in times and null and not refused
    }
    return {
        "rounds": max(map(len, times.values()), default=0),
        "seconds": _with_same({name: _median(x) for name, x in times.items()}, same),
        "null": null,
        "ratios": ratios,
        **({"refused": refused} if refused else {}),
    }


def _why_refused(null: Mapping[str, float] | None) -> str:
    if null is None:
        return ""
    if abs(np.clip(1.0, null["low"], null["high"]) - 1.0) > NULL_TOLERANCE:
        fault = f"further than {NULL_TOLERANCE:g} from 1"
    elif null["high"] - null["low"] > NULL_WIDTH:
        fault = f"wider than {NULL_WIDTH:g}"
    else:
        return ""
    return (
        f"the null comparison, {null['low']:.2f} to {null['high']:.2f}, is {fault}: the machine is "
        "too noisy to report ratios; run the command again when it is idle"
    )


def _first_calls(
    builds: Mapping[str, Build], arguments: Sequence[Any], failed: dict[str, str]
) -> dict[str, list[np.ndarray]]:
    """Calls every program once; returns some rows of each block, and adds to what failed."""
    samples: dict[str, list[np.ndarray]] = {}
    for name, build in builds.items():
        start = time.perf_counter()
        try:
            result = jax.block_until_ready(build.executables[0](*arguments))
            took = time.perf_counter() - start
            # These return stored entries only, or no Jacobian.
            if name not in (STRUCTURED, FLOOR) and not name.endswith("_values"):
                samples[name] = [_rows(leaf) for leaf in jax.tree.leaves(result)]
            del result
        except Exception as error:
            failed[name] = reason(error)
            continue
        if took > SLOW:
            failed[name] = f"one call takes {took:.1f} s, too long to time"
    return samples


def _rows(leaf: Any) -> np.ndarray:
    # Copying a small array is quicker than compiling a slice of it.
    leaf = np.asarray(leaf) if len(leaf) <= 2 * ROWS or leaf.nbytes <= COPIED else leaf
    return np.concatenate(
        [np.asarray(leaf[:ROWS]), np.asarray(leaf[max(ROWS, len(leaf) - ROWS) :])]
    )


def _calls(
    builds: Mapping[str, Build], arguments: Sequence[Any], failed: Mapping[str, str], ours: str
) -> dict[str, Callable[[], Any]]:
    """What is timed: everything that works, and the first order a second time."""
    programs = {
        name: build.executables[0]
        for name, build in builds.items()
        if name not in failed and name != WRITTEN
    }
    if ours in programs:
        programs[AGAIN] = builds[ours].executables[1]
    return {name: functools.partial(program, *arguments) for name, program in programs.items()}


def _errors(samples: Mapping[str, Sequence[np.ndarray]]) -> dict[str, dict[str, float | str]]:
    """Largest relative error of a block, by name and rival; text where it is not finite."""

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


def _program_facts(builds: Mapping[str, Build]) -> dict[str, dict[str, Any]]:
    """What is known about the programs, by fact and name."""
    return {
        "builds": {name: len(build.trace_seconds) for name, build in builds.items()},
        "trace_seconds": {name: _median(build.trace_seconds) for name, build in builds.items()},
        "compile_seconds": {name: _median(build.compile_seconds) for name, build in builds.items()},
        "programs": {name: describe(build.executables[0]) for name, build in builds.items()},
    }


def _median(series: Sequence[float]) -> float:
    return float(f"{statistics.median(series):.4g}")


def _with_same(values: Mapping[str, Any], same: Mapping[str, str]) -> dict[str, Any]:
    """Adds the names of equal orders, which were not measured again."""
    return {**values, **{name: values[other] for name, other in same.items() if other in values}}
