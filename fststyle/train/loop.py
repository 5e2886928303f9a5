"""The loop that every trainer shares: count steps, watch for a loss that is not a number, report, save, stop
on Ctrl-C.

What a step does is the trainer's own (`fststyle.train.style.train.step` reads top to bottom); what surrounds
it is here, once.
"""

import contextlib
import math
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from types import FrameType
from typing import TypeVar

import torch
from torch import Tensor

from fststyle.errors import FststyleError, TrainingError
from fststyle.train.compute import Compute

Batch = TypeVar("Batch")


class Interrupted(FststyleError):
    """Ctrl-C or SIGTERM: everything up to the last step is saved.

    Ends the command with 130, as shells expect.
    """

    exit_code = 130


@dataclass(frozen=True)
class Progress:
    """After a step: how far, how fast (images a second), the losses of the step, the seconds left at this
    rate.
    """

    step: int
    steps: int
    rate: float
    losses: dict[str, float] = field(default_factory=dict)
    seconds_left: float = math.nan


@contextlib.contextmanager
def stop_signal() -> Iterator[Callable[[], bool]]:
    """A function that tells whether Ctrl-C or SIGTERM has come; the signal waits for the end of the step.

    A second one acts at once.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    came = False

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal came
        if came:
            raise KeyboardInterrupt
        came = True

    # The terminal's end is none to a training under nohup.
    hung_up = (
        [signal.SIGHUP]
        if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN
        else []
    )
    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM, *hung_up)}
    try:
        yield lambda: came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _out_of_memory(error: BaseException) -> bool:
    # Of its CPU allocator torch says so in words only.
    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or "can't allocate memory" in str(error)


def run(
    step: Callable[[int, Batch], dict[str, Tensor]],
    batches: Iterable[Batch],
    *,
    start: int,
    steps: int,
    batch_size: int,
    compute: Compute,
    save: Callable[[int], None],
    save_every: int,
    preview: Callable[[int], None],
    preview_every: int,
    report: Callable[[Progress], None],
    saved_as: str = "checkpoint",
    afterwards: str = "everything is saved, --resume goes on from there",
    leaner: str = "a smaller --size, --batch or --width",
) -> None:
    """Take the steps `start` .. `steps` - 1, one per batch.

    `saved_as` is what `save` writes, `afterwards` what is true after a stop, and `leaner` what takes less
    memory; all for messages.

    Raises:
        TrainingError: a loss is not finite, or memory was not enough. The checkpoint written last is from
            before it: nothing is saved after a bad step.
        Interrupted: a signal came; the state was saved after the step it came in.
    """
    began, done, saved = time.monotonic(), start, start
    with stop_signal() as stop:
        for number, batch in zip(range(start, steps), batches, strict=False):
            try:
                losses = {name: float(value) for name, value in step(number, batch).items()}
            except (RuntimeError, MemoryError) as error:
                if not _out_of_memory(error):
                    raise
                raise TrainingError(f"step {number + 1}: not enough memory; {leaner} needs less") from error
            if compute.any(not all(map(math.isfinite, losses.values()))):
                bad = ", ".join(f"{name} {value:g}" for name, value in losses.items())
                kept = f"the {saved_as} of step {saved} is kept" if saved else f"there was no {saved_as} yet"
                raise TrainingError(
                    f"step {number + 1}: a loss is not finite ({bad}); {kept}; a lower --learning-rate may"
                    " help"
                )
            done = number + 1
            stopping = compute.any(stop())
            if compute.leads:
                pace = (done - start) / max(time.monotonic() - began, 1e-9)
                report(Progress(done, steps, pace * batch_size, losses, (steps - done) / pace))
                if stopping or done % save_every == 0 or done == steps:
                    save(done)
                    saved = done
                if preview_every and done % preview_every == 0 and not stopping and done < steps:
                    preview(done)
            if stopping and done < steps:
                raise Interrupted(f"stopped after step {done} of {steps}; {afterwards}")
