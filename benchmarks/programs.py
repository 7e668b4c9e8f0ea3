"""Traces and compiles functions, and describes the compiled programs."""

import concurrent.futures
import dataclasses
import gc
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from benchmarks.cases import Settings

# Instructions that only name, pick or view values: they launch no kernel and no copy.
_FREE = (
    "add-dependency", "after-all", "bitcast", "constant", "get-tuple-element", "opt-barrier",
    "parameter", "partition-id", "replica-id", "tuple",
)  # fmt: skip
_COMPUTATION = re.compile(r"^(ENTRY\s+)?%?([\w.\-]+)\s.*\{\s*$")
_OPCODE = re.compile(r"\s*([a-z][\w\-]*)\(")
_TRIPS = re.compile(r'"known_trip_count":\s*\{"n":\s*"(\d+)"')


@dataclasses.dataclass
class Build:
    """What is known about the builds of one function.

    Attributes:
        executables: The first two compiled programs; keeping more would pile up large constants.
        trace_seconds: Time of tracing and lowering, one entry per round, alone on the machine.
        compile_seconds: Time of compiling, one entry per round, perhaps in parallel with others.
    """

    executables: list[Any] = dataclasses.field(default_factory=list)
    trace_seconds: list[float] = dataclasses.field(default_factory=list)
    compile_seconds: list[float] = dataclasses.field(default_factory=list)


def build_all(
    makers: Mapping[str, Callable[[], Callable[..., Any]]],
    arguments: Sequence[Any],
    settings: Settings,
    *,
    twice: str = "",
    x64: bool = False,
) -> tuple[dict[str, Build], dict[str, str]]:
    """Traces and compiles functions in rounds, each in a shuffled order.

    Args:
        makers: Makers of new function objects, by name.
        arguments: Arrays on the device.
        settings: How often, how long, and how many compilations at a time.
        twice: Name of a function that is compiled at least twice.
        x64: Whether 64-bit types are enabled, a setting that threads do not inherit.

    Returns:
        Builds by name, and, for functions that cannot be compiled, the reason in one line.
    """
    builds = {name: Build() for name in makers}
    failed: dict[str, str] = {}
    generator = np.random.default_rng(settings.seed)
    start = time.perf_counter()
    for number in range(settings.builds):
        if number and time.perf_counter() - start > settings.case_seconds:
            break
        names = [list(makers)[index] for index in generator.permutation(len(makers))]
        round_makers = {name: makers[name] for name in names if name not in failed}
        _build_round(round_makers, arguments, settings, x64, builds, failed)
    if twice in makers and twice not in failed and len(builds[twice].executables) < 2:
        _build_round({twice: makers[twice]}, arguments, settings, x64, builds, failed)
    return {name: build for name, build in builds.items() if name not in failed}, failed


