"""Read, process and write items concurrently, with threads and bounded queues, in order and without loss."""

import enum
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from fststyle.signals import deferred_interrupts

In = TypeVar("In")
Middle = TypeVar("Middle")
Out = TypeVar("Out")

DEPTH = 4
"""Maximum number of items in a queue between two stages."""

_POLL = 0.1
"""Interval in seconds at which a blocked stage checks whether to stop."""

_POLL_IDLE = 0.01
"""Interval in seconds at which the calling thread checks whether an item is finished, while it waits for the
source.
"""


class _Nothing(enum.Enum):
    """Type of the value that `_items` yields for an empty queue."""

    NOTHING = 0


class _End:
    """Marker for the end of a queue. ``error`` is the exception that ended the previous stage, or None."""

    def __init__(self, error: BaseException | None = None):
        self.error = error


def run(
    source: Iterable[In],
    begin: Callable[[In], Callable[[], Middle]],
    finish: Callable[[Middle], Out],
    sink: Callable[[Out], None],
    workers: int = 1,
    patience: tuple[float | None, float | None] = (None, None),
) -> None:
    """Call ``sink(finish(begin(item)()))`` for every item of ``source``, in order and concurrently.

    Source and sink run in their own threads; ``begin`` and ``finish`` run in the calling thread. An error of
    any stage, or Ctrl-C, stops all stages and is raised after the threads have ended (see ``patience``).
    Ctrl-C takes effect after the current item.

    Args:
        source: the items.
        begin: called with each item in order. Returns the function that does the expensive part of the work,
            which runs in a worker thread.
        finish: called in order with the results of these functions.
        sink: called in order with the results of ``finish``.
        workers: number of worker threads.
        patience: maximum times in seconds to wait at the end for the thread of the source and for that of
            the sink, which may block forever if they are pipes. A thread that is still blocked is abandoned.
            None means no limit.
    """
    stop = threading.Event()
    interrupted: Callable[[], bool]
    before: queue.Queue[In | _End] = queue.Queue(DEPTH)
    after: queue.Queue[Out | _End] = queue.Queue(DEPTH)
    failed: list[BaseException] = []

    def stopping() -> bool:
        return stop.is_set() or interrupted()

    def read() -> None:
        try:
            for item in source:
                if not _put(before, item, stopping):
                    return
            _put(before, _End(), stopping)
        except BaseException as error:
            _put(before, _End(error), stopping)

    def write() -> None:
        try:
            for item in _items(after, stopping):
                if item is not _Nothing.NOTHING:
                    sink(item)
        except BaseException as error:
            failed.append(error)
            stop.set()

    def work() -> Iterator[Out]:
        waiting: deque[Future[Middle]] = deque()
        for item in _items(before, stopping, idle=lambda: bool(waiting)):
            if item is not _Nothing.NOTHING:
                waiting.append(pool.submit(begin(item)))
            # Up to two items more than there are workers are submitted: one for `finish`, and one for the
            # next free worker. While the source is slow, a finished item is passed on at once.
            if waiting[0].done() if item is _Nothing.NOTHING else len(waiting) > workers + 1:
                yield finish(waiting.popleft().result())
        while waiting and not stopping():
            yield finish(waiting.popleft().result())

    pool = ThreadPoolExecutor(workers, thread_name_prefix="fststyle-work")
    threads = [
        threading.Thread(target=target, name=f"fststyle-{target.__name__}", daemon=True)
        for target in (read, write)
    ]
    with deferred_interrupts() as interrupted:
        try:
            for thread in threads:
                thread.start()
            for item in work():
                if not _put(after, item, stopping):
                    break
            _put(after, _End(), stopping)
            while threads[1].is_alive() and not stopping():
                threads[1].join(_POLL)
        finally:
            # The caller closes source and sink, which no thread may still use.
            stop.set()
            pool.shutdown(cancel_futures=True)
            for thread, seconds in zip(threads, patience, strict=True):
                if thread.ident is not None:
                    thread.join(seconds)
    if failed:
        raise failed[0]


def _put(to: "queue.Queue[In | _End]", item: In | _End, stopping: Callable[[], bool]) -> bool:
    """Put an item into a queue. Returns False if the pipeline stops before there is room."""
    while not stopping():
        try:
            to.put(item, timeout=_POLL)
        except queue.Full:
            continue
        return True
    return False


def _items(
    of: "queue.Queue[In | _End]", stopping: Callable[[], bool], idle: Callable[[], bool] = lambda: False
) -> Iterator[In | _Nothing]:
    """Yield the items of a queue until its end, or until ``stopping`` returns True.

    Yields `_Nothing.NOTHING` if the queue is empty and ``idle`` returns True, so that the caller can do other
    work. Raises the error of the previous stage.
    """
    while not stopping():
        try:
            item = of.get(timeout=_POLL_IDLE if idle() else _POLL)
        except queue.Empty:
            if idle():
                yield _Nothing.NOTHING
            continue
        if isinstance(item, _End):
            if item.error is not None:
                raise item.error
            return
        yield item
