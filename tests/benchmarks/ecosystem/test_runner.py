"""Cases in processes of their own: what crashes, hangs or prints is one entry of the table."""

import sys

from benchmarks.ecosystem.cases import Case, Problem
from benchmarks.ecosystem.runner import command_for, environment, run_case
from benchmarks.ecosystem.stages import MARK

BEGIN = f"""
import os, sys, time
def tell(text): print({MARK!r} + text, flush=True)
def stage(name, status="right"):
    if name not in sys.argv:
        tell('{{"begin": "%s"}}' % name)
        if name == BAD: fail()
        tell('{{"stage": "%s", "status": "%s", "run": 1.0}}' % (name, status))
print("a package prints this")
"""
END = """
for name in ("build", "jacrev", "auto", "forward"): stage(name)
tell('{"begin": "end"}')
os._exit(0)
"""


def command(bad: str, fail: str) -> list[str]:
    """A process in which one stage does not go well."""
    return [sys.executable, "-c", f"BAD = {bad!r}\ndef fail(): {fail}\n{BEGIN}{END}"]


def test_all_stages() -> None:
    """What the process tells, and nothing of what it prints."""
    stages = run_case(command("none", "pass"), seconds=60)
    assert list(stages) == ["build", "jacrev", "auto", "forward"]
    assert stages["auto"] == {"status": "right", "run": 1.0}


def test_a_crash_is_one_entry() -> None:
    """The stage is named with what was last said, and the stages after it run."""
    fail = "print('no more memory', file=sys.stderr); os._exit(3)"
    stages = run_case(command("auto", fail), seconds=60)
    assert stages["auto"] == {"status": "failed", "error": "died with status 3: no more memory"}
    assert stages["forward"]["status"] == stages["jacrev"]["status"] == "right"


def test_a_stage_that_hangs_is_ended() -> None:
    """After its time; the others have theirs."""
    stages = run_case(command("auto", "time.sleep(600)"), seconds=3)
    assert stages["auto"] == {"status": "failed", "error": "timed out after 3 s"}
    assert stages["forward"]["status"] == "right"


def test_without_the_case_nothing_else_is_tried() -> None:
    """A package that cannot be imported, or a process that cannot start."""
    assert set(run_case(command("build", "os._exit(1)"), seconds=60)) == {"build"}
    stages = run_case([sys.executable, "-c", "raise SystemExit('no such module')"], seconds=60)
    assert stages == {"start": {"status": "failed", "error": "died with status 1: no such module"}}


def test_the_measuring_process() -> None:
    """An unknown case fails in the process that is started in earnest."""
    unknown = Case("none", "no_such_case", lambda: Problem(abs, ()))
    stages = run_case(command_for(sys.executable, unknown, gigabytes=16), seconds=120)
    assert stages == {"build": {"status": "failed", "error": "KeyError: 'no_such_case'"}}
    assert environment()["ELIMAX_CACHE_DIR"] == "off"