def _build_round(
    makers: Mapping[str, Callable[[], Callable[..., Any]]],
    arguments: Sequence[Any],
    settings: Settings,
    x64: bool,
    builds: Mapping[str, Build],
    failed: dict[str, str],
) -> None:
    """Traces functions one by one, then compiles them, several at a time if asked to."""
    lowered: dict[str, tuple[Any, float]] = {}
    for name, make in makers.items():
        jax.clear_caches()
        gc.collect()
        start = time.perf_counter()
        try:
            made = jax.jit(make()).lower(*arguments)
            lowered[name] = made, time.perf_counter() - start
        except Exception as error:
            failed[name] = reason(error)
    pool = concurrent.futures.ThreadPoolExecutor(settings.compilers)
    running = {name: pool.submit(_compile, made, x64) for name, (made, _) in lowered.items()}
    limit = settings.compile_seconds * -(-len(running) // settings.compilers)
    concurrent.futures.wait(running.values(), timeout=limit)
    # The thread of an abandoned compilation goes on, but nothing waits for it.
    pool.shutdown(wait=False, cancel_futures=True)
    for name, future in running.items():
        if not future.done() or future.cancelled():
            failed[name] = f"not compiled within {limit:g} s"
        elif (error := future.exception()) is not None:
            failed[name] = reason(error)
        else:
            executable, took = future.result()
            build = builds[name]
            build.executables = [*build.executables, executable][:2]
            build.trace_seconds.append(lowered[name][1])
            build.compile_seconds.append(took)


def reason(error: BaseException) -> str:
    """Describes an error in one line of about 200 letters at most.

    Args:
        error: What was raised.
    """
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"


def describe(executable: Any) -> dict[str, int | None]:
    """Describes a compiled program; None stands for what JAX does not report.

    Args:
        executable: What JAX compiled.

    Returns:
        `kernels` (see `count_kernels`), `temp_bytes` and `output_bytes` of one call, and `flops`
        as the compiler estimates them; a fusion counts what it recomputes.
    """
    text = _told(executable.as_text)
    memory = _told(executable.memory_analysis)
    cost = _told(executable.cost_analysis)
    cost = cost[0] if isinstance(cost, list) and cost else cost
    flops = cost.get("flops") if isinstance(cost, dict) else None
    return {
        "kernels": count_kernels(text) if text else None,
        "temp_bytes": int(memory.temp_size_in_bytes) if memory else None,
        "output_bytes": int(memory.output_size_in_bytes) if memory else None,
        "flops": int(flops) if flops is not None and flops >= 0 else None,
    }


def count_kernels(text: str) -> int:
    """Counts what a compiled program launches, in the text of its optimised HLO.

    It counts every instruction of the entry computation for which the device starts something: a
    fusion, a custom call (a library's matrix product, a factorisation, a Triton kernel), a copy, a
    sort, a scatter and any other operation that stands alone. It does not count what only names or
    views values (`parameter`, `constant`, `tuple`, `get-tuple-element`, `bitcast`), nor the `-done`
    half of an asynchronous pair. A `call`, such as that of a command buffer, counts as what it
    calls; a `while` as its condition and body, times the number of trips if the compiler knows
    it, else once; a `conditional` as its longest branch. A fusion or a custom call may launch more
    than one kernel, which the text does not show.

    Args:
        text: What `compiled.as_text()` returns.

    Returns:
        The number of launches of one call.
    """
    computations: dict[str, list[str]] = {}
    entry, lines = "", []
    for line in text.splitlines():
        header = None if line.startswith("HloModule") else _COMPUTATION.match(line)
        if header:
            lines = computations.setdefault(header[2], [])
            entry = header[2] if header[1] else entry
        elif line[:1].isspace() and " = " in line:
            lines.append(line.split(" = ", 1)[1])
    return _launches(computations, entry)


def _launches(computations: Mapping[str, Sequence[str]], name: str) -> int:
    """Launches of one computation."""
    total = 0
    for line in computations.get(name, ()):
        opcode = _opcode(line)
        if opcode in _FREE or opcode.endswith("-done"):
            continue
        if opcode == "call":
            total += sum(_launches(computations, callee) for callee in _called(line, "to_apply"))
        elif opcode == "while":
            trips = _TRIPS.search(line)
            once = sum(_launches(computations, x) for x in _called(line, "condition", "body"))
            total += once * (int(trips[1]) if trips else 1)
        elif opcode == "conditional":
            branches = _called(line, "branch_computations", "true_computation", "false_computation")
            total += max((_launches(computations, branch) for branch in branches), default=0)
        else:
            total += 1
    return total


def _opcode(line: str) -> str:
    """The operation of an instruction, after its type, which may be a nested tuple."""
    depth = 0
    for place, letter in enumerate(line):
        depth += (letter == "(") - (letter == ")")
        if letter == " " and depth == 0:
            found = _OPCODE.match(line[place:])
            return found[1] if found else ""
    return ""


def _called(line: str, *attributes: str) -> Iterator[str]:
    """Names of the computations that the attributes of an instruction name."""
    for attribute in attributes:
        found = re.search(rf"\b{attribute}=(\{{[^}}]*\}}|%?[\w.\-]+)", line)
        yield from re.findall(r"[\w.\-]+", found[1]) if found else ()


def _compile(lowered: Any, x64: bool) -> tuple[Any, float]:
    with jax.enable_x64(x64):
        start = time.perf_counter()
        return lowered.compile(), time.perf_counter() - start


def _told(ask: Callable[[], Any]) -> Any:
    """What a compiled program reports about itself, or None if its device does not."""
    try:
        return ask()
    except Exception:
        return None
