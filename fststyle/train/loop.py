"""The training loop shared by all trainers: progress, checkpoints, non-finite losses, Ctrl-C.

The training step itself is defined by each trainer, for example `fststyle.train.style.trainer.Trainer.step`.
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
from fststyle.signals import BURST, handled
from fststyle.train.compute import Compute

Batch = TypeVar("Batch")


class Interrupted(FststyleError):
    """Ctrl-C, SIGTERM or SIGHUP. The state after the last step is saved. The exit code is 128 + ``number`` of
    the signal, as shells expect.
    """

    def __init__(self, message: str, number: int = signal.SIGINT):
        super().__init__(message)
        self.exit_code = 128 + number


@dataclass(frozen=True)
class Progress:
    """Progress after a step: `rate` in images per second, the losses of the step, estimated seconds left."""

    step: int
    steps: int
    rate: float
    losses: dict[str, float] = field(default_factory=dict)
    seconds_left: float = math.nan


@contextlib.contextmanager
def stop_signal() -> Iterator[Callable[[], int]]:
    """A function that returns the number of the signal that was received, or 0, so that a step can complete.

    A second signal raises `KeyboardInterrupt` immediately, unless it comes within `BURST` seconds.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: 0
        return
    received, at = 0, 0.0

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal received, at
        if not received:
            received, at = number, time.monotonic()
        elif time.monotonic() - at >= BURST:
            raise KeyboardInterrupt

    with handled(note):
        yield lambda: received


def _out_of_memory(error: BaseException) -> bool:
    # The CPU allocator of torch raises a plain RuntimeError.
    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or "can't allocate memory" in str(error)


def run_loop(
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
    afterwards: str = "the state is saved; continue with --resume",
    leaner: str = "a smaller --size, --batch or --width",
) -> None:
    """Run the steps `start` .. `steps` - 1, one per batch.

    `saved_as`, `afterwards` and `leaner` are for messages: what `save` writes, the state after an
    interruption, and what reduces memory use.

    Raises:
        TrainingError: a loss is not finite, or out of memory. Nothing is saved after the failed step, so the
            last checkpoint is valid.
        Interrupted: a signal was received; the state is saved after the current step.
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
                kept = f"the {saved_as} of step {saved} is kept" if saved else f"no {saved_as} was saved yet"
                raise TrainingError(
                    f"step {number + 1}: a loss is not finite ({bad}); {kept}; a lower --learning-rate may"
                    " help"
                )
            done = number + 1
            stopping = compute.any(bool(stop()))
            if compute.leads:
                pace = (done - start) / max(time.monotonic() - began, 1e-9)
                report(Progress(done, steps, pace * batch_size, losses, (steps - done) / pace))
                if stopping or done % save_every == 0 or done == steps:
                    save(done)
                    saved = done
                if preview_every and done % preview_every == 0 and not stopping and done < steps:
                    preview(done)
            if stopping and done < steps:
                message = f"stopped after step {done} of {steps}; {afterwards}"
                raise Interrupted(message, stop() or signal.SIGINT)
        received = stop()
    if received:  # during the last step: what follows is interrupted
        signal.raise_signal(received)
