"""Context managers that ignore or defer Ctrl-C during critical sections."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType


@contextlib.contextmanager
def ignored_interrupts() -> Iterator[None]:
    """Ignore Ctrl-C inside the block. Only the main thread receives signals; in others this does nothing."""
    with _handled(signal.SIG_IGN):
        yield


@contextlib.contextmanager
def deferred_interrupts() -> Iterator[None]:
    """Raise Ctrl-C after the block, for imports: a library that is interrupted while it is imported may
    report that it is broken.
    """
    received: list[int] = []
    try:
        with _handled(lambda number, _: received.append(number)):
            yield
    finally:
        if received:
            signal.raise_signal(signal.SIGINT)


@contextlib.contextmanager
def _handled(handler: Callable[[int, FrameType | None], object] | signal.Handlers) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_DFL if before is None else before)
