"""Command run: drives `dvc repro`, says where it is and how long it will take, prints the results.

DVC decides what runs. Its output is read line by line: what stages say passes through, and what DVC
says becomes "stage 12 of 58 finetune@mlp, about 9 min left". Estimates come from the durations of
earlier runs in .state/durations.json.
"""

import concurrent.futures
import contextlib
import dataclasses
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from elimax.pipeline.checkout.code_fingerprints import FINGERPRINT_STAGE, changed_stages
from elimax.pipeline.checkout.configs import PARAMS_FILE, unknown_name
from elimax.pipeline.checkout.files import Layout, read_json, write_json
from elimax.pipeline.checkout.params import load_params, seed_list, task_list, write_seeds
from elimax.pipeline.checkout.process import end_with_parent
from elimax.pipeline.checkout.profiles import copy_for_profile
from elimax.pipeline.command_line.progress import DEFAULT_SECONDS, Progress
from elimax.pipeline.errors import FileError, ParamsError, StageError
from elimax.pipeline.extras import require_package
from elimax.pipeline.tracking import PIPELINE_RUN

Say = Callable[[str], None]

REPORT_STAGE = "report"
STAGES_SIDE_BY_SIDE = ("extract", "pretrain", "finetune", "search")
"""Stages of which several items may run at once, in this order."""

FULL = "full"
"""Name of the run without a profile in .state/durations.json."""


def run_pipeline(
    tasks: Sequence[str] = (),
    profile: str | None = None,
    seeds: int | None = None,
    *,
    jobs: int = 1,
    layout: Layout | None = None,
    say: Say | None = None,
    emit: Callable[[dict[str, Any]], None] | None = None,
) -> int:
    """Brings the results of all or of some tasks up to date and prints them.

    Args:
        tasks: Names of tasks; none for all of params.yaml and the report over them.
        profile: Name of a profile of params.yaml, or None for a full run.
        seeds: Number of seeds of finetuning, written to params.yaml (that of the profile's copy if
            there is one) as 0, 1, ...; None leaves those that are there.
        jobs: Items of a stage, such as two tasks of finetune, that run at the same time. Evaluate,
            which measures, always runs alone.
        layout: The checkout; None finds it.
        say: Shows a line; None prints it.
        emit: Called at the end, if all went well, with the summaries of the results by task.

    Returns:
        Exit code: 0, that of DVC, or 128 + the number of the signal that ended the run.

    Raises:
        ParamsError: If a task or the profile is unknown.
        MissingPackageError: If DVC is not installed.
        StageError: If DVC or git cannot work here.
        FileError: If a file cannot be written.
    """
    require_package("dvc", "elimax run")
    layout = layout or Layout.find()
    say = say or _print
    work = layout if profile is None else copy_for_profile(layout, profile)
    known = task_list(load_params(work.params))
    for task in tasks:
        if task not in known:
            raise ParamsError(unknown_name(f"{PARAMS_FILE} has no task", task, known))
    if seeds is not None:
        write_seeds(work.params, seeds)
    # DVC's own message about a wrong list is hard to read.
    seed_list(load_params(work.params))
    if profile is not None:
        say(f"profile {profile} runs in {layout.shown(work.root)}")
    run = _Run(work, layout.state / "durations.json", profile or FULL, say)
    code, ran = run.bring_up_to_date([f"evaluate@{task}" for task in tasks], jobs)
    if code == 0 and REPORT_STAGE not in ran:
        print_results(work, tasks, say)
    if code == 0 and emit is not None:
        emit(read_summaries(work, tasks))
    return code


def read_summaries(layout: Layout, tasks: Sequence[str]) -> dict[str, Any]:
    """Reads the results.

    Args:
        layout: The checkout.
        tasks: Names of tasks; none for all that the report holds.

    Returns:
        Summaries by task, see `stages.report.summarise_task`.

    Raises:
        FileError: If a result is missing or broken.
    """
    if not tasks:
        return read_json(layout.results("summary.json"), "elimax report")["tasks"]
    from elimax.pipeline.stages.report import summarise_task  # Imported here: it loads JAX.

    params = load_params(layout.params)
    count, seeds = params["count"], seed_list(params)
    return {
        task: summarise_task(
            read_json(layout.evaluation(task), f"elimax evaluate {task}"),
            read_json(layout.order(task), f"elimax search {task}"),
            count,
            seeds,
        )
        for task in tasks
    }


