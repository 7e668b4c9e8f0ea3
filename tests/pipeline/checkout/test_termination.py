"""SIGTERM ends a process within seconds, also where Python does not get to its handler."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from elimax.pipeline.checkout.termination import EXIT_CODE, ends_on_sigterm, last_words
from support.repository import ROOT

PROGRAM = """
import hashlib, pathlib, sys, time
from elimax.pipeline.checkout.termination import end_now, ends_on_sigterm, last_words
folder = pathlib.Path(sys.argv[1])

def busy():
    (folder / "started").write_text("")
    if sys.argv[2] == "compiler":
        # One long call into C, for whose end Python's handler has to wait, as for that of XLA.
        hashlib.pbkdf2_hmac("sha256", b"", b"", 10**9)
    elif sys.argv[2] == "callback":
        import gc
        gc.callbacks.append(lambda phase, info: time.sleep(20))
        gc.collect()
    time.sleep(30)

try:
    with ends_on_sigterm(), last_words(lambda: (folder / "said").write_text("x")):
        print("before", flush=False)
        try:
            busy()
        finally:
            (folder / "unwound").write_text("x")
except SystemExit as ending:
    end_now(ending.code)
"""


@pytest.mark.parametrize(
    ("what", "left"), [("python", "unwound"), ("compiler", "said"), ("callback", "said")]
)
def test_it_ends_in_time(tmp_path: Path, what: str, left: str) -> None:
    """By an ordinary exit where that is possible, else after the last words; output is flushed."""
    command = [sys.executable, "-c", PROGRAM, str(tmp_path), what]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=environment, **pipes) as process:
        while not (tmp_path / "started").exists():
            time.sleep(0.02)
        time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=15)
    assert (process.returncode, out, err) == (EXIT_CODE, "before\n", "")
    assert {path.name for path in tmp_path.iterdir()} == {"started", left}


def test_whoever_leaves_in_time_is_not_ended() -> None:
    """The context may be left by other ways as well, and the old handler is back then."""
    before = signal.getsignal(signal.SIGTERM)
    hook = sys.unraisablehook
    with pytest.raises(SystemExit) as caught, ends_on_sigterm(), last_words(pytest.fail):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(1)
    assert caught.value.code == EXIT_CODE
    sys.unraisablehook = hook
    with ends_on_sigterm():
        pass
    assert signal.getsignal(signal.SIGTERM) is before
