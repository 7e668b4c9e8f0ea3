"""How a rate is measured, and what pytest-benchmark notes of the machine."""

from collections.abc import Callable
from typing import Any

import pytest

from elimax.pipeline.xla_flags import add_xla_flags

add_xla_flags()  # Before JAX starts.

from benchmarks.records import versions  # noqa: E402
from elimax.pipeline.checkout.machine import device  # noqa: E402

ROUNDS = 7
"""How often everything is timed; the median counts."""

LINES = pytest.StashKey[list[str]]()
"""What is printed below the table."""

Rate = Callable[[Callable[[], Any], int, str], None]


@pytest.fixture
def rate(benchmark: Any, request: pytest.FixtureRequest) -> Rate:
    """Times a call that does something many times.

    Returns:
        A function of the call, how often it does it, and what that is called in the plural. The
        file of pytest-benchmark has the latter two and `per_second` under `extra_info`.
    """

    def measure(call: Callable[[], Any], number: int, unit: str) -> None:
        benchmark.pedantic(call, rounds=ROUNDS, warmup_rounds=1)
        if benchmark.disabled:
            return
        per_second = round(number / benchmark.stats.stats.median)
        benchmark.extra_info |= {"unit": unit, "number": number, "per_second": per_second}
        lines = request.config.stash.setdefault(LINES, [])
        lines.append(f"{request.node.name:<48}{per_second:>14,} {unit} per second")

    return measure


def pytest_benchmark_update_machine_info(config: object, machine_info: dict[str, Any]) -> None:
    """Replaces what describes the machine; its name on the network is nobody's business.

    Args:
        config: Of pytest.
        machine_info: What pytest-benchmark found; changed in place.
    """
    machine_info.clear()
    machine_info |= {**device(), "versions": versions()}


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Prints the rates."""
    for line in terminalreporter.config.stash.get(LINES, []):
        terminalreporter.write_line(line)
