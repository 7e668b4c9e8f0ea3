"""`make bench-cli`: what a call takes."""

import subprocess

import pytest

from benchmarks import command_line


def test_processor_time_is_that_of_the_call() -> None:
    """Of a process that works, and of one that sleeps."""
    busy = command_line.measure(("-c", "sum(range(10_000_000))"))
    assert busy.wall > 0.05 and busy.processor > 0.05
    asleep = command_line.measure(("-c", "import time; time.sleep(1)"))
    assert asleep.wall > 1.0 > asleep.processor


def test_a_command_that_fails_is_an_error() -> None:
    """Its time would mean nothing."""
    with pytest.raises(subprocess.CalledProcessError):
        command_line.measure(("-c", "raise SystemExit(3)"))


def test_one_row_a_command() -> None:
    """Medians, under the name of the command."""
    lines = command_line.table(["python"], 2).splitlines()
    assert len(lines) == 3 and lines[-1].startswith("| python | 0.")
