"""The loop of `fststyle gatys` and `fststyle restore`, which optimize one picture in several stages."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from torch import Tensor

from fststyle.train import loop
from fststyle.train.compute import Compute

Stage = TypeVar("Stage")
Result = TypeVar("Result")


def run_picture_loop(
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
    """Run `iterations` steps for each of the `stages`. Returns the last `result`.

    Args:
        pixels: number of pixels of each stage, to which the time of its steps is proportional.
        preview_every: steps between calls of `on_preview` with the current `result`; 0: at the end only.
        result: returns the current picture.
        leaner: what reduces memory use, for the message.

    Raises:
        TrainingError, Interrupted: as `fststyle.train.loop.run_loop`.
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
        save_every=preview_every or len(costs),
        preview=lambda _: None,
        preview_every=0,
        report=report,
        saved_as="picture",
        afterwards="the picture is saved" if on_preview else "the picture is not saved",
        leaner=leaner,
    )
    return result()