def print_results(layout: Layout, tasks: Sequence[str], say: Say) -> None:
    """Prints the table of multiplications.

    Args:
        layout: The checkout.
        tasks: Names of the tasks to show; none for all that the report holds.
        say: Shows a line.

    Raises:
        FileError: If a result is missing or broken.
    """
    # Imported here, so that the help of the commands does not wait for these modules.
    from elimax.pipeline.console import plain_table
    from elimax.pipeline.pages.report_tables import count_table

    summaries = read_summaries(layout, tasks)
    columns, rows = count_table(summaries)
    say(plain_table(columns, rows, "Multiplications, all / nontrivial").rstrip())
    if not tasks:
        page = layout.results("report.html")
        shown = page.relative_to(Path.cwd()) if page.is_relative_to(Path.cwd()) else page
        say(f"run times and learning curves: {shown}")


@dataclasses.dataclass(frozen=True)
class _Run:
    """One run of `dvc repro`."""

    layout: Layout
    durations_file: Path
    profile: str
    say: Say
    name: str = dataclasses.field(default_factory=lambda: f"{os.getpid()}-{time.time_ns()}")

    def bring_up_to_date(self, targets: Sequence[str], jobs: int = 1) -> tuple[int, set[str]]:
        """Runs the targets and what they depend on, or everything.

        Args:
            targets: Names of stages; none for all.
            jobs: Items of a stage that run at the same time.

        Returns:
            Exit code, and the names of the stages that ran.
        """
        changed = set(changed_stages(self.layout))
        if not self.layout.results("report.html").is_file():
            changed.add(REPORT_STAGE)  # DVC does not know that the stage writes it.
        # Asking DVC takes a second, and most of the time there is nothing to ask.
        needs = read_dag(self._dvc("dag", "--dot")) if changed else {}
        scope = reachable(needs, targets or needs) - {FINGERPRINT_STAGE}
        if not changed & scope:
            self.say("everything is up to date")
            return 0, set()
        feeds = {stage: {user for user in needs if stage in needs[user]} for stage in needs}
        durations = self._read_durations()
        progress = Progress(
            stages=frozenset(scope),
            waiting=reachable(feeds, changed & scope) & scope,
            durations=durations.setdefault(self.profile, {}),
            defaults=DEFAULT_SECONDS if self.profile == FULL else {},
        )
        code = self._side_by_side(progress, jobs) if jobs > 1 else 0
        code = code or self._follow(["repro", *targets], progress)
        if code == 0:
            progress.finish()
        elif progress.current:
            self.say(f"stopped in {progress.current}; run the same command again to resume")
        write_json(self.durations_file, durations)
        return code, progress.ran

    def _read_durations(self) -> dict[str, dict[str, float]]:
        try:
            found = read_json(self.durations_file, "make")
        except FileError:
            return {}
        return {key: value for key, value in found.items() if isinstance(value, dict)}

    def _environment(self) -> dict[str, str]:
        """Makes stages use this Python and the programs of this checkout, and print at once."""
        folders = [str(self.layout.root), os.environ.get("PYTHONPATH", "")]
        path = [str(Path(sys.executable).parent), os.environ.get("PATH", "")]
        return {
            **os.environ,
            "ELIMAX_ROOT": str(self.layout.root),
            PIPELINE_RUN: self.name,
            "PATH": os.pathsep.join(path),
            "PYTHONPATH": os.pathsep.join(filter(None, folders)),
            "PYTHONUNBUFFERED": "1",
        }

    def _dvc(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "dvc", *arguments],
            cwd=self.layout.root,
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise StageError(f"dvc {' '.join(arguments)} failed: {done.stderr.strip()}")
        return done.stdout

    def _start(self, *arguments: str) -> subprocess.Popen[str]:
        """Starts DVC."""
        return subprocess.Popen(
            [sys.executable, "-m", "dvc", *arguments],
            cwd=self.layout.root,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            # Signals reach DVC and its stage through their group, once, whoever sent them.
            process_group=0,
            preexec_fn=end_with_parent,
        )

    def _side_by_side(self, progress: Progress, jobs: int) -> int:
        """Runs the stages before evaluate, several items of a stage at once; returns an exit code.

        DVC runs one stage after the other, but several DVC processes may run different ones.
        """
        for stage in STAGES_SIDE_BY_SIDE:
            items = sorted(x for x in progress.waiting if x.partition("@")[0] == stage)
            code = self._all_at_once(items, jobs, progress)
            if code != 0:
                return code
        return 0

    def _all_at_once(self, items: Sequence[str], jobs: int, progress: Progress) -> int:
        running: dict[str, subprocess.Popen[str]] = {}

        def run(item: str) -> int:
            if received:
                return 128 + received[0]
            began = time.monotonic()
            with self._start("repro", "--single-item", item) as process:
                running[item] = process
                if received:  # While it was being started
                    process.terminate()
                said, _ = process.communicate()
                del running[item]
            if process.returncode == 0:
                took = time.monotonic() - began
                progress.durations[item] = round(took, 1)
                self.say(f"{item}: done in {took:.0f} s")
            elif not received:
                last = [line for line in said.splitlines() if line.strip()][-8:]
                self.say("\n".join([f"{item} failed:", *(f"  {line}" for line in last)]))
            return process.returncode

        with (
            _forwarded_signals(lambda: [x.pid for x in list(running.values())]) as received,
            concurrent.futures.ThreadPoolExecutor(jobs) as pool,
        ):
            codes = list(pool.map(run, items))
        return 128 + received[0] if received else next((x for x in codes if x), 0)

    def _follow(self, arguments: Sequence[str], progress: Progress) -> int:
        """Runs DVC and shows its lines; returns its exit code."""
        with (
            self._start(*arguments) as process,
            _forwarded_signals(lambda: [process.pid]) as received,
        ):
            for line in process.stdout or ():
                shown = progress.read(line.rstrip("\n"))
                if shown is not None:
                    self.say(shown)
            code = process.wait()
        return 128 + received[0] if received else code


