"""What is done to each frame of a video: it is painted, which may go on beside others, and kept steady, one
after another.
"""

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fststyle.arrays import RGB, Gray
from fststyle.errors import InputError
from fststyle.runtime import blank_frames, devices, mask
from fststyle.runtime.settings import VideoSettings
from fststyle.runtime.temporal import Steady, held
from fststyle.runtime.video import keyframes
from fststyle.runtime.video.formats.base import Item, Shot, Source
from fststyle.runtime.video.retime import begins
from fststyle.runtime.video.transitions import Painters


def side_by_side(settings: VideoSettings) -> tuple[VideoSettings, int]:
    """How a video is painted on this machine, and how many frames at once.

    On a CPU two, each by half of the cores: threads that share one frame wait for each other at every layer,
    and those of two frames do not. More would take more memory.
    """
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    if settings.threads is not None or cores < 2 or not devices.is_cpu(settings.device):
        return settings, 1
    return replace(settings, threads=cores // 2), 2


class Frames:
    """The frames of one source, in their order; made for `fststyle.runtime.video.pipeline`."""

    def __init__(self, source: Source, settings: VideoSettings, painters: Painters):
        self._source, self._settings, self._painters, self._kept = source, settings, painters, _Kept(settings)
        self._mask = mask.load(settings)
        self._still = not settings.timeline.moves
        self._last: RGB | None = None
        self._made: RGB

    def begin(self, item: Item) -> Callable[[], tuple[Item, RGB | None]]:
        """The long part of the work on an item."""
        # a repeated frame is painted once
        if not isinstance(item, Shot) or (item.rgb is self._last and self._still):
            return lambda: (item, None)
        self._last = item.rgb
        paint = self._painters.at(_painted_at(item, self._source, self._settings))
        return lambda: (item, paint(item.rgb))

    def finish(self, painted: tuple[Item, RGB | None]) -> Item:
        """The item with its painting."""
        item, rgb = painted
        if not isinstance(item, Shot):
            return item
        if rgb is not None:
            made = blank_frames.held(
                item.rgb, self._kept(_painted_at(item, self._source, self._settings), item.rgb, rgb)
            )
            self._made = made if self._mask is None else self._mask(item.rgb, made)
        # A copy: a frame that is shown twice must not come with what was drawn on it the first time.
        return replace(item, rgb=self._made.copy(), alpha=fitted(item.alpha, self._made.shape[:2]))

    def state(self) -> dict[str, NDArray[Any]]:
        """What the next frame needs of those before, as arrays by name. For `restore`."""
        return {**self._kept.state(), **({} if self._mask is None else self._mask.state())}

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Go on after the frame at which `state` was called. Raises `InputError`."""
        self._kept.restore(state)
        if self._mask is not None:
            self._mask.restore(state)


class _Kept:
    """Keeps what is painted steady, but where another style or strength comes at once: nothing of the last is
    to linger then.
    """

    def __init__(self, settings: VideoSettings):
        self._steady = Steady() if settings.steady else None
        self._timeline, self._before, self._seconds = settings.timeline, settings.timeline(0.0), 0.0

    def __call__(self, seconds: float, frame: RGB, painted: RGB) -> RGB:
        if self._steady is None:
            return painted
        now, self._seconds = self._timeline(seconds), seconds
        if (change := keyframes.change(self._before, now)) > 0.25:
            self._steady.reset()
        self._before, self._steady.hold = now, held(now[1], change)
        return self._steady(frame, painted)

    def state(self) -> dict[str, NDArray[Any]]:
        if self._steady is None:
            return {}
        return {**self._steady.state(), "seconds": np.array(self._seconds, np.float64)}

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        if self._steady is None:
            return
        if "seconds" not in state:
            raise InputError("the state of flicker suppression lacks its time")
        self._seconds = float(state["seconds"])
        self._before = self._timeline(self._seconds)
        self._steady.restore(state)


def _painted_at(shot: Shot, source: Source, settings: VideoSettings) -> float:
    """Seconds since the beginning of the painted video."""
    return shot.seconds - begins(source, settings.start)


def fitted(alpha: Gray | None, size: tuple[int, int]) -> Gray | None:
    """Transparency, uint8 (H, W), in the size (H, W) of its frame."""
    return alpha if alpha is None or alpha.shape == size else resized(alpha, size)


def resized(picture: RGB, size: tuple[int, int]) -> RGB:
    """A picture, uint8 (H, W) or (H, W, 3), in the size (H, W)."""
    return np.asarray(Image.fromarray(picture).resize((size[1], size[0]), Image.Resampling.LANCZOS))
