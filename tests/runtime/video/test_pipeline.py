import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fststyle.runtime.video import pipeline

pytestmark = pytest.mark.usefixtures("style_folder")


def same(item: Any) -> Any:
    return item


@pytest.mark.parametrize("workers", [1, 3])
def test_pipeline_keeps_the_order(workers):
    found: list[int] = []

    def begin(i: int) -> Callable[[], int]:
        def part() -> int:
            time.sleep(0.003 * (i % 3 == 0))
            return i * 2

        return part

    pipeline.run(range(50), begin, lambda i: i + 1, found.append, workers)
    assert found == [i * 2 + 1 for i in range(50)]


def test_pipeline_passes_on_items_of_a_slow_source():
    handed = threading.Event()

    def source() -> Iterator[int]:
        yield 1
        assert handed.wait(30)
        yield 2

    pipeline.run(source(), lambda i: lambda: i, same, lambda _: handed.set(), workers=3)


def test_pipeline_limits_concurrent_items():
    meeting = threading.Barrier(2, timeout=30)  # nobody passes alone
    at_work: list[int] = []

    def part() -> int:
        at_work.append(1)
        most = len(at_work)
        meeting.wait()
        at_work.pop()
        return most

    found: list[int] = []
    pipeline.run(range(8), lambda _: part, same, found.append, workers=2)
    assert len(found) == 8
    assert max(found) <= 2


def test_pipeline_raises_errors():
    def breaks(at: int) -> Iterator[int]:
        for i in range(50):
            if i == at:
                raise ValueError("source")
            yield i

    def third(kind: type[Exception]) -> Callable[[int], int]:
        def fails(i: int) -> int:
            if i == 3:
                raise kind
            return i

        return fails

    def ready(i: int) -> Callable[[], int]:
        return lambda: i

    begins, works = third(IndexError), third(OSError)
    for source, begin, finish, sink, kind in (
        (breaks(5), ready, same, same, ValueError),
        (range(50), lambda i: ready(begins(i)), same, same, IndexError),
        (range(50), lambda i: lambda: works(i), same, same, OSError),
        (range(50), ready, third(TypeError), same, TypeError),
        (range(50), ready, same, third(KeyError), KeyError),
    ):
        for workers in (1, 2):
            before = threading.active_count()
            with pytest.raises(kind):
                pipeline.run(source, begin, finish, sink, workers)
            assert threading.active_count() == before
            source = breaks(5) if kind is ValueError else source


# A signal arrives before a queue is unlocked. After an exception there, the threads would wait for the queue
# forever.
LOCKED = """
import queue, signal, threading
from fststyle.runtime.video import pipeline

class Lock:
    def __init__(self, lock):
        self.lock = lock

    def __getattr__(self, name):
        return getattr(self.lock, name)

    def __enter__(self):
        return self.lock.__enter__()

    def __exit__(self, *error):
        if threading.current_thread() is threading.main_thread() and len(done) == 3:
            signal.raise_signal(signal.SIGINT)
        self.lock.__exit__(*error)

class Queue(queue.Queue):
    def __init__(self, size):
        super().__init__(size)
        self.not_empty, self.not_full = Lock(self.not_empty), Lock(self.not_full)

def finish(number):
    done.append(number)
    return number

done = []
pipeline.queue.Queue = Queue
signal.signal(signal.SIGINT, signal.default_int_handler)
try:
    pipeline.run(range(100), lambda number: lambda: number, finish, lambda number: None)
except KeyboardInterrupt:
    print(len(done), threading.active_count())
"""


def test_signal_before_a_queue_is_unlocked_does_not_block_the_end():
    done = subprocess.run([sys.executable, "-c", LOCKED], capture_output=True, timeout=60, check=True)
    assert done.stdout.split() == [b"3", b"1"]
