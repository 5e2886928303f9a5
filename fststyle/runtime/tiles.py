"""Pictures too large to paint at once: painted in tiles that fit together without a seam.

Instance norm makes plain tiles differ, because each tile is normalised by its own statistics. So the
statistics are taken once, for the whole picture, from sample tiles spread over it (see `instance_norm`), and
every tile is painted with them. Tiles overlap by more than a network sees around a pixel and only their
centres are kept; where the sample covers the picture the result is that of the whole picture.
"""

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fststyle import memory
from fststyle.arrays import RGB
from fststyle.errors import InputError
from fststyle.runtime import instance_norm
from fststyle.runtime.frame_contract import MIN_SIDE, check_frame
from fststyle.runtime.session import open_session, run
from fststyle.runtime.style import Style

MARGIN = 192
"""Overlap in pixels on each side: the live networks see about 190 pixels around each pixel, the reference
network about 60.
"""

NOISE_PERIOD = 512
"""Of the live networks: their tiles begin at multiples of it, so they may be larger by that much."""

GRID = 16
"""Tiles begin at multiples of this, and so of every network's stride; else each would be sampled at another
phase.
"""

SAMPLE_PIXELS = 4_000_000
"""Pixels that the statistics are taken from, where memory allows: about what is painted whole, so nothing is
lost at the limit.
"""

SAMPLE_SIDE = 128
"""Side of the sample tiles: with the same number of pixels, many small ones come nearer to the whole picture
than a few large ones.
"""


class Tile(NamedTuple):
    """What is painted, rows ``top:bottom`` and columns ``left:right``, and the part of the picture that is
    kept of it.
    """

    top: int
    bottom: int
    left: int
    right: int
    keep_top: int
    keep_bottom: int
    keep_left: int
    keep_right: int


def side_for(height: int, width: int, tile: str | int = "auto", limit: int | None = None) -> int | None:
    """The side of the tiles for a picture, in pixels without their overlap, or None to paint it whole.

    ``tile``: "off", a side from 64 up, or "auto": whole where that takes at most ``limit`` bytes of memory
    (None: `memory.limit`).
    Raises `InputError` for anything else.
    """
    if tile == "off":
        return None
    if tile == "auto":
        pixels = (memory.limit() if limit is None else limit) // memory.BYTES_PER_PIXEL
        if height * width <= pixels:
            return None
        # Below 256 nearly all work would be overlap.
        return max(256, min(2048, _down(math.isqrt(pixels) - 2 * MARGIN - NOISE_PERIOD)))
    try:
        side = int(tile)
    except ValueError:
        side = 0
    if side < 64:
        raise InputError(f"--tile: {tile!r} is none of auto, off or a number of pixels from 64 up")
    side = -(-side // GRID) * GRID
    return None if side >= max(height, width) else side


class TiledStyle:
    """A style that paints frames of any size in tiles; the two graphs are derived and loaded when it is made.

    Raises `StyleError` for a network that looks at the whole picture in another way than by instance norm.
    """

    def __init__(self, style: Style):
        self.style = style
        period = style.metadata.get("noise_period", "0")
        self._noise_period = int(period) if period.isdecimal() and len(period) < 6 else 0
        split = instance_norm.split(style.model, style.name)
        self._names = split.names
        self._gather, self._apply = (
            open_session(graph, style.device, style.threads, style.name)[0] if split.names else None
            for graph in (split.gather, split.apply)
        )

    def __call__(self, frame: RGB, side: int, on_tile: Callable[[int, int], None] | None = None) -> RGB:
        """Paint uint8 (H, W, 3) in tiles of ``side`` pixels and their overlap; ``on_tile(done, of)`` is
        called after each.

        Raises `InputError` for a frame that is none or does not fit in memory.
        """
        check_frame(frame)
        if frame.ndim != 3:
            raise InputError("tiles are for one frame (H, W, 3), not for a batch")
        feeds = self._statistics(frame)
        painted = np.empty_like(frame)
        tiles = list(grid(frame.shape[0], frame.shape[1], side, align=max(GRID, self._noise_period)))
        for done, t in enumerate(tiles, 1):
            part = np.ascontiguousarray(frame[t.top : t.bottom, t.left : t.right])
            out = (
                run(self._apply, {"frame": part[None], **feeds}, self.style.name)[0][0]
                if feeds
                else self.style(part)
            )
            painted[t.keep_top : t.keep_bottom, t.keep_left : t.keep_right] = out[
                t.keep_top - t.top : t.keep_bottom - t.top, t.keep_left - t.left : t.keep_right - t.left
            ]
            if on_tile is not None:
                on_tile(done, len(tiles))
        return painted

    def _statistics(self, frame: RGB) -> dict[str, NDArray[Any]]:
        if not self._names:
            return {}
        pixels = min(SAMPLE_PIXELS, max(SAMPLE_PIXELS // 8, memory.limit() // memory.BYTES_PER_PIXEL))
        return dict(
            zip(
                self._names,
                run(self._gather, {"frame": sample(frame, pixels)}, self.style.name, self._names),
                strict=True,
            )
        )


def grid(height: int, width: int, side: int, margin: int = MARGIN, align: int = GRID) -> Iterator[Tile]:
    """The tiles of a picture, row by row.

    What they keep covers it once; what they paint reaches at least ``margin`` further, where there is
    picture. They begin at multiples of ``align``: where a network adds a constant noise field, its period, so
    that every tile gets the noise of the whole picture.
    """
    rows, columns = list(_spans(height, side)), list(_spans(width, side))
    for top, bottom in rows:
        for left, right in columns:
            yield Tile(
                max(0, top - margin) // align * align,
                min(height, bottom + margin),
                max(0, left - margin) // align * align,
                min(width, right + margin),
                top,
                bottom,
                left,
                right,
            )


def sample(frame: RGB, pixels: int = SAMPLE_PIXELS, side: int = SAMPLE_SIDE) -> RGB:
    """Tiles spread evenly over a frame, at full scale: uint8 (N, h, w, 3) with at most about ``pixels``
    pixels.

    A frame that is no larger than that is its own only tile, and the statistics are then exact.
    """
    height, width = frame.shape[:2]
    if height * width <= pixels:
        return np.ascontiguousarray(frame[None])
    h, w = min(side, height), min(side, width)
    count = max(1, pixels // (h * w))
    # As near to square cells as the count allows: rows / columns = (height / h) / (width / w).
    rows = max(1, min(count, round(math.sqrt(count * (height / h) / (width / w)))))
    columns = max(1, count // rows)
    tops, lefts = _starts(height, h, rows), _starts(width, w, columns)
    return np.stack([frame[top : top + h, left : left + w] for top in tops for left in lefts])


def _starts(length: int, side: int, count: int) -> list[int]:
    """Where ``count`` tiles of ``side`` begin, each in the middle of its share of the length, kept inside the
    picture and apart from each other.
    """
    count = max(1, min(count, length // side))
    share = length / count
    return sorted(
        {_down(max(0, min(length - side, int((i + 0.5) * share - side / 2)))) for i in range(count)}
    )


def _spans(length: int, side: int) -> Iterator[tuple[int, int]]:
    starts = range(0, length, side)
    # A sliver at the end is not worth a tile of its own, and must not be smaller than the contract allows.
    last = starts[-1] if len(starts) == 1 or length - starts[-1] >= MIN_SIDE else starts[-2]
    for start in starts:
        if start < last:
            yield start, start + side
    yield last, length


def _down(value: int) -> int:
    return value // GRID * GRID