def read_dag(text: str) -> dict[str, set[str]]:
    """Reads what `dvc dag --dot` prints.

    Returns:
        By stage, the stages that it depends on directly.
    """
    needs: dict[str, set[str]] = {}
    for line in text.splitlines():
        names = re.findall(r'"([^"]+)"', line)
        for name in names:
            needs.setdefault(name, set())
        if len(names) == 2:
            needs[names[1]].add(names[0])
    return needs


def reachable(edges: Mapping[str, set[str]], start: Iterable[str]) -> set[str]:
    """Returns the nodes that can be reached from the given ones, including these."""
    found: set[str] = set()
    waiting = list(start)
    while waiting:
        node = waiting.pop()
        if node not in found:
            found.add(node)
            waiting.extend(edges.get(node, ()))
    return found


@contextlib.contextmanager
def _forwarded_signals(groups: Callable[[], Iterable[int]]) -> Iterator[list[int]]:
    """Sends Ctrl-C and SIGTERM on to process groups; yields the list of those received."""
    received: list[int] = []

    def forward(number: int, frame: FrameType | None) -> None:
        del frame
        received.append(number)
        for group in list(groups()):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(group, number)

    previous = {
        number: signal.signal(number, forward) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield received
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _print(line: str) -> None:
    """Prints a line at once; a stage line stands out on a terminal."""
    if line.startswith("stage ") and sys.stdout.isatty() and "NO_COLOR" not in os.environ:
        line = f"\x1b[1m{line}\x1b[0m"
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
