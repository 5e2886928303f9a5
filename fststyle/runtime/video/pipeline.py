"""Read, process and write items concurrently, with threads and bounded queues, in order and without loss."""

import enum
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from fststyle.signals import ignored_interrupts

In = TypeVar("In")
Middle = TypeVar("Middle")
Out = TypeVar("Out")

DEPTH = 4
"""Largest number of items in a queue between two stages."""


class _Nothing(enum.Enum):
    """Yielded by `_items` for an empty queue."""

    NOTHING = 0


class _End:
    """The last item of a queue, with the error that ended the stage before it."""

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
    """``sink(finish(begin(item)()))`` for every item of ``source``, in order.

    Source and sink run in threads of their own; ``begin`` and ``finish`` run in the thread of the caller, in
    order. The function that ``begin`` returns does the expensive part, in one of ``workers`` threads.

    The first error of any stage, or Ctrl-C, stops all stages and is raised after all threads have ended.
    ``patience`` is for a source and a sink that may block forever, such as pipes: the seconds to wait for the
    end of each. A thread that still blocks is abandoned; None waits without limit.
    """
    stop = threading.Event()
    before: queue.Queue[In | _End] = queue.Queue(DEPTH)
    after: queue.Queue[Out | _End] = queue.Queue(DEPTH)
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
                if item is not _Nothing.NOTHING:
                    sink(item)
        except BaseException as error:
            failed.append(error)
            stop.set()

    def work() -> Iterator[Out]:
        waiting: deque[Future[Middle]] = deque()
        for item in _items(before, stop, idle=lambda: bool(waiting)):
            if item is not _Nothing.NOTHING:
                waiting.append(pool.submit(begin(item)))
            # Up to two items more than workers wait: one for `finish`, and one for the next free worker. A
            # finished item does not wait for a source that is slow.
            if item is _Nothing.NOTHING or len(waiting) > workers + 1:
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
        # The caller closes source and sink, which no thread may still use. A second Ctrl-C waits too.
        with ignored_interrupts():
            stop.set()
            pool.shutdown(cancel_futures=True)
            for thread, seconds in zip(threads, patience, strict=True):
                if thread.ident is not None:
                    thread.join(seconds)
    if failed:
        raise failed[0]


def _put(to: "queue.Queue[In | _End]", item: In | _End, stop: threading.Event) -> bool:
    while not stop.is_set():
        try:
            to.put(item, timeout=0.1)
        except queue.Full:
            continue
        return True
    return False


def _items(
    of: "queue.Queue[In | _End]", stop: threading.Event, idle: Callable[[], bool] = lambda: False
) -> Iterator[In | _Nothing]:
    """The items of a queue until its end. `_Nothing` is yielded if the queue is empty and ``idle`` returns
    True, since the caller has other work.
    """
    while not stop.is_set():
        try:
            item = of.get_nowait() if idle() else of.get(timeout=0.1)
        except queue.Empty:
            if idle():
                yield _Nothing.NOTHING
            continue
        if isinstance(item, _End):
            if item.error is not None:
                raise item.error
            return
        yield item
