"""A clock that a test turns, so that what measures time is tested without any."""

import types

import pytest


class Clock:
    """Stands still but for `sleep`.

    Attributes:
        seconds: What it shows.
    """

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        """Shows the time."""
        return self.seconds

    def sleep(self, seconds: float) -> None:
        """Turns it on."""
        self.seconds += seconds


def turned_clock(monkeypatch: pytest.MonkeyPatch, *modules: types.ModuleType) -> Clock:
    """Gives modules a clock in place of `time`.

    Args:
        monkeypatch: The fixture, which takes it away again.
        modules: They read `time.perf_counter` and nothing else of `time`.

    Returns:
        The clock, whose `sleep` is what takes time.
    """
    clock = Clock()
    for module in modules:
        monkeypatch.setattr(module, "time", types.SimpleNamespace(perf_counter=clock))
    return clock
