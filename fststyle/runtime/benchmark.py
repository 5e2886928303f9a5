"""How fast a style paints on this machine."""

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

SLOW = 1.0
"""Seconds a frame may take before larger sizes are not tried."""
LONG_ENOUGH = 0.6
"""Seconds that each figure is measured for, at least."""


@dataclass(frozen=True)
class Speed:
    """One style in one precision at one size: the median time of a frame in milliseconds, from bytes to
    bytes.
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
    """Time every style in every precision it has, one session at a time, since idle ones slow others down;
    larger sizes last, until one takes too long.

    Raises `InputError` for a size that is not WIDTHxHEIGHT, `StyleError`, `DeviceError`.
    """
    settings = settings or SpeedSettings()
    shapes = sorted({parse_size(size, "--size") for size in sizes}, key=lambda shape: shape[0] * shape[1])
    for name in styles:
        entry = catalogue.locate(name)
        for precision in ("float", "int8") if entry.int8 else ("float",):
            style = load_style(name, settings.device, settings.threads, precision=precision)
            told = style.metadata.get("precision") or precision
            for height, width in shapes:
                on_start(f"{entry.name} {told} {width}x{height}")
                ms = _median(style, width, height, settings.frames)
                yield Speed(entry.name, told, style.device, style.provider, width, height, ms)
                if ms > SLOW * 1000:
                    break


def holds(speeds: Sequence[Speed], fps: float = 30.0) -> Speed | None:
    """The largest of the measured sizes that reaches `fps`, or None."""
    return max(
        (speed for speed in speeds if speed.fps >= fps),
        key=lambda speed: speed.width * speed.height,
        default=None,
    )


def timings(
    paint: Callable[[], object], frames: int, seconds: float, patience: float = math.inf
) -> list[float]:
    """How long each call of `paint` takes, in seconds: at least `frames` calls and `seconds`, after two and a
    quarter of that to warm up.

    The first frames of a session take up to twice as long, and of small ones a few dozen are over in no time.
    Either part ends once it took `patience`.
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
    """Milliseconds."""
    frame = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    return statistics.median(timings(lambda: style(frame), frames, LONG_ENOUGH, SLOW * 10)) * 1000
