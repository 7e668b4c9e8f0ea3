"""Compiles several functions at a time, and tells what the compiled programs consist of."""

import concurrent.futures
import dataclasses
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import jax

# Instructions that only name, pick or view values, which no kernel and no copy is launched for.
_FREE = frozenset(
    {
        "add-dependency",
        "after-all",
        "bitcast",
        "constant",
        "get-tuple-element",
        "opt-barrier",
        "parameter",
        "partition-id",
        "replica-id",
        "tuple",
    }
)
_COMPUTATION = re.compile(r"^(ENTRY\s+)?%?([\w.\-]+)\s.*\{\s*$")
_OPCODE = re.compile(r"\s*([a-z][\w\-]*)\(")
_TRIPS = re.compile(r'"known_trip_count":\s*\{"n":\s*"(\d+)"')


@dataclasses.dataclass(frozen=True)
class Program:
    """A function compiled for given arguments.

    Attributes:
        executable: What JAX compiled; call it with the arguments.
        trace_seconds: What tracing and lowering took, alone on the machine, in seconds.
        compile_seconds: What compiling took, while others were compiled, in seconds.
    """

    executable: Any
    trace_seconds: float
    compile_seconds: float


def compile_all(
    functions: Mapping[str, Callable[..., Any]],
    arguments: Sequence[Any],
    *,
    workers: int,
    seconds: float,
    x64: bool,
) -> tuple[dict[str, Program], dict[str, str]]:
    """Traces functions one by one, and compiles them several at a time.

    A compilation that takes too long is given up: its thread goes on, but nobody waits for it.

    Args:
        functions: The functions by name.
        arguments: Arrays on the device.
        workers: Compilations at a time.
        seconds: How long one may take; all of them together as many times that as there are turns.
        x64: Whether numbers of 64 bits are switched on, which threads do not know of each other.

    Returns:
        The programs by name, and for functions that cannot be compiled the reason, in one line.
    """
    failed: dict[str, str] = {}
    lowered: dict[str, tuple[Any, float]] = {}
    for name, function in functions.items():
        start = time.perf_counter()
        try:
            # A new function object, so that no earlier trace of the same function is found.
            made = jax.jit(lambda *args, function=function: function(*args)).lower(*arguments)
            lowered[name] = made, time.perf_counter() - start
        except Exception as error:
            failed[name] = reason(error)
    pool = concurrent.futures.ThreadPoolExecutor(workers)
    running = {name: pool.submit(_compile, made, x64) for name, (made, _) in lowered.items()}
    turns = -(-len(running) // workers)
    concurrent.futures.wait(running.values(), timeout=seconds * turns)
    pool.shutdown(wait=False, cancel_futures=True)
    programs: dict[str, Program] = {}
    for name, future in running.items():
        if not future.done() or future.cancelled():
            failed[name] = f"not compiled within {seconds * turns:g} s"
        elif (error := future.exception()) is not None:
            failed[name] = reason(error)
        else:
            executable, took = future.result()
            programs[name] = Program(executable, round(lowered[name][1], 3), round(took, 3))
    return programs, failed


def reason(error: BaseException) -> str:
    """Says in one line of at most about 200 letters what went wrong.

    Args:
        error: What was raised.
    """
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"


def describe(executable: Any) -> dict[str, int | None]:
    """Tells what a compiled program consists of; None stands for what JAX does not tell.

    Args:
        executable: What JAX compiled.

    Returns:
        `kernels` (see `count_kernels`), `temp_bytes` and `output_bytes` of one call, and `flops`
        as the compiler estimates them, where a fusion counts what it recomputes.
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

    Counted is every instruction of the entry computation for which the device starts something: a
    fusion, a custom call (a matrix product of a library, a factorisation, a Triton kernel), a copy,
    a sort, a scatter and any other operation that stands alone. Not counted is what only names or
    views values (`parameter`, `constant`, `tuple`, `get-tuple-element`, `bitcast`), and the `-done`
    half of an asynchronous pair. A `call`, such as that of a command buffer, counts as what it
    calls; a `while` as its condition and body, times the number of trips where the compiler knows
    it and once where not; a `conditional` as its longest branch. A fusion or a custom call may
    launch more than one kernel, which the text does not tell.

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
    """The operation of an instruction, behind its type, which may be a nested tuple."""
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
    """What a compiled program says about itself, or None where its device does not."""
    try:
        return ask()
    except Exception:
        return None
