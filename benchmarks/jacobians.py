"""Jacobians of tasks on the device that JAX finds, within a time limit; see README.md here.

`DIR/TASK.json` is written after every case, and the next call resumes from there; at the end,
`DIR/table.md` is written and printed. Needs jax, numpy, equinox, optax and numba, and nothing else.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import jax

from benchmarks.cases import Case, Settings, all_cases
from benchmarks.measuring import measure_case
from benchmarks.programs import reason
from benchmarks.records import TaskFile, collect, environment
from benchmarks.subjects import STORED, Subject
from benchmarks.tables import markdown_text
from benchmarks.training import measure_training
from elimax.interpreter.errors import ElimaxError
from elimax.interpreter.orders import PORTFOLIO
from elimax.pipeline.checkout.files import Layout, write_text
from elimax.pipeline.stages import rivals
from elimax.pipeline.tasks import task_names

TRAINING_SECONDS = 6.0
"""Time of the updates of one training, compilation not included."""
FIRST_TRAINING = 40.0
"""Seconds that a training with its compilation may take, while none has been measured."""


class Benchmark:
    """Measures cases as long as there is time.

    Attributes:
        folder: Where the results go.
        settings: What is measured.
        ends: When the time is up, on the clock.
        where: What `records.environment` returned.
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
        """Sets the benchmark up; `layout` says where the orders are, `clock` returns the time."""
        self.folder, self.settings, self.ends = folder, settings, ends
        self.where = environment(settings.orders)
        self._layout, self._clock = layout, clock
        self._files: dict[str, TaskFile] = {}
        self._subjects: dict[str, Subject] = {}

    def run(self, cases: Sequence[Case]) -> dict[str, dict[str, Any]]:
        """Measures what is missing; writes the file of a task after every case.

        Args:
            cases: What `all_cases` returned.

        Returns:
            What `records.collect` returns.

        Raises:
            PipelineError: If a task is unknown, a file does not belong here or cannot be written.
        """
        for task in dict.fromkeys(case.task for case in cases):
            subject = Subject.load(task, self._layout, self.settings.orders)
            fingerprint = subject.graph.fingerprint
            self._subjects[task] = subject
            self._files[task] = TaskFile(self.folder, task, fingerprint, self.where)
        for number, case in enumerate(cases, 1):
            try:
                self._run_case(case, f"{number} of {len(cases)}")
            except KeyboardInterrupt:  # What was measured is still reported.
                self._files[case.task].leave_out(case.label, "interrupted")
                break
        return collect(self.folder, self.where)

    def _run_case(self, case: Case, place: str) -> None:
        file = self._files[case.task]
        if file.has(case.label):
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
        return measure_case(subject, case, self._batch(case), self.settings)

    def _batch(self, case: Case) -> int:
        subject = self._subjects[case.task]
        return subject.fitting_batch(case.batch, case.dtype, self.settings.gigabytes)

    def _why_not(self, case: Case) -> str:
        """Why a case is not measured; empty if it is."""
        if case.kind != "training":
            if case.layout == "packed" and not rivals.can_be_packed(self._subjects[case.task].task):
                return "integers among the differentiated arguments cannot be packed into a vector"
            batch, kind = self._batch(case), case.label.rpartition(" ")[0]
            for label, other in self._files[case.task].cases.items():
                is_alike = label != case.label and label.rpartition(" ")[0] == kind
                if is_alike and other.get("batch") == batch:
                    return f"batch {batch} is the largest that fits, and was already measured"
        left, needed = self.ends - self._clock(), self._expected(case)
        return f"{max(0.0, left):.0f} s left, may take {needed:.0f} s" if left < needed else ""

    def _expected(self, case: Case) -> float:
        """Seconds that a case may take: the longest of its task and kind, or else of its kind.

        If its batch is larger than that of the other case, time for a few longer calls is added.
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
        arguments: Command-line arguments; None takes those of the process.

    Returns:
        `tasks`, `out`, `seconds` and `settings`.
    """
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.jacobians", description=(__doc__ or "").split("\n")[0]
    )
    add = parser.add_argument
    add("tasks", nargs="*", metavar="TASK", help="tasks, or module:function; all by default")
    add(
        "--out",
        type=Path,
        default=Path(".state/jacobians"),
        metavar="DIR",
        help="where the results go",
    )
    add(
        "--seconds",
        type=float,
        default=3600.0,
        help="no case is started that may end after this time",
    )
    add("--batch", type=int, metavar="SIZE", help="batch sizes", nargs="+")
    add("--layouts", choices=("published", "packed"), nargs="+")
    add("--dtype", choices=("float32", "float64"), help="dtypes of run times", nargs="+")
    add("--orders", metavar="ORDER", help="auto, best, fewest_nontrivial, or classical", nargs="+")
    add("--values", action="store_true", help="check values in float64")
    add("--check-batch", type=int, metavar="SIZE", help="batch size of these checks")
    add("--training", action="store_true", help="time the training of the policy")
    add("--gigabytes", type=float, help="memory for the dense Jacobians of one batch, in 1e9 bytes")
    add("--rounds", type=int, help="most rounds of run times of a case")
    add("--builds", type=int, help="most rounds of tracing and compiling")
    add("--case-seconds", type=float, help="time for the rounds of a case")
    add("--compilers", type=int, metavar="N", help="compilations at a time")
    add("--compile-seconds", type=float, help="time limit for compiling one function")
    parser.set_defaults(**vars(Settings()))
    given = parser.parse_args(arguments)
    if min(*given.batch, given.check_batch, given.rounds, given.builds, given.compilers) < 1:
        parser.error("batch sizes, rounds, builds and compilers must be at least 1")
    known = ("auto", *STORED, *PORTFOLIO)
    if unknown := sorted(set(given.orders) - set(known)):
        parser.error(f"there is no order {', '.join(unknown)}; orders: {', '.join(known)}")
    given.settings = Settings(**{key: getattr(given, key) for key in vars(Settings())})
    return given


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the benchmark.

    Args:
        arguments: Command-line arguments; None takes those of the process.

    Returns:
        The exit status: 1 if a value is wrong, 2 if files are missing or of another machine.
    """
    start = time.monotonic()
    given = parse(arguments)
    # Compilation is to be timed, not reading a compiled program from a file.
    jax.config.update("jax_enable_compilation_cache", False)
    try:
        ends, layout = start + given.seconds, Layout.find()
        benchmark = Benchmark(given.out, given.settings, ends, layout=layout)
        tasks = benchmark.run(all_cases(given.tasks or task_names(), given.settings))
        text = markdown_text(tasks, benchmark.where)
        write_text(given.out / "table.md", text)
    except ElimaxError as error:
        _say(f"error: {error}")
        return 2
    sys.stdout.write(text)
    return int(any(case.get("wrong") for x in tasks.values() for case in x["cases"].values()))


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def leave(status: int) -> NoReturn:
    """Ends the process, even while an abandoned compilation is still running."""
    sys.stdout.flush()
    os._exit(status)


if __name__ == "__main__":
    leave(main())
