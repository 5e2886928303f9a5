"""The number of steps for ``--minutes``, from the measured speed of the machine."""

import statistics
import time
from collections.abc import Callable, Iterable

from torch import Tensor

from fststyle.train.compute import Compute
from fststyle.train.loop import Batch

TIMED_STEPS = 8
"""Number of timed steps. The first quarter is discarded as warm-up."""


def steps_within(
    minutes: float,
    step: Callable[[int, Batch], dict[str, Tensor]],
    batches: Iterable[Batch],
    compute: Compute,
) -> int:
    """Return the number of steps that take about `minutes` on this machine, at least 1.

    To measure the speed, `step` is run for each of the `batches`. It should therefore update a copy of the
    network, not the network to train. The median time is used; the first quarter of the steps is ignored as
    warm-up.

    Args:
        minutes: the intended training time.
        step: the training step: (step number, batch) -> losses by name, which include "loss".
        batches: the batches of the timed steps, usually `TIMED_STEPS`.
        compute: device and processes. All processes return the result of rank 0.
    """
    times = []
    for number, batch in enumerate(batches):
        begin = time.perf_counter()
        float(step(number, batch)["loss"])  # synchronizes with the device
        times.append(time.perf_counter() - begin)
    seconds = statistics.median(times[len(times) // 4 :])
    return max(1, round(compute.broadcast(minutes * 60 / seconds)))


def duration_message(steps: int, minutes: float) -> str:
    """Return the message that states how many `steps` were chosen for the setting ``minutes``."""
    taken = f"{minutes:g} minute{'s' * (minutes != 1)}"
    return f"{steps} {'step takes' if steps == 1 else 'steps take'} about {taken} on this machine"
