"""Stylize large images in tiles without visible seams.

If each tile had its own instance norm, the tiles would be normalized differently. The statistics of the whole
image are therefore computed once, from sample tiles (`instance_norm`), and used for all tiles. Tiles overlap
by more than the receptive field of the network, and only their centers are kept. If the samples cover the
image, the result equals the result without tiles.
"""

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from fststyle import memory
from fststyle.arrays import RGB, Array
from fststyle.errors import InputError
from fststyle.io.pixels import MIN_SIDE
from fststyle.runtime import instance_norm
from fststyle.runtime.frame_contract import check_frame
from fststyle.runtime.session import open_session, run
from fststyle.runtime.style import Style

MARGIN = 192
"""Overlap in pixels on each side. The receptive field extends about 190 pixels from a pixel in the live
network, and about 60 pixels in the johnson network.
"""

NOISE_PERIOD = 512
"""Period in pixels of the noise input of the live network. Tiles begin at multiples of it, so they may be up
to this much larger.
"""

GRID = 16
"""Tiles begin at multiples of this number of pixels, which is a multiple of the stride of all networks."""

SAMPLE_PIXELS = 4_000_000
"""Number of pixels for the statistics if memory is sufficient, about as many as fit without tiles."""

SAMPLE_SIDE = 128
"""Side of the sample tiles in pixels. For the same number of pixels, statistics from small tiles are more
accurate than those from large tiles.
"""


class Tile(NamedTuple):
    """A tile of an image.

    Rows ``top:bottom`` and columns ``left:right`` are stylized. Of these, rows ``keep_top:keep_bottom`` and
    columns ``keep_left:keep_right`` are kept.
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
    """Return the side of the tiles in pixels, without overlap, or None for no tiles.

    Args:
        height: height of the image in pixels.
        width: width of the image in pixels.
        tile: "off", a side of at least 64, or "auto" for tiles only if the image needs more memory than
            ``limit``.
        limit: memory in bytes; None is `memory.limit`.

    Raises:
        InputError: ``tile`` is invalid.
    """
    if tile == "off":
        return None
    if tile == "auto":
        pixels = (memory.limit() if limit is None else limit) // memory.BYTES_PER_PIXEL
        if height * width <= pixels:
            return None
        # With smaller tiles, most of the work would be overlap.
        return max(256, min(2048, _down(math.isqrt(pixels) - 2 * MARGIN - NOISE_PERIOD)))
    try:
        side = int(tile)
    except ValueError:
        side = 0
    if side < 64:
        raise InputError(f"--tile: {tile!r} is not auto, off or a number of pixels of at least 64")
    side = -(-side // GRID) * GRID
    return None if side >= max(height, width) else side


class TiledStyle:
    """Callable that stylizes large frames in tiles.

    The constructor splits the graph of the style (`instance_norm.split`). It raises `StyleError` for a
    network with operators other than instance norm that reduce over the image.
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
        """Stylize a frame, uint8 (H, W, 3), in tiles of ``side`` pixels plus overlap.

        ``on_tile`` is called with the number of finished tiles and of all tiles. Raises `InputError` for
        other shapes and types, and for frames that do not fit in memory.
        """
        check_frame(frame)
        if frame.ndim != 3:
            raise InputError("tiles need one frame (H, W, 3), not a batch")
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

    def _statistics(self, frame: RGB) -> dict[str, Array]:
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
    """Yield the tiles of an image, row by row.

    The kept areas cover the image exactly once. Tiles extend at least ``margin`` pixels beyond them, except
    at the image border. They begin at multiples of ``align``. For networks with a noise input, this is the
    period of the noise, so that each tile has the same noise as the whole image.
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
    """Return sample tiles that are evenly distributed over a frame: uint8 (N, h, w, 3).

    They have about ``pixels`` pixels in total. A frame with at most ``pixels`` pixels is the only tile, and
    the statistics are exact.
    """
    height, width = frame.shape[:2]
    if height * width <= pixels:
        return np.ascontiguousarray(frame[None])
    h, w = min(side, height), min(side, width)
    count = max(1, pixels // (h * w))
    # Nearly square cells: rows / columns = (height / h) / (width / w).
    rows = max(1, min(count, round(math.sqrt(count * (height / h) / (width / w)))))
    columns = max(1, count // rows)
    tops, lefts = _starts(height, h, rows), _starts(width, w, columns)
    return np.stack([frame[top : top + h, left : left + w] for top in tops for left in lefts])


def _starts(length: int, side: int, count: int) -> list[int]:
    """Return the starts of up to ``count`` tiles of length ``side`` without overlap.

    Each tile is in the middle of its part of ``length``.
    """
    count = max(1, min(count, length // side))
    share = length / count
    return sorted(
        {_down(max(0, min(length - side, int((i + 0.5) * share - side / 2)))) for i in range(count)}
    )


def _spans(length: int, side: int) -> Iterator[tuple[int, int]]:
    starts = range(0, length, side)
    # A last tile that is below the minimum side is merged with the previous tile.
    last = starts[-1] if len(starts) == 1 or length - starts[-1] >= MIN_SIDE else starts[-2]
    for start in starts:
        if start < last:
            yield start, start + side
    yield last, length


def _down(value: int) -> int:
    return value // GRID * GRID
