"""Kills stages at random points and checks the results: `make faults`.

Every stage runs once undisturbed, on one small task, in the scratch copy of the smoke profile. Then
it is started again and again, ended at a random point by SIGKILL or SIGTERM, and started once more:
it must succeed, print no traceback, and leave the bytes of the undisturbed run. After SIGTERM it
must exit within three seconds, with code 143. Two processes of one stage at the same time must not
disturb each other: the second one is refused.
"""

import argparse
import dataclasses
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence

from elimax.pipeline.checkout.files import Layout
from elimax.pipeline.checkout.machine import file_digest
from elimax.pipeline.checkout.profiles import copy_for_profile
from elimax.pipeline.pages.report_tables import markdown_table

TASK = "propane_combustion"
TERMINATION_SECONDS = 3.0
TIMEOUT = 900.0
"""Seconds after which a stage counts as hanging."""

Outputs = dict[str, str]
"""Digest of every file that a stage writes, by path."""


@dataclasses.dataclass(frozen=True)
class Stage:
    """A stage as a command, and the files that it writes, relative to the checkout."""

    name: str
    command: tuple[str, ...]
    outputs: tuple[str, ...]


STAGES = (
    Stage("extract", ("extract", TASK), (f"data/graphs/{TASK}.json",)),
    Stage(
        "pretrain",
        ("pretrain",),
        ("data/policies/pretrained.eqx", "data/pretrain/curve.csv", "data/pretrain/metrics.json"),
    ),
    Stage(
        "finetune",
        ("finetune", TASK, "--seed", "0"),
        (
            f"data/policies/{TASK}/0.eqx",
            f"data/finetune/{TASK}/0.csv",
            f"data/finetune/{TASK}/0.json",
        ),
    ),
    Stage("search", ("search", TASK), (f"data/orders/{TASK}.json",)),
    Stage("evaluate", ("evaluate", TASK), (f"data/evaluations/{TASK}.json",)),
)


@dataclasses.dataclass(frozen=True)
class Outcome:
    """The outcome of one fault.

    Attributes:
        fault: What was done.
        stage: Name of the stage.
        problem: What was wrong; empty if nothing.
    """

    fault: str
    stage: str
    problem: str


