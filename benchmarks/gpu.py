"""Jacobians of all tasks on the device that JAX finds, within a time limit: `make bench-gpu`.

First the values of every order in float64 against both modes of JAX, then run times in float32,
then how fast the policy learns. `DIR/TASK.json` is written after every case, and another call goes
on from there; at the end come `DIR/gpu.json` and `DIR/table.md`, which is also printed. Needs jax,
numpy, equinox, optax and numba, and nothing else.
"""

import argparse
import dataclasses
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.gpu_case import Settings, measure_case
from benchmarks.gpu_results import TaskFile, all_results, environment
from benchmarks.gpu_subject import Subject
from benchmarks.gpu_tables import markdown_text
from benchmarks.programs import reason
from benchmarks.training import measure_training
from elimax.pipeline.checkout.files import Layout, write_json, write_text
from elimax.pipeline.errors import PipelineError
from elimax.pipeline.stages import rivals
from elimax.pipeline.tasks import task_names

TRAINED = ("roe_flux_1d", "kerr_metric")
"""Tasks that the policy is trained on."""
EPISODES = (32, 256)
"""Games of an update: as many as the stage finetune plays, and as many as suit a large device."""
TRAINING_SECONDS = 6.0
"""Time of the updates of one training, compilation not included."""
FIRST_TRAINING = 40.0
"""Seconds that a training with its compilation may take, as long as none was measured."""


@dataclasses.dataclass(frozen=True)
class Case:
    """One thing to measure.

    Attributes:
        task: Name of the task.
        kind: "values" and "times" of Jacobians, or "training" of the policy.
        dtype: Dtype of the floating inputs of a Jacobian.
        layout: "published" or "packed".
        batch: Wanted size of the batch, or games of an update of a training.
    """

    task: str
    kind: str
    dtype: str
    layout: str
    batch: int

    @property
    def label(self) -> str:
        """Name of the case in the file of its task."""
        if self.kind == "training":
            return f"training with {self.batch} games"
        return f"{self.kind} {self.dtype} {self.layout} batch {self.batch}"


def plan(tasks: Sequence[str], batches: Sequence[int], check_batch: int) -> list[Case]:
    """Lists all cases, the most valuable first.

    Args:
        tasks: Names of the tasks.
        batches: Batch sizes to time in float32.
        check_batch: Batch size in float64.
    """
    cases = [Case(task, "values", "float64", "published", check_batch) for task in tasks]
    for batch in batches:
        for layout in ("published", "packed"):
            cases += [Case(task, "times", "float32", layout, batch) for task in tasks]
    trained = [task for task in TRAINED if task in tasks]
    cases += [Case(task, "training", "", "", games) for games in EPISODES for task in trained]
    return cases + [Case(task, "times", "float64", "packed", check_batch) for task in tasks]


