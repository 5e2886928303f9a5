"""The number of steps of ``--minutes``, from the measured speed of the machine."""

import statistics
import time
from collections.abc import Callable, Iterable

from torch import Tensor

from fststyle.train.compute import Compute
from fststyle.train.loop import Batch

TIMED_STEPS = 8
"""Steps that are measured; the first quarter is discarded."""


def steps_within(
    minutes: float,
    step: Callable[[int, Batch], dict[str, Tensor]],
    batches: Iterable[Batch],
    compute: Compute,
) -> int:
    """Number of steps that take `minutes`, at least 1. Runs `step` on the `batches`, about `TIMED_STEPS`, and
    discards its results, so it must change only a copy of the network.
    """
    times = []
    for number, batch in enumerate(batches):
        begin = time.perf_counter()
        float(step(number, batch)["loss"])  # synchronizes with the device
        times.append(time.perf_counter() - begin)
    seconds = statistics.median(times[len(times) // 4 :])
    return max(1, round(compute.broadcast(minutes * 60 / seconds)))
