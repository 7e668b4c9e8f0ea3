"""Measures contenders side by side: trace, compile, run time and memory.

Traces and compilations are repeated with new function objects and empty caches, in a shuffled order
in every round, as run times are; see `stages.timing`. A contender that is too slow for rounds has
the time of one call.
"""

import dataclasses
import gc
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from benchmarks.interpreter_contenders import MODES, OURS, Maker
from elimax.interpreter.output.structured import StructuredJacobian
from elimax.pipeline.errors import StageError
from elimax.pipeline.stages import timing

AGAIN = "dense_again"
"""The contender `dense`, compiled a second time: the null comparison."""


@dataclasses.dataclass(frozen=True)
class Limits:
    """How long a case is measured.

    Attributes:
        builds: Rounds of tracing and compiling.
        build_seconds: No further round of these starts after this time.
        rounds: Rounds of run times at most.
        seconds: No further round of these starts after this time, except for the first three.
        slow_seconds: A contender whose call takes longer is called once and no more.
        seed: Seed of all shuffling.
    """

    builds: int = 3
    build_seconds: float = 20.0
    rounds: int = 30
    seconds: float = 3.0
    slow_seconds: float = 2.0
    seed: int = 0


@dataclasses.dataclass
class Build:
    """What is known of the builds of one contender.

    Attributes:
        executables: At most two, so that large constants do not pile up.
        trace_seconds: Time to trace and lower, one entry a round.
        compile_seconds: Time to compile what was lowered, one entry a round.
        cpu_seconds: Processor time of both, of all threads; other programs hardly change it.
    """

    executables: list[Any] = dataclasses.field(default_factory=list)
    trace_seconds: list[float] = dataclasses.field(default_factory=list)
    compile_seconds: list[float] = dataclasses.field(default_factory=list)
    cpu_seconds: list[float] = dataclasses.field(default_factory=list)

    def add(self, function: Callable[..., Any], arguments: Sequence[Any]) -> None:
        """Traces and compiles once more.

        Args:
            function: A function that has not been traced before.
            arguments: Arrays on the device.
        """
        jax.clear_caches()
        gc.collect()
        start, processor = time.perf_counter(), time.process_time()
        lowered = jax.jit(function).lower(*arguments)
        traced = time.perf_counter()
        executable = lowered.compile()
        self.trace_seconds.append(traced - start)
        self.compile_seconds.append(time.perf_counter() - traced)
        self.cpu_seconds.append(time.process_time() - processor)
        if len(self.executables) < 2:
            self.executables.append(executable)


def build_all(
    makers: Mapping[str, Maker], arguments: Sequence[Any], axes: Any, limits: Limits
) -> tuple[dict[str, Build], dict[str, str]]:
    """Traces and compiles all contenders over a batch, in turns.

    Args:
        makers: The contenders.
        arguments: Arrays on the device, with a batch axis.
        axes: `in_axes` of vmap for the arguments.
        limits: How often, how long.

    Returns:
        Builds by name, of `dense` at least two, and for contenders that cannot be built the reason.
    """
    builds = {name: Build() for name in makers}
    failed: dict[str, str] = {}
    generator = np.random.default_rng(limits.seed)
    start = time.perf_counter()

    def build(name: str) -> None:
        try:
            builds[name].add(jax.vmap(makers[name](), in_axes=axes), arguments)
        except Exception as error:
            failed[name] = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"

    for number in range(limits.builds):
        if number > 0 and time.perf_counter() - start > limits.build_seconds:
            break
        for index in generator.permutation(len(makers)):
            name = list(makers)[index]
            if name not in failed:
                build(name)
    if "dense" in makers and "dense" not in failed and len(builds["dense"].executables) < 2:
        build("dense")
    return {name: built for name, built in builds.items() if name not in failed}, failed


