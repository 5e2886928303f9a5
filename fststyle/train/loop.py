"""The loop of all commands that train or optimize: progress, checkpoints, non-finite losses and Ctrl-C.

Each command defines its own step, for example `fststyle.train.style.trainer.Trainer.step`.
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
    """A training run or an optimization was interrupted by SIGINT (Ctrl-C), SIGTERM or SIGHUP.

    The exit code of the command is 128 plus the signal number, as shells expect.

    Args:
        message: the error message, which says what was saved.
        number: the signal number.
    """

    def __init__(self, message: str, number: int = signal.SIGINT):
        super().__init__(message)
        self.exit_code = 128 + number


@dataclass(frozen=True)
class Progress:
    """The progress of a training run or an optimization, as reported after each step.

    Args:
        step: number of completed steps.
        steps: total number of steps.
        rate: mean speed in images per second since the loop started.
        losses: the losses of the step, by name.
        seconds_left: estimated remaining time in seconds; NaN if it is unknown.
    """

    step: int
    steps: int
    rate: float
    losses: dict[str, float] = field(default_factory=dict)
    seconds_left: float = math.nan


@contextlib.contextmanager
def stop_signal() -> Iterator[Callable[[], int]]:
    """Context manager that yields a function that returns the number of the first signal received, or 0.

    Within the context, the first SIGINT, SIGTERM or SIGHUP raises no exception, so that the current step can
    complete. Further signals are ignored for `BURST` seconds after the first one; later ones raise
    `KeyboardInterrupt` immediately. Outside the main thread, signals are not handled, and the function always
    returns 0.
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
    leaner: str,
    saved_as: str = "checkpoint",
    afterwards: str = "the state is saved; continue with --resume",
) -> None:
    """Run the steps `start` to `steps` - 1, with one batch for each step. If `batches` ends early, the loop
    stops without calling `save`.

    Args:
        step: the training step: (step number, batch) -> losses by name. Its first call has the number
            `start`.
        batches: the batches, in the order of the steps, beginning with that of the step `start`.
        start: number of steps that are already done.
        steps: total number of steps.
        batch_size: number of images in a batch, for the reported speed.
        compute: device and processes. Only rank 0 saves, previews and reports.
        save: called with the number of completed steps every `save_every` steps, after the last step and on
            interruption.
        save_every: steps between calls of `save`.
        preview: called with the number of completed steps every `preview_every` steps, but not after the
            last step.
        preview_every: steps between calls of `preview`; 0 for none.
        report: called with the `Progress` after each step.
        leaner: a change that reduces memory use, such as "a smaller --size", for the out-of-memory message.
        saved_as: a noun for what `save` writes, for the message about a loss that is not finite.
        afterwards: the end of the message of `Interrupted`, which says what was saved.

    Raises:
        TrainingError: a loss is not finite, or memory is exhausted. Nothing is saved after the failed step,
            so the last checkpoint is valid.
        Interrupted: a signal was received. The current step was completed, and `save` was called. If the
            signal arrives during the last step, the loop ends normally and then raises the signal again, so
            that it interrupts the code that follows.
    """
    began, done, saved = time.monotonic(), start, start
    with stop_signal() as stop:
        for number, batch in zip(range(start, steps), batches, strict=False):
            try:
                losses = {name: float(value) for name, value in step(number, batch).items()}
            except (RuntimeError, MemoryError) as error:
                if not _out_of_memory(error):
                    raise
                raise TrainingError(
                    f"step {number + 1}: out of memory; {leaner} needs less memory"
                ) from error
            if compute.any(not all(map(math.isfinite, losses.values()))):
                bad = ", ".join(f"{name} {value:g}" for name, value in losses.items())
                kept = f"the {saved_as} of step {saved} is kept" if saved else f"no {saved_as} has been saved"
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
    if received:  # the signal arrived during the last step, so interrupt the export that follows
        signal.raise_signal(received)
