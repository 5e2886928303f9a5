"""Measure the speed of styles on this machine."""

import math
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from fststyle import catalogue
from fststyle.runtime.settings import SIZES, SpeedSettings
from fststyle.runtime.style import Style, load_style
from fststyle.runtime.video.formats.raw import parse_size

MAX_FRAME_SECONDS = 1.0
"""Median time per frame in seconds above which larger sizes are skipped."""
MIN_SECONDS = 0.6
"""Minimum total time of the timed frames of a measurement, in seconds."""


@dataclass(frozen=True)
class Speed:
    """Speed of a style at one precision and frame size.

    Attributes:
        style: name of the style.
        precision: metadata entry ``precision`` of the style file, such as "int8-weights" or "int8"
            (docs/onnx-format.md). Without it, "int8" for the int8 file of a style, and otherwise "float".
        device: device that the style ran on.
        provider: name of the ONNX Runtime execution provider.
        width: width of the frames in pixels.
        height: height of the frames in pixels.
        ms: median time per frame in milliseconds, from uint8 input to uint8 output.
    """

    style: str
    precision: str
    device: str
    provider: str
    width: int
    height: int
    ms: float

    @property
    def fps(self) -> float:
        """Frames per second."""
        return 1000 / self.ms


def measure(
    styles: Sequence[str],
    sizes: Sequence[str] = SIZES,
    settings: SpeedSettings | None = None,
    on_start: Callable[[str], None] = lambda what: None,
) -> Iterator[Speed]:
    """Measure the speed of the float file and of the int8 file, if any, of each style, and yield the results.

    Sizes are measured in ascending order of the number of pixels. After a size whose median time per frame is
    above `MAX_FRAME_SECONDS`, larger sizes are skipped.

    Args:
        styles: names of styles or paths of .onnx files.
        sizes: frame sizes as WIDTHxHEIGHT. Repeated sizes are measured once.
        settings: the settings; None uses the defaults.
        on_start: called before each measurement with its description, such as "udnie int8 640x480".

    Raises:
        InputError: a size is invalid, or memory is insufficient.
        StyleError: a style cannot be loaded or fails to run.
        DeviceError: the device is unknown or not available.
        DependencyError: ONNX Runtime, or onnx for an int8 file that shares weights, is not installed.
    """
    settings = settings or SpeedSettings()
    shapes = sorted({parse_size(size, "--size") for size in sizes}, key=lambda shape: shape[0] * shape[1])
    for name in styles:
        entry = catalogue.locate(name)
        for precision in ("float", "int8") if entry.int8 else ("float",):
            style = load_style(name, settings.device, settings.threads, precision=precision)
            used = style.metadata.get("precision") or precision
            for height, width in shapes:
                on_start(f"{entry.name} {used} {width}x{height}")
                ms = _median(style, width, height, settings.frames)
                yield Speed(entry.name, used, style.device, style.provider, width, height, ms)
                if ms > MAX_FRAME_SECONDS * 1000:
                    break


def largest_at(speeds: Sequence[Speed], fps: float = 30.0) -> Speed | None:
    """Return the measurement with the largest frame size that reaches ``fps``, or None if there is none."""
    return max(
        (speed for speed in speeds if speed.fps >= fps),
        key=lambda speed: speed.width * speed.height,
        default=None,
    )


def timings(
    paint: Callable[[], object], frames: int, seconds: float, patience: float = math.inf
) -> list[float]:
    """Call ``paint`` repeatedly and return the duration of each call in seconds.

    A warm-up comes first: at least two calls, for at least a quarter of ``seconds``. Its durations are not
    returned, since the first frames of a session are slower. The measurement follows: at least ``frames``
    calls, for at least ``seconds`` in total. Both end early when their calls have taken more than
    ``patience`` seconds, but each makes at least one call.
    """
    times: list[float] = []
    for count, length in ((2, seconds / 4), (frames, seconds)):
        times = []
        while not times or (sum(times) <= patience and (len(times) < count or sum(times) < length)):
            begin = time.perf_counter()
            paint()
            times.append(time.perf_counter() - begin)
    return times


def _median(style: Style, width: int, height: int, frames: int) -> float:
    """Return the median time in milliseconds to stylize a frame of random pixels.

    The frame is stylized at least ``frames`` times, or less often if it is slow (see `timings`).
    """
    frame = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    return (
        statistics.median(timings(lambda: style(frame), frames, MIN_SECONDS, MAX_FRAME_SECONDS * 10)) * 1000
    )
