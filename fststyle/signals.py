"""Signals that end the program: SIGINT (Ctrl-C), SIGTERM and SIGHUP.

`exceptions_for_signals` converts a signal to an exception in the main thread, which is raised after any
instruction, also between the acquisition of a lock and the block that releases it. If other threads need that
lock, the cleanup waits for them forever. Code of the main thread that shares queues, conditions or futures
with other threads therefore runs in `deferred_interrupts`, and checks between two items whether to stop.
"""

import _thread
import contextlib
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

BURST = 5.0
"""Seconds after a signal in which further signals are ignored, so that they do not interrupt the cleanup: two
presses of Ctrl-C, or SIGTERM and SIGHUP at the end of a session.
"""

_RETRY = 0.05
"""Seconds until a signal that is received during an import is raised again."""


def ending() -> list[signal.Signals]:
    """The signals that end a program on this system."""
    names = ("SIGINT", "SIGTERM", "SIGHUP")
    return [getattr(signal, name) for name in names if hasattr(signal, name)]


@contextlib.contextmanager
def exceptions_for_signals() -> Iterator[None]:
    """Raise `KeyboardInterrupt` for SIGINT, and `SystemExit` with the status 128 + number for the others, in
    the main thread.

    A signal that is ignored at the start, as SIGHUP under nohup, stays ignored. During an import, the
    exception is raised after the import. An exception that Python cannot raise, since a destructor or a
    callback was interrupted, is raised again. After the block, a signal ends the process at once, unless it
    is the second one.
    """
    ends = _Ends()
    numbers = _replaced(ends)
    hook, sys.unraisablehook = sys.unraisablehook, ends.unraisable
    try:
        yield
    finally:
        sys.unraisablehook = hook
        if ends.number is None:
            for number in numbers:
                signal.signal(number, signal.SIG_DFL)


class _Ends:
    """The handler of `exceptions_for_signals`. ``number``: the last signal that it raised."""

    def __init__(self) -> None:
        self.number: int | None = None
        self._at = 0.0

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self.number is not None and time.monotonic() - self._at < BURST:
            return
        # A library whose import is interrupted may report that it is broken.
        if _imports(frame):
            # Not a `threading.Timer`: the interrupted code may hold the locks of that module.
            _thread.start_new_thread(_later, (number,))
            return
        self.number, self._at = number, time.monotonic()
        raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(128 + number)

    def unraisable(self, ignored: "sys.UnraisableHookArgs") -> None:
        if self.number is None or not issubclass(ignored.exc_type, (KeyboardInterrupt, SystemExit)):
            sys.__unraisablehook__(ignored)
            return
        number, self.number = self.number, None
        _thread.start_new_thread(_later, (number,))


def _later(number: int) -> None:
    time.sleep(_RETRY)
    if hasattr(signal, "pthread_kill"):  # ends a call of the main thread that waits, such as for a lock
        signal.pthread_kill(threading.main_thread().ident or 0, number)
    else:
        signal.raise_signal(number)


def _imports(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


@contextlib.contextmanager
def deferred_interrupts(on_signal: Callable[[], object] = lambda: None) -> Iterator[Callable[[], bool]]:
    """Raise a signal that is received in the block after the block. Yields a function that returns whether
    there is one.

    For work that shares locks with other threads, for cleanup, and for imports. ``on_signal`` is called by
    the handler, so it must not acquire a lock. Only the main thread receives signals; in others this does
    nothing.
    """
    received: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        received.append(number)
        on_signal()

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    try:
        with handled(note):
            yield lambda: bool(received)
    finally:
        if received:
            signal.raise_signal(received[0])


@contextlib.contextmanager
def handled(handler: Callable[[int, FrameType | None], object]) -> Iterator[None]:
    """Set the handler of all signals that are not ignored, in the main thread, for the block."""
    before = _replaced(handler)
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


def _replaced(handler: Callable[[int, FrameType | None], object]) -> dict[signal.Signals, Any]:
    """Set the handlers. Returns the earlier ones."""
    before = {number: signal.getsignal(number) for number in ending()}
    # None: a handler that was not set from Python, and cannot be restored.
    usual = {number: set_ for number, set_ in before.items() if set_ not in (None, signal.SIG_IGN)}
    for number in usual:
        signal.signal(number, handler)
    return usual
