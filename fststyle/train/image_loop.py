"""The loop of `fststyle gatys` and `fststyle restore`, which optimize one image in several stages."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from torch import Tensor

from fststyle.train import loop
from fststyle.train.compute import Compute

Stage = TypeVar("Stage")
Result = TypeVar("Result")


def run_image_loop(
    step: Callable[[int, Stage], dict[str, Tensor]],
    stages: Sequence[Stage],
    pixels: Sequence[float],
    *,
    iterations: int,
    preview_every: int,
    compute: Compute,
    result: Callable[[], Result],
    on_progress: Callable[[loop.Progress], None] | None,
    on_preview: Callable[[Result], None] | None,
    leaner: str,
) -> Result:
    """Run `iterations` steps for each of the `stages`, and return the final image from `result`.

    Args:
        step: one optimization step: (step number, stage) -> losses by name.
        stages: the stages, in order, for example the scales from coarse to fine.
        pixels: number of pixels of each stage. For the estimate of the remaining time, a step is assumed to
            take a time proportional to this number.
        iterations: number of steps per stage.
        preview_every: steps between calls of `on_preview`; with 0, it is called only at the end and on
            interruption.
        compute: device and precision.
        result: returns the current image.
        on_progress: called after each step.
        on_preview: called with the current `result` every `preview_every` steps, at the end and on
            interruption.
        leaner: a change that reduces memory use, such as "a smaller --size", for the out-of-memory message.

    Raises:
        TrainingError, Interrupted: as in `fststyle.train.loop.run_loop`. Here, `on_preview` takes the place
            of the function that saves a checkpoint.
    """
    costs = [cost for cost in pixels for _ in range(iterations)]

    def report(progress: loop.Progress) -> None:
        if on_progress:
            done = progress.step
            left = done / progress.rate * sum(costs[done:]) / sum(costs[:done])
            on_progress(replace(progress, seconds_left=float(left)))

    loop.run_loop(
        step,
        (stage for stage in stages for _ in range(iterations)),
        start=0,
        steps=len(costs),
        batch_size=1,
        compute=compute,
        save=lambda _: on_preview(result()) if on_preview else None,
        save_every=(preview_every if on_preview else 0) or len(costs),
        preview=lambda _: None,
        preview_every=0,
        report=report,
        saved_as="image",
        afterwards="the image is saved" if on_preview else "the image is not saved",
        leaner=leaner,
    )
    return result()
