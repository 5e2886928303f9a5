"""Signals that end the program: SIGINT (Ctrl-C), SIGTERM and SIGHUP.

`exceptions_for_signals` converts a signal to an exception in the main thread. Python may raise it after any
instruction, even between acquiring a lock and entering the block that releases it. If other threads need that
lock, the cleanup deadlocks. Main-thread code that shares queues, conditions or futures with other threads
therefore runs in `deferred_interrupts`, and checks between items whether to stop.
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
"""Time in seconds after a signal during which further signals are ignored, so that they do not interrupt the
cleanup. Examples are a second Ctrl-C, or SIGTERM and SIGHUP at the end of a session.
"""

_RETRY = 0.05
"""Delay in seconds before a signal is sent again, because it arrived during an import or its exception could
not propagate.
"""


def ending() -> list[signal.Signals]:
    """Return the signals that end the program: SIGINT, SIGTERM and, on systems that have it, SIGHUP."""
    names = ("SIGINT", "SIGTERM", "SIGHUP")
    return [getattr(signal, name) for name in names if hasattr(signal, name)]


@contextlib.contextmanager
def exceptions_for_signals() -> Iterator[None]:
    """Context manager that raises an exception when SIGINT, SIGTERM or SIGHUP arrives.

    It must be used in the main thread. SIGINT raises `KeyboardInterrupt`. SIGTERM and SIGHUP raise
    `SystemExit` with the exit status 128 + signal number. A signal that is ignored at the start, such as
    SIGHUP under nohup, stays ignored.

    If a signal arrives during an import, its exception is raised after the import. If Python cannot propagate
    an exception, because it interrupted a destructor or a callback, the exception is raised again. After an
    exception, further signals are ignored for `BURST` seconds.

    At the end of the block, the default handlers are installed, so that a signal ends the process
    immediately. If a signal has raised an exception in the block, the handlers of this context manager remain
    installed instead.
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
    """Signal handler of `exceptions_for_signals`. ``number`` is the last signal for which it raised an
    exception, or None.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        self._at = 0.0

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self.number is not None and time.monotonic() - self._at < BURST:
            return
        # A library may report a broken installation if its import is interrupted.
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
    """Send a signal to the main thread after `_RETRY` seconds."""
    time.sleep(_RETRY)
    if hasattr(signal, "pthread_kill"):  # interrupts a blocking call of the main thread
        signal.pthread_kill(threading.main_thread().ident or 0, number)
    else:
        signal.raise_signal(number)


def _imports(frame: FrameType | None) -> bool:
    """Return whether an import is in progress in the stack of ``frame``."""
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


@contextlib.contextmanager
def deferred_interrupts(on_signal: Callable[[], object] = lambda: None) -> Iterator[Callable[[], bool]]:
    """Context manager that delays SIGINT, SIGTERM and SIGHUP until the end of the block.

    Yields a function that returns whether one of these signals has arrived. At the end of the block, the
    first signal that has arrived is sent again, and later ones are dropped. Use this for work that shares
    locks with other threads, for cleanup, and for imports. ``on_signal`` is called by the signal handler, so
    it must not acquire a lock. Only the main thread receives signals, so this context manager has no effect
    in other threads.
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
    """Context manager that installs ``handler`` for SIGINT, SIGTERM and SIGHUP, except for those that are
    ignored, and restores the former handlers at the end of the block. It must be used in the main thread.
    """
    before = _replaced(handler)
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


def _replaced(handler: Callable[[int, FrameType | None], object]) -> dict[signal.Signals, Any]:
    """Install ``handler`` for the signals in `ending`, and return a dict from signal to former handler.

    Signals that are ignored, or whose handler was not installed from Python, are left out.
    """
    before = {number: signal.getsignal(number) for number in ending()}
    # None: the handler was not installed from Python and cannot be restored.
    usual = {number: set_ for number, set_ in before.items() if set_ not in (None, signal.SIG_IGN)}
    for number in usual:
        signal.signal(number, handler)
    return usual