def measure_case(
    makers: Mapping[str, Maker], arguments: Sequence[Any], axes: Any, limits: Limits
) -> dict[str, Any]:
    """Measures all contenders on one batch.

    Args:
        makers: The contenders; `jacfwd` and `jacrev` are what the others are compared with.
        arguments: Arrays with a batch axis.
        axes: `in_axes` of vmap for the arguments.
        limits: How often, how long.

    Returns:
        By contender, medians `trace_seconds`, `compile_seconds`, `build_cpu_seconds` and `seconds`,
        and `bytes` of temporaries and outputs. `builds`, `rounds`: how many. `called_once`: who was
        too slow for rounds. `failed`: who cannot be built or run, with the reason. `better`: the
        faster one of JAX's modes. `ratios`: its time by that of every other contender, paired.
        `null`: the ratio of `dense` to itself. `errors`: the largest difference from that mode,
        relative to the largest entry.

    Raises:
        StageError: If neither of JAX's modes can be built and run.
    """
    placed = jax.device_put(tuple(arguments))
    builds, failed = build_all(makers, placed, axes, limits)
    executables = {name: build.executables[0] for name, build in builds.items()}
    if "dense" in builds:
        executables[AGAIN] = builds["dense"].executables[-1]
    times, once = _run_all(executables, placed, limits, failed)
    modes = [mode for mode in MODES if mode in times]
    if not modes:
        raise StageError(f"JAX has no Jacobian to compare with: {failed}")
    better = min(modes, key=lambda mode: _median(times[mode]))
    return {
        "builds": {name: len(build.trace_seconds) for name, build in builds.items()},
        "trace_seconds": {name: _median(build.trace_seconds) for name, build in builds.items()},
        "compile_seconds": {name: _median(build.compile_seconds) for name, build in builds.items()},
        "build_cpu_seconds": {name: _median(build.cpu_seconds) for name, build in builds.items()},
        "seconds": {name: _median(series) for name, series in times.items()},
        "rounds": max(len(series) for series in times.values()),
        "bytes": {name: _bytes(executable) for name, executable in executables.items()},
        "called_once": once,
        "failed": failed,
        "better": better,
        "ratios": {
            name: _ratio(times[better], series)
            for name, series in times.items()
            if name not in (better, AGAIN)
        },
        "null": _ratio(times[AGAIN], times["dense"]) if AGAIN in times else None,
        "errors": {
            name: _error(executables[name](*placed), executables[better](*placed))
            for name in OURS
            if name in times and name not in once and better not in once
        },
    }


def _run_all(
    executables: Mapping[str, Any],
    arguments: Sequence[Any],
    limits: Limits,
    failed: dict[str, str],
) -> tuple[dict[str, list[float]], list[str]]:
    """Times all executables; returns seconds a call by name, and who was called only once."""
    calls: dict[str, Callable[[], Any]] = {}
    times: dict[str, list[float]] = {}
    for name, executable in executables.items():
        start = time.perf_counter()
        try:
            jax.block_until_ready(executable(*arguments))
        except Exception as error:
            failed[name] = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
            continue
        seconds = time.perf_counter() - start
        if seconds > limits.slow_seconds:
            times[name] = [seconds]
        else:
            calls[name] = lambda executable=executable: executable(*arguments)
    once = sorted(times)
    times |= timing.measure(calls, rounds=limits.rounds, seconds=limits.seconds, seed=limits.seed)
    return times, once


def _ratio(rival: Sequence[float], ours: Sequence[float]) -> dict[str, float]:
    """Compares two series round by round, or their medians where one was called once."""
    if len(rival) != len(ours):
        rival, ours = [_median(rival)], [_median(ours)]
    return timing.paired_ratio(rival, ours)


def _median(series: Sequence[float]) -> float:
    return float(f"{statistics.median(series):.4g}")


def _bytes(executable: Any) -> int | None:
    """Bytes of temporaries and outputs together, or None where the device does not tell."""
    analysis = executable.memory_analysis()
    if analysis is None:
        return None
    return int(analysis.temp_size_in_bytes + analysis.output_size_in_bytes)


def _error(ours: Any, reference: Any) -> float | None:
    """Largest difference relative to the largest entry; None where the results differ in form.

    Entries that are finite in one of them only count as a difference of 1.
    """
    ours = _written_out(ours, len(jax.tree.leaves(reference)[0]))
    if jax.tree.structure(ours) != jax.tree.structure(reference):
        return None
    largest, error = 0.0, 0.0
    for given, wanted in zip(jax.tree.leaves(ours), jax.tree.leaves(reference), strict=True):
        given, wanted = np.asarray(given), np.asarray(wanted)
        finite = np.isfinite(wanted)
        if (np.isfinite(given) != finite).any():
            return 1.0
        largest = max(largest, float(np.max(np.abs(wanted), where=finite, initial=0.0)))
        difference = np.subtract(given, wanted, where=finite, out=np.zeros_like(wanted))
        error = max(error, float(np.max(np.abs(difference), initial=0.0)))
    return float(f"{error / largest:.2g}") if largest else error


def _written_out(result: Any, batch: int) -> Any:
    """Writes structured blocks out in full; leaves arrays as they are."""

    def is_block(leaf: Any) -> bool:
        return isinstance(leaf, StructuredJacobian)

    def dense(tree: Any) -> Any:
        return jax.tree.map(
            lambda leaf: leaf.todense() if is_block(leaf) else leaf, tree, is_leaf=is_block
        )

    if not any(map(is_block, jax.tree.leaves(result, is_leaf=is_block))):
        return result
    # All entries may be constants, which have no batch axis to tell its size.
    return jax.jit(jax.vmap(dense, axis_size=batch))(result)
