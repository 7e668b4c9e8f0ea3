"""SIGTERM ends a stage within seconds, whatever it is doing, with exit code 143.

Python runs a signal handler between two of its own instructions, so not while XLA compiles, which
may take half a minute. The main thread therefore gets a moment to leave by an ordinary exit, which
closes files and runs; after that, a thread that waits for the signal says the last words and ends
the process. Either way it ends with `os._exit`, since the interpreter's own shutdown sometimes
crashes while XLA threads are still working.
"""

import contextlib
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import NoReturn

EXIT_CODE = 128 + signal.SIGTERM

MOMENT = 1.2
"""Seconds in which the main thread may leave by itself."""

LAST_WORDS = 1.2
"""Seconds that the last words may take."""

_last_words: list[Callable[[], None]] = []


@contextlib.contextmanager
def last_words(action: Callable[[], None]) -> Iterator[None]:
    """Registers what is done if SIGTERM ends the process while the context is open.

    Args:
        action: Called in another thread, and only if the main thread does not leave by itself.

    Yields:
        Nothing.
    """
    _last_words.append(action)
    try:
        yield
    finally:
        _last_words.remove(action)


@contextlib.contextmanager
def ends_on_sigterm() -> Iterator[None]:
    """Turns SIGTERM into an exit with 143 while the context is open; only in the main thread.

    Yields:
        Nothing.
    """
    left = threading.Event()
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    # C code writes the number of a signal there at once, whatever the main thread is doing.
    wakeup = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    previous = signal.signal(signal.SIGTERM, _leave)
    watcher = threading.Thread(target=_watch, args=(reading, left), name="sigterm", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)
        signal.set_wakeup_fd(wakeup)
        left.set()
        os.close(writing)
        watcher.join()
        os.close(reading)


def end_now(exit_code: int) -> NoReturn:
    """Ends the process without shutting down the interpreter.

    Args:
        exit_code: Its exit code.
    """
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
    os._exit(exit_code)


def _leave(number: int, frame: FrameType | None) -> None:
    del number, frame
    # Raised in a callback of the garbage collector, it cannot be caught and Python would print it.
    sys.unraisablehook = lambda unraisable: None
    raise SystemExit(EXIT_CODE)


def _watch(reading: int, left: threading.Event) -> None:
    """Waits for SIGTERM, or for the end of the context."""
    while numbers := os.read(reading, 64):
        if signal.SIGTERM in numbers and not left.wait(MOMENT):
            speaker = threading.Thread(target=_speak, daemon=True)
            speaker.start()
            speaker.join(LAST_WORDS)
            end_now(EXIT_CODE)


def _speak() -> None:
    for action in reversed(_last_words):
        with contextlib.suppress(Exception):
            action()
