"""How fast a style paints on this machine."""

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from fststyle import catalogue
from fststyle.runtime.raw import parse_size
from fststyle.runtime.session import Style, load_style
from fststyle.settings import option

SIZES = ("320x240", "640x480", "960x540", "1280x720", "1920x1080")
SLOW = 1.0
"""Seconds a frame may take before larger sizes are not tried."""
WARM_UP, LONG_ENOUGH = 0.2, 0.6
"""Seconds, see `_median`."""


@dataclass(frozen=True)
class SpeedSettings:
    """What is measured."""

    device: str = option("auto", "Where to paint; see `fststyle image --help`.")
    threads: int | None = option(None, "Threads of the CPU; one per core if not given.", min=1, max=1024)
    frames: int = option(10, "Frames timed for each figure at least, after some to warm up.", min=1, max=10000)


@dataclass(frozen=True)
class Speed:
    """One style in one precision at one size: the median time of a frame in milliseconds, from bytes to bytes."""

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
    styles: Sequence[str], sizes: Sequence[str] = SIZES, settings: SpeedSettings | None = None, on_start: Callable[[str], None] = lambda what: None
) -> Iterator[Speed]:
    """Time every style in every precision it has, one session at a time, since idle ones slow others down; larger sizes last, until one takes too long.

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
    return max((speed for speed in speeds if speed.fps >= fps), key=lambda speed: speed.width * speed.height, default=None)


def _median(style: Style, width: int, height: int, frames: int) -> float:
    """Milliseconds. Small frames are timed for a while, since the first of a session take up to twice as long and a few dozen are over in no time."""
    import numpy as np

    frame = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    for count, seconds in ((2, WARM_UP), (frames, LONG_ENOUGH)):
        times: list[float] = []
        while len(times) < count or sum(times) < seconds:
            begin = time.perf_counter()
            style(frame)
            times.append(time.perf_counter() - begin)
            if sum(times) > SLOW * 10:
                break
    return statistics.median(times) * 1000
