"""Read, work and write at once: threads and short queues between them, everything in order, nothing dropped,
nothing that grows.
"""

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from fststyle.signals import undisturbed

DEPTH = 4
"""Items that wait between two stages."""


_NOTHING = object()


class _End:
    """The last item of a queue, with the error that ended the stage before it."""

    def __init__(self, error: BaseException | None = None):
        self.error = error


def run(
    source: Iterable[Any],
    begin: Callable[[Any], Callable[[], Any]],
    finish: Callable[[Any], Any],
    sink: Callable[[Any], None],
    workers: int = 1,
    patience: tuple[float | None, float | None] = (None, None),
) -> None:
    """``sink(finish(begin(item)()))`` for every item of ``source``, in order.

    Source and sink run in threads of their own, ``begin`` and ``finish`` in the caller's, each in the order
    of the items; what ``begin`` gives back is the long part and runs in one of ``workers`` threads, beside
    that of other items.

    The first error of any stage, and Ctrl-C, stops all and is raised here once every thread has ended. Where
    source or sink may wait for ever, for a pipe at whose other end nobody is, ``patience`` says for how many
    seconds each is waited for then; its thread is left behind.
    """
    stop = threading.Event()
    before: queue.Queue[Any] = queue.Queue(DEPTH)
    after: queue.Queue[Any] = queue.Queue(DEPTH)
    failed: list[BaseException] = []

    def read() -> None:
        try:
            for item in source:
                if not _put(before, item, stop):
                    return
            _put(before, _End(), stop)
        except BaseException as error:
            _put(before, _End(error), stop)

    def write() -> None:
        try:
            for item in _items(after, stop):
                sink(item)
        except BaseException as error:
            failed.append(error)
            stop.set()

    def work() -> Iterator[Any]:
        waiting: deque[Future[Any]] = deque()
        for item in _items(before, stop, idle=lambda: bool(waiting)):
            if item is not _NOTHING:
                waiting.append(pool.submit(begin(item)))
            # Two more than are at work: one for `finish`, and one to take up meanwhile; but nothing waits for
            # an item that may be long in coming.
            if item is _NOTHING or len(waiting) > workers + 1:
                yield finish(waiting.popleft().result())
        while waiting and not stop.is_set():
            yield finish(waiting.popleft().result())

    pool = ThreadPoolExecutor(workers, thread_name_prefix="fststyle-work")
    threads = [
        threading.Thread(target=target, name=f"fststyle-{target.__name__}", daemon=True)
        for target in (read, write)
    ]
    try:
        for thread in threads:
            thread.start()
        for item in work():
            if not _put(after, item, stop):
                break
        _put(after, _End(), stop)
        threads[1].join()
    finally:
        # Nobody may close what a thread still reads or writes; so a second Ctrl-C waits too.
        with undisturbed():
            stop.set()
            pool.shutdown(cancel_futures=True)
            for thread, seconds in zip(threads, patience, strict=True):
                if thread.ident is not None:
                    thread.join(seconds)
    if failed:
        raise failed[0]


def _put(to: queue.Queue[Any], item: Any, stop: threading.Event) -> bool:
    while not stop.is_set():
        try:
            to.put(item, timeout=0.1)
        except queue.Full:
            continue
        return True
    return False


def _items(
    of: queue.Queue[Any], stop: threading.Event, idle: Callable[[], bool] = lambda: False
) -> Iterator[Any]:
    """What comes out of a queue, until its end; `_NOTHING` where nothing is there and ``idle`` says that the
    caller has something else to do.
    """
    while not stop.is_set():
        try:
            item = of.get_nowait() if idle() else of.get(timeout=0.1)
        except queue.Empty:
            if idle():
                yield _NOTHING
            continue
        if isinstance(item, _End):
            if item.error is not None:
                raise item.error
            return
        yield item
