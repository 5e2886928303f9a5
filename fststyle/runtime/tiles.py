"""Stylize large images in tiles without visible seams.

If each tile had its own instance norm, the tiles would be normalized differently. The statistics of the whole
image are therefore computed once, from sample tiles (`instance_norm`), and used for all tiles. On each side,
a tile extends beyond its kept area by more than the radius of the receptive field of the network. If the
samples cover the image, the result equals the result without tiles, except for rounding.
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
"""Number of pixels by which a tile extends beyond its kept area on each side. The radius of the receptive
field is about 190 pixels in the live network and about 60 pixels in the johnson network.
"""

NOISE_PERIOD = 512
"""Period in pixels of the noise input of the live network. Tiles of this network begin at multiples of the
period, so their sides may be longer by up to one period.
"""

GRID = 16
"""Tiles begin at multiples of this number of pixels, which is a multiple of the strides of all networks."""

SAMPLE_PIXELS = 4_000_000
"""Maximum number of sampled pixels, about the number that the largest memory budget allows without tiles."""

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
    """Return the side in pixels of the area that is kept of each tile (see `Tile`), or None if the image is
    not tiled.

    Args:
        height: height of the image in pixels.
        width: width of the image in pixels.
        tile: "off" for no tiles; "auto" for tiles only if the image needs more memory than ``limit``; or a
            side of at least 64 pixels, which is rounded up to a multiple of `GRID`. The image is not tiled if
            both of its sides are at most this long.
        limit: memory budget in bytes; None uses `memory.limit`.

    Raises:
        InputError: ``tile`` is invalid.
    """
    if tile == "off":
        return None
    if tile == "auto":
        pixels = (memory.limit() if limit is None else limit) // memory.BYTES_PER_PIXEL
        if height * width <= pixels:
            return None
        # With smaller tiles, most of the stylized pixels would be overlap.
        return max(256, min(2048, _down(math.isqrt(pixels) - 2 * MARGIN - NOISE_PERIOD)))
    try:
        side = int(tile)
    except ValueError:
        side = 0
    if side < 64:
        raise InputError(f"--tile: {tile!r} is not auto, off or an integer of at least 64 (pixels)")
    side = -(-side // GRID) * GRID
    return None if side >= max(height, width) else side


class TiledStyle:
    """Callable that stylizes large frames in tiles.

    The constructor splits the graph of ``style`` with `instance_norm.split`, and opens a session for each of
    the two graphs. It raises the errors of `instance_norm.split` and `open_session`.
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
        """Stylize a frame, uint8 (H, W, 3) RGB, in tiles. Returns a new array of the same shape and type.

        Args:
            frame: the frame.
            side: side of the kept area of a tile in pixels; see `side_for`.
            on_tile: called after each tile with the number of finished tiles and the number of tiles.

        Raises:
            InputError: the frame is invalid, or memory is insufficient.
            StyleError: the network fails.
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
        """Compute the instance norm statistics of a frame from sample tiles (see `sample`).

        The result maps each name in `instance_norm.Split.names` to its gain or shift, float32 (1, C, 1, 1).
        It is empty for a style without instance norm.
        """
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

    The kept areas, with sides of ``side`` pixels, cover the image exactly once. The last one of a row or
    column may be smaller or slightly larger. Tiles extend at least ``margin`` pixels beyond their kept areas,
    except at the image border, and begin at multiples of ``align``. For networks with a noise input,
    ``align`` is the period of the noise, so that each tile has the same noise as the whole image.
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

    They have about ``pixels`` pixels in total, with sides of at most ``side`` pixels. A frame with at most
    ``pixels`` pixels is returned as the only tile, so that the statistics are exact.
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
    """Return the starts of up to ``count`` sample tiles of ``side`` pixels on an axis of ``length`` pixels.

    The axis is divided into equal parts, with a tile in the middle of each. Starts are rounded down to
    multiples of `GRID`.
    """
    count = max(1, min(count, length // side))
    share = length / count
    return sorted(
        {_down(max(0, min(length - side, int((i + 0.5) * share - side / 2)))) for i in range(count)}
    )


def _spans(length: int, side: int) -> Iterator[tuple[int, int]]:
    """Yield the start and end of each kept area along an axis of ``length`` pixels.

    All areas have ``side`` pixels except for the last one, which may be smaller or slightly larger.
    """
    starts = range(0, length, side)
    # A last area that is smaller than the minimum side is merged with the previous one.
    last = starts[-1] if len(starts) == 1 or length - starts[-1] >= MIN_SIDE else starts[-2]
    for start in starts:
        if start < last:
            yield start, start + side
    yield last, length


def _down(value: int) -> int:
    """Round ``value`` down to a multiple of `GRID`."""
    return value // GRID * GRID