class Benchmark:
    """Goes through the cases as long as there is time.

    Attributes:
        folder: Where the results go.
        settings: How a case is measured.
        ends: When the time is up, by the clock.
        where: What `environment` returned.
    """

    def __init__(
        self,
        folder: Path,
        settings: Settings,
        ends: float,
        *,
        layout: Layout,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Sets the benchmark up; `layout` tells where the orders are, `clock` what time it is."""
        self.folder, self.settings, self.ends = folder, settings, ends
        self.where = environment()
        self._layout, self._clock = layout, clock
        self._files: dict[str, TaskFile] = {}
        self._subjects: dict[str, Subject] = {}

    def run(self, cases: Sequence[Case]) -> dict[str, Any]:
        """Measures what is not there yet; writes the file of a task after every case.

        Args:
            cases: What `plan` returned.

        Returns:
            What `all_results` returns.

        Raises:
            PipelineError: If a task is unknown, or a file is foreign or cannot be written.
        """
        for task in dict.fromkeys(case.task for case in cases):
            subject = self._subjects[task] = Subject.load(task, self._layout)
            fingerprint = subject.graph.fingerprint
            self._files[task] = TaskFile(self.folder, task, fingerprint, self.where)
        for number, case in enumerate(cases, 1):
            try:
                self._run_case(case, f"{number} of {len(cases)}")
            except KeyboardInterrupt:  # What was measured is told all the same.
                self._files[case.task].leave_out(case.label, "interrupted")
                break
        return all_results(self.folder, task_names(), self.where)

    def _run_case(self, case: Case, place: str) -> None:
        file = self._files[case.task]
        if case.label in file.cases:
            return
        why = self._why_not(case)
        _say(f"{place}, {case.task}, {case.label}{': ' if why else ''}{why}")
        if why:
            file.leave_out(case.label, why)
            return
        file.begin(case.label)
        start = self._clock()
        try:
            result = self._measure(case)
        except Exception as error:  # Whatever stops one case, the others are measured.
            result = {"failed": {"all": reason(error)}}
        file.end(case.label, {**result, "case_seconds": round(self._clock() - start, 2)})

    def _measure(self, case: Case) -> dict[str, Any]:
        subject = self._subjects[case.task]
        if case.kind == "training":
            policy = self._layout.pretrained_policy
            return measure_training(
                subject.graph, policy, episodes=case.batch, seconds=TRAINING_SECONDS
            )
        result = measure_case(
            subject,
            dtype=case.dtype,
            layout=case.layout,
            batch=self._batch(case),
            is_check=case.kind == "values",
            settings=self.settings,
        )
        return {**result, "wanted": case.batch}

    def _batch(self, case: Case) -> int:
        subject = self._subjects[case.task]
        return subject.fitting_batch(case.batch, case.dtype, self.settings.gigabytes)

    def _why_not(self, case: Case) -> str:
        """Why a case is not to be measured; empty if it is."""
        if case.kind != "training":
            if case.layout == "packed" and not rivals.can_be_packed(self._subjects[case.task].task):
                return "whole numbers among the differentiated arguments do not fit a vector"
            batch = self._batch(case)
            same = dataclasses.replace(case, batch=batch).label
            for label, other in self._files[case.task].cases.items():
                kept = label.rpartition(" ")[0] == same.rpartition(" ")[0]
                if kept and other.get("batch") == batch:
                    return f"batch {batch} is the largest that fits, and is there already"
        left, needed = self.ends - self._clock(), self._expected(case)
        if left < needed:
            return f"{max(0.0, left):.0f} s are left, it may take {needed:.0f} s"
        return ""

    def _expected(self, case: Case) -> float:
        """Seconds that a case may take: the longest of its task and kind, or else of its kind.

        Where its batch is larger than that of another case, a few calls take longer than there.
        """
        times = []
        for task, file in self._files.items():
            for label, other in file.cases.items():
                is_training = label.startswith("training")
                if is_training == (case.kind == "training") and "case_seconds" in other:
                    calls = 3 * other.get("update_seconds", 0.0)
                    calls += 5 * sum(other.get("seconds", {}).values())
                    batch = other.get("batch", other.get("episodes", case.batch))
                    more = calls * max(0.0, case.batch / batch - 1.0)
                    times.append((task, other["case_seconds"] + more))
        own = [seconds for task, seconds in times if task == case.task]
        unknown = FIRST_TRAINING if case.kind == "training" else 1.0
        return max(own or [seconds for _, seconds in times], default=unknown)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Reads the command line.

    Args:
        arguments: Words after the program's name; None takes those of the process.
    """
    default = Settings()
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gpu", description=(__doc__ or "").split("\n")[0]
    )
    add = parser.add_argument
    add("tasks", nargs="*", metavar="TASK", help="tasks, all of them by default")
    add("--out", type=Path, required=True, metavar="DIR", help="folder of the results")
    add("--seconds", type=float, default=480.0, help="no case starts that may end after this time")
    add("--batch", nargs="+", type=int, default=[65536, 512, 2**20], metavar="SIZE")
    add("--check-batch", type=int, default=512, metavar="SIZE", help="batch size in float64")
    add("--gigabytes", type=float, default=default.gigabytes, help="dense Jacobians of one batch")
    add("--case-seconds", type=float, default=default.seconds, help="run times of one case")
    add("--rounds", type=int, default=default.rounds, help="rounds of a case at most")
    add("--compilers", type=int, default=_cores(), metavar="N", help="compilations at a time")
    add("--compile-seconds", type=float, default=default.compile_seconds, help="of one function")
    given = parser.parse_args(arguments)
    if min(*given.batch, given.check_batch, given.rounds, given.compilers) < 1:
        parser.error("batch sizes, rounds and compilations must be at least 1")
    unknown = sorted(set(given.tasks) - set(task_names()))
    if unknown:
        parser.error(f"no task {', '.join(unknown)}; tasks: {', '.join(task_names())}")
    given.settings = Settings(
        rounds=given.rounds,
        seconds=given.case_seconds,
        gigabytes=given.gigabytes,
        workers=given.compilers,
        compile_seconds=given.compile_seconds,
    )
    return given


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the benchmark.

    Args:
        arguments: Words after the program's name; None takes those of the process.

    Returns:
        The exit status: 1 if a value is wrong, 2 if files are missing or of another machine.
    """
    start = time.monotonic()
    given = parse(arguments)
    tasks = given.tasks or list(task_names())
    try:
        benchmark = Benchmark(
            given.out, given.settings, start + given.seconds, layout=Layout.find()
        )
        results = benchmark.run(plan(tasks, given.batch, given.check_batch))
        settings = {**dataclasses.asdict(given.settings), "batches": given.batch}
        content = {**results, "settings": {**settings, "check_batch": given.check_batch}}
        write_json(given.out / "gpu.json", content)
        text = markdown_text(content)
        write_text(given.out / "table.md", text)
    except PipelineError as error:
        _say(f"error: {error}")
        return 2
    sys.stdout.write(text)
    return int(any(case.get("wrong") for case in _all_cases(results)))


def _all_cases(results: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for result in results["tasks"].values():
        yield from result["cases"].values()


def _cores() -> int:
    return min(Settings().workers, len(os.sched_getaffinity(0)))


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    # A compilation that was given up may still be running, and Python would wait for it.
    os._exit(status)