class Checkout:
    """The scratch copy in which stages run.

    Args:
        layout: The copy.
        python: The interpreter, and the words before the command of a stage.
    """

    def __init__(self, layout: Layout, python: Sequence[str]) -> None:
        self._layout = layout
        self._python = tuple(python)

    def start(self, stage: Stage) -> subprocess.Popen[str]:
        """Starts a stage."""
        root = str(self._layout.root)
        return subprocess.Popen(
            [*self._python, *stage.command],
            cwd=root,
            env={**os.environ, "ELIMAX_ROOT": root, "PYTHONPATH": root, "WANDB_MODE": "offline"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, stage: Stage) -> tuple[int, str, float]:
        """Runs a stage to its end; returns its exit code, its output, and the seconds it took."""
        began = time.monotonic()
        with self.start(stage) as process:
            said = _said(process)
        return process.returncode, said, time.monotonic() - began

    def outputs(self, stage: Stage) -> Outputs:
        """The files that a stage has written."""
        paths = ((name, self._layout.root / name) for name in stage.outputs)
        return {name: file_digest(path) for name, path in paths if path.is_file()}

    def forget(self, stage: Stage) -> None:
        """Deletes what a stage has written, as DVC does before it starts one."""
        for name in stage.outputs:
            (self._layout.root / name).unlink(missing_ok=True)


def _said(process: subprocess.Popen[str]) -> str:
    try:
        return process.communicate(timeout=TIMEOUT)[0]
    except subprocess.TimeoutExpired:
        process.kill()
        return process.communicate()[0] + f"\nhung for {TIMEOUT:.0f} s"


def problem_of(code: int, said: str, found: Outputs, wanted: Outputs) -> str:
    """Judges a stage that has run to its end.

    Args:
        code: Its exit code.
        said: Its output.
        found: Its files.
        wanted: The files of the undisturbed run.

    Returns:
        What is wrong; empty if nothing.
    """
    last = (said.strip().splitlines() or ["nothing"])[-1][:120]
    if code != 0:
        return f"exit code {code}: {last}"
    if "Traceback" in said:
        return f"a traceback: {last}"
    different = [name for name in wanted if found.get(name) != wanted[name]]
    return f"other bytes in {', '.join(different)}" if different else ""


def killed(checkout: Checkout, stage: Stage, after: float, wanted: Outputs) -> Outcome:
    """Ends a stage by SIGKILL and starts it again.

    Args:
        checkout: Where it runs.
        stage: The stage.
        after: Seconds from its start to the signal.
        wanted: The files of the undisturbed run.

    Returns:
        The outcome.
    """
    checkout.forget(stage)
    with checkout.start(stage) as process:
        time.sleep(after)
        process.kill()
        process.communicate()
    code, said, _ = checkout.run(stage)
    problem = problem_of(code, said, checkout.outputs(stage), wanted)
    return Outcome("kill -9, started again", stage.name, problem and f"at {after:.1f} s: {problem}")


def terminated(checkout: Checkout, stage: Stage, after: float) -> Outcome:
    """Ends a stage by SIGTERM.

    Args:
        checkout: Where it runs.
        stage: The stage.
        after: Seconds from its start to the signal.

    Returns:
        The outcome.
    """
    checkout.forget(stage)
    with checkout.start(stage) as process:
        time.sleep(after)
        process.terminate()
        sent = time.monotonic()
        said = _said(process)
        took = time.monotonic() - sent
    code, problem = process.returncode, ""
    # A signal that arrives before the stage has begun, or after it has ended, proves nothing.
    if code not in (128 + signal.SIGTERM, -signal.SIGTERM, 0):
        problem = f"exit code {code}"
    elif took > TERMINATION_SECONDS:
        problem = f"took {took:.1f} s"
    elif "Traceback" in said or "Exception ignored" in said:
        problem = "a traceback"
    return Outcome("SIGTERM", stage.name, problem and f"at {after:.1f} s: {problem}")


def at_once(checkout: Checkout, stage: Stage, wanted: Outputs) -> Outcome:
    """Starts a stage twice at the same time: one succeeds, the other succeeds or is refused.

    Args:
        checkout: Where both run.
        stage: The stage.
        wanted: The files of the undisturbed run.

    Returns:
        The outcome.
    """
    checkout.forget(stage)
    with checkout.start(stage) as first, checkout.start(stage) as second:
        ended = [(_said(process), process) for process in (first, second)]
    codes = [(process.returncode, said) for said, process in ended]
    # A process that began after the other had ended is not refused.
    bad = [x for x in codes if x[0] != 0 and "is already running as process" not in x[1]]
    if bad or all(code != 0 for code, _ in codes):
        code, said = (bad or codes)[0]
        problem = problem_of(code, said, {}, {})
    else:
        problem = problem_of(0, "", checkout.outputs(stage), wanted)
    return Outcome("two at once", stage.name, problem)


def outcomes(
    checkout: Checkout, stages: Sequence[Stage], tries: int, seed: int, say: Callable[[str], None]
) -> Iterator[Outcome]:
    """Tries all faults on all stages.

    Args:
        checkout: Where they run.
        stages: The stages, in an order in which they can run.
        tries: How often each signal is sent to each stage.
        seed: Seed of the points.
        say: Called with lines of progress.

    Yields:
        The outcomes.
    """
    points = random.Random(seed)
    for stage in stages:
        checkout.forget(stage)
        code, said, took = checkout.run(stage)
        wanted = checkout.outputs(stage)
        problem = problem_of(code, said, wanted, wanted)
        yield Outcome("none", stage.name, problem)
        if problem:
            return
        say(f"{stage.name} takes {took:.1f} s")
        for _ in range(tries):
            yield killed(checkout, stage, points.uniform(0.0, took), wanted)
        for _ in range(tries):
            yield terminated(checkout, stage, points.uniform(0.0, took))
        yield at_once(checkout, stage, wanted)


def table(found: Sequence[Outcome]) -> str:
    """The outcomes by fault and stage, as Markdown.

    Args:
        found: The outcomes.

    Returns:
        Lines without a final newline.
    """
    groups: dict[tuple[str, str], list[Outcome]] = {}
    for outcome in found:
        groups.setdefault((outcome.fault, outcome.stage), []).append(outcome)
    rows = []
    for (fault, stage), group in groups.items():
        problems = [x.problem for x in group if x.problem]
        rows.append([fault, stage, len(group), len(group) - len(problems), "; ".join(problems)])
    return markdown_table(["fault", "stage", "tries", "survived", "what was wrong"], rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Args:
        arguments: Its arguments; None takes those of the process.

    Returns:
        0, or 1 if something was wrong.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults", description=__doc__)
    names = [stage.name for stage in STAGES]
    parser.add_argument(
        "stages", nargs="*", metavar="STAGE", help=f"any of {', '.join(names)}; by default all"
    )
    parser.add_argument("--tries", type=int, default=20, help="how often each signal is sent")
    parser.add_argument("--seed", type=int, default=0, help="seed of the points in time")
    chosen = parser.parse_args(arguments)
    unknown = [name for name in chosen.stages if name not in names]
    if unknown:
        parser.error(f"unknown stage {unknown[0]!r}: choose from {', '.join(names)}")
    layout = copy_for_profile(Layout.find(), "smoke")
    # Stages before the chosen ones run too, since those need their files.
    last = max((names.index(name) for name in chosen.stages), default=len(names) - 1)
    checkout = Checkout(layout, [sys.executable, "-m", "elimax.pipeline"])
    found: list[Outcome] = []

    def say(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    for stage in STAGES[: last + 1]:
        tries = chosen.tries if not chosen.stages or stage.name in chosen.stages else 0
        for outcome in outcomes(checkout, [stage], tries, chosen.seed, say):
            say(f"{outcome.stage}: {outcome.fault}: {outcome.problem or 'survived'}")
            found.append(outcome)
    print(table(found))
    shutil.rmtree(layout.root, ignore_errors=True)
    return int(any(outcome.problem for outcome in found))


if __name__ == "__main__":
    sys.exit(main())
