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
"""Time per frame in seconds above which larger sizes are skipped."""
MIN_SECONDS = 0.6
"""Minimum duration of a measurement in seconds."""


@dataclass(frozen=True)
class Speed:
    """Speed of a style at one precision and frame size.

    ``ms`` is the median time per frame in milliseconds, from uint8 input to uint8 output.
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
        return 1000 / self.ms


def measure(
    styles: Sequence[str],
    sizes: Sequence[str] = SIZES,
    settings: SpeedSettings | None = None,
    on_start: Callable[[str], None] = lambda what: None,
) -> Iterator[Speed]:
    """Measure each style in each precision and yield the results.

    Sizes are measured in ascending order, until a frame takes longer than `MAX_FRAME_SECONDS`. Only one
    session exists at a time, since idle sessions slow other sessions down.

    Args:
        styles: names or .onnx files.
        sizes: frame sizes as WIDTHxHEIGHT.
        settings: the settings; None uses the defaults.
        on_start: called with a description of each measurement before it starts.

    Raises:
        InputError: a size is not WIDTHxHEIGHT.
        StyleError: a style cannot be loaded.
        DeviceError: the device is not available.
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
    """Return the measurement with the largest frame size that reaches ``fps`` frames per second, or None."""
    return max(
        (speed for speed in speeds if speed.fps >= fps),
        key=lambda speed: speed.width * speed.height,
        default=None,
    )


def timings(
    paint: Callable[[], object], frames: int, seconds: float, patience: float = math.inf
) -> list[float]:
    """Call ``paint`` repeatedly and return the duration of each call in seconds.

    There are at least ``frames`` calls, which take at least ``seconds`` in total. A warm-up of at least two
    calls and a quarter of ``seconds`` precedes them, since the first frames of a session take up to twice as
    long. The warm-up and the measurement each stop after ``patience`` seconds.
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
    """Return the median time per frame in milliseconds."""
    frame = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    return (
        statistics.median(timings(lambda: style(frame), frames, MIN_SECONDS, MAX_FRAME_SECONDS * 10)) * 1000
    )
