"""A clock that tests set, so that code that measures time is tested without waiting."""

import types

import pytest


class Clock:
    """Stands still until `sleep` moves it.

    Attributes:
        seconds: What it shows.
    """

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        """Shows the time."""
        return self.seconds

    def sleep(self, seconds: float) -> None:
        """Moves it forward."""
        self.seconds += seconds


def fake_clock(monkeypatch: pytest.MonkeyPatch, *modules: types.ModuleType) -> Clock:
    """Replaces the clock of modules.

    Args:
        monkeypatch: The fixture, which undoes it.
        *modules: Modules that use nothing of `time` but `perf_counter`.

    Returns:
        The clock, which only its `sleep` moves.
    """
    clock = Clock()
    for module in modules:
        monkeypatch.setattr(module, "time", types.SimpleNamespace(perf_counter=clock))
    return clock
