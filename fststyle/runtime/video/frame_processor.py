"""Stylize the frames of a video.

The network may process several frames concurrently. Flicker suppression and masks are applied in the order of
the frames.
"""

import os
import sys
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from fststyle.arrays import RGB, Array
from fststyle.errors import InputError
from fststyle.io.resize import resize_to
from fststyle.runtime import blank_frames, devices, mask
from fststyle.runtime.settings import VideoSettings
from fststyle.runtime.temporal import TemporalFilter, hold_for_strength
from fststyle.runtime.video import keyframes, moving_mask
from fststyle.runtime.video.formats.base import Item, Source, TimedFrame
from fststyle.runtime.video.retime import output_time
from fststyle.runtime.video.transitions import TransitionStylizer

_JUMP = 0.25
"""Change of the share of a style, or of the strength, between two frames above which flicker suppression
restarts.
"""


def concurrency(settings: VideoSettings) -> tuple[VideoSettings, int]:
    """Return the settings with the number of threads per frame, and the number of concurrent frames.

    On a CPU with several cores, two frames are stylized concurrently with half of the cores each, since
    threads that share a frame wait for each other after every layer. More frames would need more memory. On
    other devices, with one core, or if ``threads`` is set, the settings are returned unchanged, and frames
    are stylized one at a time.
    """
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    if settings.threads is not None or cores < 2 or not devices.is_cpu(settings.device):
        return settings, 1
    return replace(settings, threads=cores // 2), 2


class FrameProcessor:
    """Stylizes the frames of one source in order.

    `begin` and `finish` are stages of `fststyle.runtime.video.pipeline.run`. ``transitions`` provides the
    function that stylizes a frame at a given time. ``on_note`` is called with messages about the mask. Call
    `close` at the end. Raises the errors of `fststyle.runtime.mask.load` and of
    `fststyle.runtime.video.moving_mask.opened`.
    """

    def __init__(
        self,
        source: Source,
        settings: VideoSettings,
        transitions: TransitionStylizer,
        on_note: Callable[[str], None] = lambda note: None,
    ):
        self._source, self._settings, self._transitions = source, settings, transitions
        self._suppression = _FlickerSuppression(settings)
        self._mask = mask.load(
            settings, lambda path: moving_mask.opened(path, source, settings.start, on_note)
        )
        self._constant = not settings.timeline.moves
        self._last: RGB | None = None
        self._filter: RGB
        self._stylized: RGB

    def begin(self, item: Item) -> Callable[[], tuple[Item, RGB | None]]:
        """Return a function that returns an item and its stylized frame, uint8 (H, W, 3).

        Call `begin` with each item in order. The returned function may be called in another thread. The
        stylized frame is None for a packet. Unless the style or the strength changes over time, it is also
        None for a repeated frame, which has the same array object as the previous frame; `finish` then reuses
        the previous result.
        """
        if not isinstance(item, TimedFrame) or (item.rgb is self._last and self._constant):
            return lambda: (item, None)
        self._last = item.rgb
        paint = self._transitions.at(output_time(item, self._source, self._settings.start))
        return lambda: (item, paint(item.rgb))

    def finish(self, stylized: tuple[Item, RGB | None]) -> Item:
        """Return the item to write, from the result of a function that `begin` returned.

        Flicker suppression and the mask are applied to frames; packets are returned unchanged. Call this with
        each result in order. Raises `InputError` if the aspect ratio of the mask does not fit the frame, and
        the errors of `fststyle.runtime.mask.Mask`.
        """
        item, rgb = stylized
        if not isinstance(item, TimedFrame):
            return item
        seconds = output_time(item, self._source, self._settings.start)
        if rgb is not None:
            self._filter = blank_frames.blended(item.rgb, self._suppression(seconds, item.rgb, rgb))
        if self._mask is None:
            self._stylized = self._filter
        elif rgb is not None or self._mask.moves:
            clock = self._source.origin - self._source.video_origin
            self._mask.at(clock + self._settings.start + seconds)
            self._stylized = self._mask(item.rgb, self._filter)
        # Return a copy, so that the caller may modify a frame that is shown twice.
        alpha = None if item.alpha is None else resize_to(item.alpha, self._stylized.shape[:2])
        return replace(item, rgb=self._stylized.copy(), alpha=alpha)

    def close(self) -> None:
        """Close the mask file, if there is one."""
        if self._mask is not None:
            self._mask.close()

    def state(self) -> dict[str, Array]:
        """Return the state after the last finished frame as a dict of named arrays.

        It contains the state of the flicker suppression, and that of the mask if there is one.
        """
        return {**self._suppression.state(), **({} if self._mask is None else self._mask.state())}

    def restore(self, state: dict[str, Array]) -> None:
        """Restore the state that `state` returned. Raises `InputError` for missing or damaged arrays."""
        self._suppression.restore(state)
        if self._mask is not None:
            self._mask.restore(state)


class _FlickerSuppression:
    """Callable that applies a `TemporalFilter` to stylized frames.

    It takes the output time in seconds, the source frame and the stylized frame. With ``--no-steady``, it
    returns the stylized frame unchanged. The ``hold`` of the filter, the weight of the previous result, is
    reduced for low strengths and while the style or the strength changes. The filter restarts after a change
    above `_JUMP`.
    """

    def __init__(self, settings: VideoSettings):
        self._filter = TemporalFilter() if settings.steady else None
        self._timeline, self._before, self._seconds = settings.timeline, settings.timeline(0.0), 0.0

    def __call__(self, seconds: float, frame: RGB, stylized: RGB) -> RGB:
        if self._filter is None:
            return stylized
        now, self._seconds = self._timeline(seconds), seconds
        if (change := keyframes.change(self._before, now)) > _JUMP:
            self._filter.reset()
        self._before, self._filter.hold = now, hold_for_strength(now[1], change)
        return self._filter(frame, stylized)

    def state(self) -> dict[str, Array]:
        if self._filter is None:
            return {}
        return {**self._filter.state(), "seconds": np.array(self._seconds, np.float64)}

    def restore(self, state: dict[str, Array]) -> None:
        if self._filter is None:
            return
        if "seconds" not in state:
            raise InputError("the saved state of flicker suppression is incomplete")
        self._seconds = float(state["seconds"])
        self._before = self._timeline(self._seconds)
        self._filter.restore(state)
