"""Context managers that ignore or defer Ctrl-C during critical sections."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Ctrl-C does nothing meanwhile. Signals are the main thread's; in another nothing is to be held off."""
    with _handled(signal.SIG_IGN):
        yield


@contextlib.contextmanager
def postponed() -> Iterator[None]:
    """Ctrl-C is raised afterwards: a large library that is interrupted while it is imported says that it is
    broken.
    """
    heard: list[int] = []
    try:
        with _handled(lambda number, _: heard.append(number)):
            yield
    finally:
        if heard:
            signal.raise_signal(signal.SIGINT)


@contextlib.contextmanager
def _handled(handler: Any) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_DFL if before is None else before)
