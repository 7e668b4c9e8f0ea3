"""What a person reads of `dvc repro`."""

import pytest

from elimax.pipeline.command_line.progress import PROFILE_SECONDS, Progress, in_words

STAGES = frozenset({"extract@a", "extract@b", "pretrain", "evaluate@a"})


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        """Starts at an arbitrary time, as clocks do."""
        self.now = 100.0

    def __call__(self) -> float:
        """Returns the time in seconds."""
        return self.now


def make_progress(clock: Clock | None = None, **durations: float) -> Progress:
    """Returns a progress in which all four stages wait, with durations of stages without a task."""
    defaults = {"extract": 4.0, "pretrain": 600.0, "evaluate": 60.0}
    return Progress(STAGES, set(STAGES), dict(durations), defaults, clock or Clock())


def test_started_stage_tells_place_and_time_left() -> None:
    """The first of four stages, with the guesses of all four."""
    line = make_progress().read("Running stage 'extract@a':")
    assert line == "stage 1 of 4 extract@a, about 11 min left"


def test_skipped_stages_count_but_are_not_shown() -> None:
    """What is up to date takes no time."""
    progress = make_progress()
    assert progress.read("Stage 'extract@a' didn't change, skipping") is None
    assert progress.read("Stage 'pretrain' didn't change, skipping") is None
    line = progress.read("Running stage 'extract@b':")
    assert line == "stage 3 of 4 extract@b, about 60 s left"


def test_restored_stage_is_shown() -> None:
    """An output from DVC's cache is told from one that was made."""
    line = make_progress().read("Stage 'pretrain' is cached - skipping run, checking out outputs")
    assert line == "stage 1 of 4 pretrain, restored from the cache of earlier runs"


def test_durations_are_measured_and_used() -> None:
    """A stage lasts until the next one starts; others of its kind are expected to last as long."""
    clock = Clock()
    progress = make_progress(clock, pretrain=100.0)
    progress.read("Running stage 'extract@a':")
    clock.now += 30.0
    line = progress.read("Running stage 'extract@b':")
    assert progress.durations == {"pretrain": 100.0, "extract@a": 30.0}
    # 30 for extract@b, 100 for pretrain, 60 for evaluate
    assert line == "stage 2 of 4 extract@b, about 3 min left"


def test_stage_that_fails_leaves_no_duration() -> None:
    """Only `finish` and the next stage end a stage."""
    progress = make_progress()
    progress.read("Running stage 'extract@a':")
    progress.read("ERROR: failed to reproduce 'extract@a'")
    assert progress.durations == {} and progress.current == "extract@a"


def test_unknown_kind_of_stage_has_a_guess() -> None:
    """A new stage does not break the estimate."""
    assert make_progress().expected("hessian@a") == PROFILE_SECONDS


@pytest.mark.parametrize(
    "line",
    [
        "",
        "Running stage 'fingerprint':",
        "Stage 'fingerprint' didn't change, skipping",
        "> python -m elimax.pipeline extract a",
        "Updating lock file 'dvc.lock'",
        "Use `dvc push` to send your updates to remote storage.",
    ],
)
def test_lines_of_dvc_are_hidden(line: str) -> None:
    """What only DVC's own users need is left out."""
    assert make_progress().read(line) is None


@pytest.mark.parametrize("line", ["  loss 0.3", "ERROR: failed to reproduce 'a'", "Running out"])
def test_lines_of_stages_and_errors_pass(line: str) -> None:
    """What stages say is shown as it is."""
    assert make_progress().read(line) == line


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "10 s"),
        (44, "40 s"),
        (89, "90 s"),
        (90, "2 min"),
        (5000, "83 min"),
        (7800, "2 h 10 min"),
    ],
)
def test_durations_in_words(seconds: float, words: str) -> None:
    """Estimates are given as coarsely as they are known."""
    assert in_words(seconds) == words
