"""Turns the output of `dvc repro` into lines that say where it is and how long it will take."""

import dataclasses
import re
import time
from collections.abc import Callable, Mapping

DEFAULT_SECONDS = {
    "extract": 4.0,
    "pretrain": 4000.0,
    "finetune": 120.0,
    "search": 30.0,
    "evaluate": 60.0,
    "report": 4.0,
}
"""Guesses by kind of stage, for stages that never ran on this machine."""
PROFILE_SECONDS = 8.0
"""A guess for every stage of a profile."""

_STARTED = re.compile(r"Running stage '(.+)':")
_SKIPPED = re.compile(r"Stage '(.+)' didn't change, skipping")
_RESTORED = re.compile(r"Stage '(.+)' is cached - skipping run, checking out outputs")
_HIDDEN = re.compile(
    r"> python -m |(Generating|Updating) lock file |To track the changes with git|\tgit add "
    r"|To enable auto staging|\tdvc config core\.autostage|Use `dvc push`"
)


@dataclasses.dataclass
class Progress:
    """Turns the output of `dvc repro` into readable progress lines.

    Attributes:
        stages: Names of all stages of this run.
        waiting: Those that are expected to run and have not started.
        durations: Seconds that each stage took, by name; this run's are added.
        defaults: Seconds by kind of stage, for kinds that have not run before.
        clock: Returns the time in seconds.
        current: The stage that runs, or None.
        started: When it started, by the clock.
        met: The stages that DVC has reached.
        ran: Those of them that ran.
    """

    stages: frozenset[str]
    waiting: set[str]
    durations: dict[str, float]
    defaults: Mapping[str, float]
    clock: Callable[[], float] = time.monotonic
    current: str | None = None
    started: float = 0.0
    met: set[str] = dataclasses.field(default_factory=set)
    ran: set[str] = dataclasses.field(default_factory=set)

    def read(self, line: str) -> str | None:
        """Takes one line.

        Returns:
            The line to show, or None.
        """
        if match := _STARTED.fullmatch(line):
            self.finish()
            if match[1] in self.stages:
                self.current, self.started = match[1], self.clock()
                self.ran.add(match[1])
            left = f"about {in_words(self.seconds_left())} left"
            return self._place(match[1], left)
        if match := _SKIPPED.fullmatch(line):
            self.finish()
            self._place(match[1])
            return None
        if match := _RESTORED.fullmatch(line):
            self.finish()
            return self._place(match[1], "restored from the cache of earlier runs")
        return None if not line.strip() or _HIDDEN.match(line) else line

    def finish(self) -> None:
        """Records how long the current stage, which has succeeded, took."""
        if self.current is not None:
            self.durations[self.current] = round(self.clock() - self.started, 1)
            self.current = None

    def seconds_left(self) -> float:
        """Estimates the seconds until the end of all stages that are expected to run."""
        return sum(self.expected(stage) for stage in self.waiting)

    def expected(self, stage: str) -> float:
        """Estimates the seconds of a stage: as before, or as the same stage of other tasks."""
        if stage in self.durations:
            return self.durations[stage]
        kind = stage.partition("@")[0]
        alike = [time for name, time in self.durations.items() if name.partition("@")[0] == kind]
        return sum(alike) / len(alike) if alike else self.defaults.get(kind, PROFILE_SECONDS)

    def _place(self, stage: str, text: str = "") -> str | None:
        if stage not in self.stages:
            return None
        self.met.add(stage)
        self.waiting.discard(stage)
        return f"stage {len(self.met)} of {len(self.stages)} {stage}, {text}"


def in_words(seconds: float) -> str:
    """Formats a duration: 40 s, 9 min, 2 h 10 min."""
    if seconds < 90:
        return f"{max(10 * round(seconds / 10), 10)} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
